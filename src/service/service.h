/* service.h - the port to whoever owns the server process: a systemd unit (system or user), the
 * site's start script, the recipe alone, or the Docker engine.
 *
 * The server is the process that listens on the site's port and runs from the environment (or is
 * the unit's main process); it is ended by pidfd, never by name. A second Open WebUI on the host is
 * never touched. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/site.h"

typedef struct ServiceState {
	pid_t pid; /* 0: not running */
	uint64_t start_ticks;
	pid_t stranger;    /* somebody else who listens on the port (-1: unseen); 0: nobody */
	char *stranger_is; /* what it is, for the message; NULL */
	char *unit_state;  /* "active (running)" of a unit, "running (healthy)" of a container, else
			      NULL */
} ServiceState;

bool service_state(const Site *site, ServiceState *ret, Err *err) NODISCARD;
void service_state_clear(ServiceState *state);
/* Ends it and verifies: process (and its children) gone, port free. Already stopped: fine. */
bool service_stop(const Site *site, Err *err) NODISCARD;
/* Through the owner. Returns when the process exists; whether it serves is the gate's question. An
 * owner that fails (script exits non-zero, unit fails) is ERR_EXEC with its last lines. */
bool service_start(const Site *site, Err *err) NODISCARD;
/* "systemd unit open-webui.service", "start script /…/start.sh", "the recorded command" */
char *service_describe(const Site *site, char **ret_local); /* English; for the screen */
