/* engine_address.h - where the Docker engine answers: a Unix socket, or TLS on this machine's own
 * address, in which both sides prove who they are.
 *
 * As the `docker` program decides: DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH of belay's
 * own environment, where a site file names none. Contexts of the program are not looked at: it is
 * told the same address (docker_program.h), so that both ask one engine. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

typedef struct EngineAddress {
	char *host;   /* as DOCKER_HOST has it: "unix:///var/run/docker.sock" */
	char *socket; /* its path; NULL: TLS */
	char *base;   /* of an URL: "http://docker", "https://127.0.0.1:2376" */
	char *certs;  /* folder with ca.pem, cert.pem and key.pem; NULL: not TLS */
} EngineAddress;

/* ERR_REFUSED for other machines, and for TCP without TLS: whoever reaches an engine is root. */
bool engine_address(EngineAddress *ret, Err *err) NODISCARD;
void engine_address_clear(EngineAddress *address);
/* From now on this engine, whatever the environment says; NULL: leaves it as it is. */
void engine_use(const char *host, const char *certs);
