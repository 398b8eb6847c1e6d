/* docker_program.h - the `docker` program, for what needs more than one question and one answer:
 * pulling (it knows the credentials of registries), loading, compose, and a container's standard
 * input and output (docs/decisions/0001). */
#pragma once
#include "base/list.h"
#include "os/proc.h"

/* Full path. ERR_REFUSED, with the package to install, when there is none. */
bool docker_program(char **ret, Err *err) NODISCARD;
/* What the program needs of belay's own environment, and the address of the engine that belay asks,
 * which wins over a context of the program. */
void docker_program_env(StrList *ret);
