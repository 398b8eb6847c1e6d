/* boot.h - start the target once against the migrated scratch database, in the cage, on a scratch
 * DATA_DIR with the backup's copy of the vector store, and ask it what the gate will ask: a missing
 * driver, key or setting is found before anything is stopped. Where the site can be prewarmed, it
 * is then started a second time as the upgrade will do it. */
#pragma once
#include "base/json.h"
#include "rehearse/cage.h"
#include "rehearse/rehearse.h"
#include "rehearse/scratch.h"

typedef struct BootSpec {
	const RehearsalSpec *rehearsal;
	Scratch *scratch;
	const Cage *cage; /* NULL: none */
	const char *url;  /* DATABASE_URL as seen from there */
	bool had_users;   /* onboarding must be off */
} BootSpec;

typedef struct BootReport {
	int64_t boot_ms; /* from the start to a healthy answer */
	int64_t stop_ms; /* from TERM until it was gone */
	int64_t warm_ms; /* from go to a healthy answer when prewarmed; 0: it cannot be */
	int64_t pss_kb;  /* of the serving process; of the waiting one where it was prewarmed */
	json_t *answers; /* [{"question", "ok", "saw"}] */
	char *modules; /* path of the list; NULL: not recorded, or not fit for a prewarmed start */
} BootReport;

/* ERR_VERIFY, ERR_EXEC or ERR_TIMEOUT when the release does not serve this data. Its log is kept as
 * FOLDER/boot.log of the rehearsal, masked. The server is gone afterwards. */
bool boot(const BootSpec *spec, BootReport *ret, Err *err) NODISCARD;
void boot_report_clear(BootReport *report);

/* boot_uploads.c: some of the site's uploads in the scratch DATA_DIR, where a release that throws
 * them away harms nobody. *ret_files: how many. */
bool boot_uploads(const BootSpec *spec, int64_t *ret_files, Err *err) NODISCARD;

/* boot_container.c: of a site in a container. */
typedef struct BootedContainer {
	char *id; /* also when the start failed: to be removed */
	pid_t pid;
	int pidfd;
} BootedContainer;
bool boot_container(
	const BootSpec *spec, int port, const char *log, BootedContainer *ret, Err *err) NODISCARD;

/* boot_recipe.c: the command and environment of the site's recipe, led to the target, to a port of
 * its own on loopback, and away from everything that is live. */
void boot_argv(const Site *site, const Release *target, StrList *ret);
void boot_listen(StrList *argv, int port); /* --host and --port */
bool boot_env(const Site *site, const char *url, const Scratch *scratch, StrList *ret,
	Err *err) NODISCARD;
/* Names of settings that the site has and the boot had to replace (Redis, a remote vector store).
 */
void boot_replaced(const Site *site, StrList *ret);
