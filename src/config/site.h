/* site.h - one Open WebUI installation, as adopt found it or the operator wrote it down.
 *
 * The site file (INI) is /etc/belay/NAME.conf for root, else $XDG_CONFIG_HOME/belay/NAME.conf;
 * state lies in /var/lib/belay/NAME or $XDG_STATE_HOME/belay/NAME, or $BELAY_STATE_DIR/NAME. A name
 * with a slash in it is the site file itself. Unknown keys are errors with the nearest name. A file
 * with a secret in it must be 0600.
 *
 * site_load() gives a checked description including the recipe and the settings Open WebUI would
 * use (webui_env.h); it changes nothing. The table of keys (keys.h) is the manual for each key. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/database_url.h"
#include "config/recipe.h"
#include "config/webui_env.h"

typedef enum {
	SERVICE_RECIPE,
	SERVICE_SCRIPT,
	SERVICE_SYSTEMD,
	SERVICE_CONTAINER,
	SERVICE_COMPOSE
} ServiceKind;

typedef struct Site {
	char *name;
	char *file; /* the site file */
	char *state_dir;
	char *language; /* "ko", "en" or NULL */

	char *environment;   /* the path as start scripts and units name it; may be a link to a
				release. NULL when it runs in a container */
	char *system_script; /* the open-webui of the system's Python; NULL: an ordinary site */
	char *system_python; /* and its interpreter (system_python.h) */
	char *start_directory;
	ServiceKind service;
	char *start_script; /* SERVICE_SCRIPT */
	char *unit;         /* SERVICE_SYSTEMD */
	bool user_unit;
	char *webui_container; /* SERVICE_CONTAINER */
	char *compose_project,
		*compose_service; /* SERVICE_COMPOSE; start_directory is its folder */
	char *compose_files;      /* comma-separated; NULL: not known */
	char *docker_host;        /* NULL: as the environment says (docker/engine_address.h) */
	char *docker_cert_path;   /* likewise */
	char *user;               /* the application's user */
	char *listen;             /* key `host` as written; may be a wildcard */
	char *host;               /* to reach it: "127.0.0.1" for a wildcard */
	int port;
	char *log_file; /* NULL: none known */

	char *data_dir;        /* key `data_dir`; NULL: the one Open WebUI uses (webui.data_dir) */
	char *secret_key_file; /* likewise; NULL: webui.key_file */

	char *database_url_text; /* key `database_url`; NULL: the one Open WebUI uses */
	char *admin_url;
	char *rehearsal_server;  /* URL of the PostgreSQL for proofs and rehearsals; NULL: the
				    site's own */
	char *container;         /* container of the database; NULL: none */
	bool disconnect_others;  /* sessions of others on the database may be ended */
	bool accept_replication; /* slots and subscriptions may stay with the old database */

	char *installer;  /* "uv", "pip" or "auto" */
	char *extras;     /* "all", "postgres", "" */
	char *overrides;  /* file for uv's --override; NULL */
	char *image_file; /* file with the target's image (docker save); NULL: it is pulled */
	char *wheels;     /* folder with wheels: no network; NULL */
	char *backup_dir; /* default START_DIRECTORY/backups */
	int keep_last, keep_daily, keep_weekly, keep_monthly; /* retention of backup sets */
	int64_t limit_rate; /* bytes a second of a backup; 0: as fast as it goes */
	char *api_key;      /* optional, for the gate */

	int64_t stop_timeout_ms;       /* TERM to KILL */
	int64_t start_timeout_ms;      /* gate: no progress for so long is a no */
	int64_t migrate_timeout_ms;    /* no progress for so long is stuck */
	char *read_on, *sqlite_freeze; /* "auto", "yes", "no" (database/read_on.h) */
	int64_t max_gap_ms;            /* a copy by TEMPLATE may keep readers out for so long */
	int64_t max_dark_ms;           /* more predicted than that is refused; 0: no limit */
	int64_t max_read_only_ms;      /* 0: twice the prediction, at least a minute */
	int64_t watch_ms;

	Recipe recipe;
	WebuiEnv webui;
	DatabaseUrl database;
} Site;

/* name_or_file: NULL takes the only site there is (ERR_USAGE naming them when there are several;
 * ERR_CONFIG with `belay adopt` as the hint when there is none). */
bool site_load(const char *name_or_file, Site *ret, Err *err) NODISCARD;
/* The same from the text of a site file, not yet on disk (adopt). A recipe at hand may be put into
 * ret->recipe before (it is taken over, also on failure); else STATE/recipe.json is read; without
 * one the plain `open-webui serve` of the environment is the recipe. */
bool site_parse(const char *text, const char *file, Site *ret, Err *err) NODISCARD;
/* Works out webui and database again from site->recipe and the release that ENV names now (after a
 * switch, or when .env changed). */
bool site_refresh(Site *site, Err *err) NODISCARD;
/* …/open_webui of the release that ENV names; of the one that holds the data, else the newest,
 * while ENV is the stub of an unfinished run; of the system's Python while there is no ENV; NULL
 * when there is none. */
char *site_package_dir(const Site *site);
/* How the server would be started if nothing were known but the site file. */
bool site_plain_recipe(const Site *site, Recipe *ret, Err *err) NODISCARD;
/* The text of a site file with a comment above each key. Defaults are written commented out. */
char *site_format(const Site *site);
void site_clear(Site *site);

bool site_names(StrList *ret, Err *err) NODISCARD; /* the sites this user can see */
char *site_file_path(const char *name);
char *site_state_path(const char *name);
char *site_path(const Site *site, const char *below); /* STATE/below */
/* ENV.releases, ENV.data: beside the environment. STATE/releases for a site without one. */
char *site_releases_dir(const Site *site);
char *site_data_home(const Site *site);
char *site_vector_dir(const Site *site); /* DATA_DIR/vector_db */

/* Open WebUI in a container: data_dir is where its data lies on this machine, the recipe's command,
 * environment and folder are those inside. */
bool site_in_container(const Site *site);
/* "service chat of the compose project team", "container open-webui"; for messages */
char *site_container_words(const Site *site);
/* DATA_DIR as the container sees it. */
char *site_data_inside(const StrList *env, const char *dir);
/* The SQLite file of a URL that names it as the container sees it. ERR_REFUSED when it is not in
 * the data folder. */
bool site_database_outside(const Site *site, DatabaseUrl *database, Err *err) NODISCARD;
