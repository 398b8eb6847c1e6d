/* look.h - what the parts of adopt share: one look at this machine and the draft of the site it
 * becomes. Each finder fills in the draft; what an option said is never replaced. */
#pragma once
#include "adopt/adopt.h"
#include "config/keys.h"
#include "docker/engine_api.h"
#include "os/process_table.h"

#define LOOK_KEYS_MAX 64

typedef struct Look {
	const AdoptWish *wish;
	Site draft;                 /* fields of site keys, and the recipe */
	bool wished[LOOK_KEYS_MAX]; /* by position in site_keys: given as an option */
	Process process;            /* pid 0: nothing runs */
	int port;
	char *address;       /* that it listens on */
	Container container; /* that it runs in; id NULL: in none */
	Adoption *out;
} Look;

void look_clear(Look *look);
bool look_wished(const Look *look, const char *key);
/* A finding; `value` is masked. `how_fmt` is translated already: _("…"). */
void look_note(Look *look, const char *key, const char *value, const char *how_fmt, ...)
	PRINTF_LIKE(4, 5);
/* The same for a site key, which is also stored in the draft unless an option gave it. */
bool look_set(Look *look, const char *key, const char *value, Err *err, const char *how_fmt,
	...) NODISCARD PRINTF_LIKE(5, 6);
void look_warn(Look *look, const char *fmt, ...) PRINTF_LIKE(2, 3); /* fmt: _("…") */

/* Each finder: false is ERR_REFUSED (found, not to be handled) or a failure. */
bool find_server(Look *look, Err *err) NODISCARD;      /* process, port, address; may find none */
bool find_environment(Look *look, Err *err) NODISCARD; /* and the version in it */
/* No environment at `prefix`: Open WebUI in the system's Python or the user site. */
bool find_system(Look *look, const char *prefix, Err *err) NODISCARD;
bool find_owner(Look *look, Err *err) NODISCARD; /* service, start_script, unit, user_unit */
/* These look at out->site, whose settings are known by then. */
bool check_system(Look *look, Err *err) NODISCARD;  /* can the system's data stay where it is? */
bool find_database(Look *look, Err *err) NODISCARD; /* container, data, secret key */
void find_extras(Look *look);                       /* extras; warnings about several workers */

/* Open WebUI in a container: instead of find_environment and find_owner, then of find_database. */
bool find_container(Look *look, Err *err) NODISCARD; /* of look->process, or of the options */
bool describe_container(Look *look, Err *err) NODISCARD;
bool find_container_key(Look *look, Err *err) NODISCARD;

/* Exposed for tests. */
bool server_argv(const StrList *argv);
const char *server_container_kind(const char *cgroup); /* "Podman" …; NULL: Docker, or not told */
bool server_in_container(bool other_namespace, const char *cgroup);
int server_port_of_argv(const StrList *argv); /* --port; 0: not given */
/* NULL when the group belongs to no unit that could own a server (a login, cron, ssh …). */
char *owner_unit_of_cgroup(const char *cgroup, bool *ret_user_unit);
const char *owner_supervisor_name(const char *comm, const StrList *argv); /* NULL: none */
/* The start script in a folder; NULL with *ret_several set when it cannot be told. */
char *owner_script_in(const char *folder, bool *ret_several);
char *environment_of_argv(const StrList *argv, const char *folder); /* NULL: cannot be told */
char *environment_link_of(const char *environment); /* ENV for ENV.releases/VERSION, else a copy */
const char *extras_of(const char *site_packages);
