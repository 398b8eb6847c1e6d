/* adopt.h - find the running Open WebUI through /proc and describe it as a site.
 *
 * A server is a process that runs `open-webui serve`, `-m open_webui …` or uvicorn with
 * open_webui.main:app and listens on a TCP port; workers and children belong to it. Each finding
 * says how it is known. Refused by name: an Open WebUI inside a container of another kind than
 * Docker Engine's, in a swarm, under supervisord, pm2 or a watchdog; several servers without --pid.
 */
#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "config/site.h"

typedef struct Finding {
	char *key;   /* site key, or "version", "data", "secret-key" … */
	char *value; /* masked */
	char *how;   /* translated: "port 8080 listened on by process 4711" */
} Finding;
typedef struct Adoption {
	Site site;
	Finding *findings;
	size_t len;
	StrList warnings; /* translated */
	char *secret_key; /* that only a file in the container holds; NULL: none such */
} Adoption;

typedef struct AdoptWish {
	pid_t pid;        /* 0: find it */
	const char *name; /* site name; NULL: "openwebui" */
	const char *const
		*settings; /* "key=value" given as options, win over findings; NULL-terminated */
} AdoptWish;

/* ERR_REFUSED: found, but not to be handled (says why). ERR_CONFIG: nothing runs and the options do
 * not say enough (names the missing ones). Changes nothing. */
bool adopt_look(const AdoptWish *wish, Adoption *ret, Err *err) NODISCARD;
/* Write the site file (0600) and STATE/recipe.json; the secret key of a container first. */
bool adopt_save(const Adoption *adoption, Err *err) NODISCARD;
void adoption_clear(Adoption *adoption);
