/* engine_change.h - what changes containers at a Docker Engine. Each call passes a fault point
 * before it is sent (os/http), and each is safe to repeat where that is said. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"

/* `config` as POST /containers/create takes it. ERR_REFUSED where the name is taken or the image is
 * not there: nothing is ever pulled by this. */
bool docker_create(const char *name, const json_t *config, char **ret_id, Err *err) NODISCARD;
/* Into a further network. */
bool docker_connect(
	const char *network, const char *id, const json_t *endpoint, Err *err) NODISCARD;
/* Running already: fine. */
bool docker_start(const char *id, Err *err) NODISCARD;
/* TERM, and KILL after term_ms. Not running, or gone: fine. */
bool docker_stop(const char *id, int64_t term_ms, Err *err) NODISCARD;
/* Killed if it runs. Named volumes stay, those without a name too. Gone: fine. */
bool docker_remove(const char *id, Err *err) NODISCARD;
bool docker_rename(const char *id, const char *name, Err *err) NODISCARD;
/* `policy` as inspection shows it: {"Name": "always", "MaximumRetryCount": 0}. */
bool docker_set_restart(const char *id, const json_t *policy, Err *err) NODISCARD;
/* A file in a container that need not run; its folder must be there. */
typedef struct FileInside {
	const char *path, *text;
	uid_t uid;
	gid_t gid;
	mode_t mode;
} FileInside;
bool docker_write_file(const char *id, const FileInside *file, Err *err) NODISCARD;
