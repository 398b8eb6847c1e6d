/* cage.h - a network namespace whose only way out is a relay to the database.
 *
 * A release that is rehearsed with the site's own settings would talk to the site's model servers,
 * webhooks and tool servers, and run its schedules a second time. In the cage there is a loopback
 * interface and nothing else; the database answers there at the port that DATABASE_URL names.
 *
 *     cage_make    two children of belay: one holds the namespace, one relays
 *     cage_fd      for ProcSpec.cage_fd and DaemonSpec.cage_fd
 *     cage_url     DATABASE_URL as it must be written inside
 *     cage_call    run a function of ours inside (HTTP questions)
 *
 * Both children end with belay, whatever ends it. NULL stands for no cage everywhere. */
#pragma once
#include <stdint.h>

#include "base/text.h"
#include "config/site.h"

typedef struct Cage Cage;

/* database NULL or SQLite: no way out at all. Fails where the rights do not allow a namespace
 * (root, or user namespaces for everybody) and where the database does not answer. */
bool cage_make(const DatabaseUrl *database, Cage **ret, Err *err) NODISCARD;
/* The same for containers: one of ours, of `image` (an id) and without a network, holds the
 * namespace, and others are made to share its network. */
bool cage_make_container(const Site *site, const char *image, const char *database_url, Cage **ret,
	Err *err) NODISCARD;
const char *cage_container(const Cage *cage); /* its id; NULL: an ordinary cage, or none */
void cage_close(Cage *cage);
DEFINE_AUTO(Cage, cage_close)

int cage_fd(const Cage *cage); /* 0 for NULL */
/* The server's name stays in the URL (certificates are checked against it); libpq's hostaddr leads
 * to the relay. Caller frees. */
char *cage_url(const Cage *cage, const char *url);

/* Runs in a forked child inside the cage: nothing of belay's open connections may be used there. */
typedef void CageTask(void *arg, Text *answer);
/* *ret: what the task answered, at most 1 MiB. ERR_TIMEOUT after timeout_ms. */
bool cage_call(const Cage *cage, CageTask *task, void *arg, int64_t timeout_ms, char **ret,
	Err *err) NODISCARD;
