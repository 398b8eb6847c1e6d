#include "config/keys.h"

#include <ctype.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

#define VALUE_MAX   4096
#define COUNT_MAX   9999
#define SECONDS_MAX (7 * 24 * 3600)
/* A piece of a dump must pass long before it counts as stalled. */
#define RATE_LEAST      100000
#define RATE_NUMBER_MAX 1000000000
#define FIELD(name)     offsetof(Site, name)

const SiteKey site_keys[] = {
	{"webui", "environment", KEY_PATH, NULL, NULL, false, FIELD(environment),
		N_("the Python environment with Open WebUI, as start scripts and units name it")},
	{"webui", "system_script", KEY_PATH, NULL, NULL, false, FIELD(system_script),
		N_("the open-webui of the system's Python, where Open WebUI has no environment of its "
		   "own yet")},
	{"webui", "system_python", KEY_PATH, NULL, NULL, false, FIELD(system_python),
		N_("the interpreter that system_script runs with")},
	{"webui", "start_directory", KEY_PATH, NULL, NULL, false, FIELD(start_directory),
		N_("working directory of the server; default: that of the running server, else the "
		   "folder of the start script or of the environment")},
	{"webui", "user", KEY_TEXT, NULL, NULL, false, FIELD(user),
		N_("the user the server runs as; default: that of the running server, else the one "
		   "who calls belay")},
	{"webui", "host", KEY_TEXT, "127.0.0.1", NULL, false, FIELD(listen),
		N_("address the server listens on; behind 0.0.0.0 it is reached at 127.0.0.1")},
	{"webui", "port", KEY_PORT, "8080", NULL, false, FIELD(port),
		N_("port the server listens on")},
	{"webui", "log_file", KEY_PATH, NULL, NULL, false, FIELD(log_file),
		N_("file that the server's output goes to")},
	{"webui", "data_dir", KEY_PATH, NULL, NULL, false, FIELD(data_dir),
		N_("folder with uploads and vectors; default: DATA_DIR of the server, else the one "
		   "inside its environment")},
	{"webui", "secret_key_file", KEY_PATH, NULL, NULL, false, FIELD(secret_key_file),
		N_("file with the secret key; default: WEBUI_SECRET_KEY of the server, else "
		   ".webui_secret_key in the start directory")},
	{"webui", "api_key", KEY_TEXT, NULL, NULL, true, FIELD(api_key),
		N_("API key of an Open WebUI user; with it a known chat is read back after an upgrade")},

	{"service", "service", KEY_INDEX, "recipe", "recipe script systemd container compose",
		false, FIELD(service),
		N_("who starts the server: a systemd unit, a start script, Docker (a container of its "
		   "own, or a service of a compose project), or belay by the recorded command")},
	{"service", "start_script", KEY_PATH, NULL, NULL, false, FIELD(start_script),
		N_("the script that starts the server (service = script)")},
	{"service", "unit", KEY_TEXT, NULL, NULL, false, FIELD(unit),
		N_("the systemd unit of the server (service = systemd)")},
	{"service", "user_unit", KEY_FLAG, "no", NULL, false, FIELD(user_unit),
		N_("the unit belongs to the user's own systemd (systemctl --user)")},
	{"service", "webui_container", KEY_TEXT, NULL, NULL, false, FIELD(webui_container),
		N_("the Docker container of Open WebUI (service = container)")},
	{"service", "compose_project", KEY_TEXT, NULL, NULL, false, FIELD(compose_project),
		N_("the compose project of Open WebUI (service = compose)")},
	{"service", "compose_service", KEY_TEXT, NULL, NULL, false, FIELD(compose_service),
		N_("its service in that project")},
	{"service", "compose_files", KEY_TEXT, NULL, NULL, false, FIELD(compose_files),
		N_("the project's files, absolute and with commas between them")},
	{"service", "docker_host", KEY_TEXT, NULL, NULL, false, FIELD(docker_host),
		N_("the Docker engine that has the containers, such as unix:///run/other.sock; default: "
		   "DOCKER_HOST of whoever calls belay, else unix:///var/run/docker.sock")},
	{"service", "docker_cert_path", KEY_PATH, NULL, NULL, false, FIELD(docker_cert_path),
		N_("folder with ca.pem, cert.pem and key.pem for an engine at tcp://127.0.0.1:PORT")},
	{"service", "stop_timeout", KEY_SECONDS, "3", NULL, false, FIELD(stop_timeout_ms),
		N_("seconds that the server gets to end before it is killed")},
	{"service", "start_timeout", KEY_SECONDS, "120", NULL, false, FIELD(start_timeout_ms),
		N_("seconds without any progress after which a start has failed")},

	{"database", "database_url", KEY_TEXT, NULL, NULL, true, FIELD(database_url_text),
		N_("database of Open WebUI; default: the one its own settings name")},
	{"database", "admin_url", KEY_TEXT, NULL, NULL, true, FIELD(admin_url),
		N_("the same database server as a role that may create and rename databases, if the "
		   "application's role may not")},
	{"database", "rehearsal_server", KEY_TEXT, NULL, NULL, true, FIELD(rehearsal_server),
		N_("URL of another PostgreSQL server, of the same major version or newer, on which "
		   "backups are proven and upgrades rehearsed, as a role that may create databases; "
		   "default: the site's own server")},
	{"database", "container", KEY_TEXT, NULL, NULL, false, FIELD(container),
		N_("Docker container of the database; pg_dump and pg_restore are run in it where the "
		   "host has none")},

	{"database", "disconnect_others", KEY_FLAG, "no", NULL, false, FIELD(disconnect_others),
		N_("an upgrade may end sessions of others on the database, such as psql and BI tools")},
	{"database", "accept_replication", KEY_FLAG, "no", NULL, false, FIELD(accept_replication),
		N_("an upgrade may leave replication slots and subscriptions with the old database, "
		   "which is kept")},

	{"upgrade", "installer", KEY_CHOICE, "auto", "auto uv pip", false, FIELD(installer),
		N_("what installs packages; auto takes uv where there is one")},
	{"upgrade", "extras", KEY_TEXT, NULL, NULL, false, FIELD(extras),
		N_("extras of the package, such as all or postgres; default: postgres on PostgreSQL, "
		   "else none")},
	{"upgrade", "overrides", KEY_PATH, NULL, NULL, false, FIELD(overrides),
		N_("file for uv's --override, for example to choose a CPU-only torch")},
	{"upgrade", "image_file", KEY_PATH, NULL, NULL, false, FIELD(image_file),
		N_("file of `docker save` with the image of the next version; with it nothing is pulled "
		   "(a server in a container)")},
	{"upgrade", "wheels", KEY_PATH, NULL, NULL, false, FIELD(wheels),
		N_("folder with wheels; with it no network is used")},
	{"upgrade", "migrate_timeout", KEY_SECONDS, "900", NULL, false, FIELD(migrate_timeout_ms),
		N_("seconds without any progress after which a migration is stuck")},
	{"upgrade", "read_on", KEY_CHOICE, "auto", "auto yes no", false, FIELD(read_on),
		N_("whether users read on while the data is copied and migrated; auto: where they can; "
		   "yes: an upgrade without it is refused; no: they wait in the dark")},
	{"upgrade", "sqlite_freeze", KEY_CHOICE, "auto", "auto yes no", false, FIELD(sqlite_freeze),
		N_("the same for SQLite; auto: from release 0.9 on with a write-ahead log, since older "
		   "ones stall for 5 s at each attempt to save; yes: all the same")},
	{"upgrade", "max_gap", KEY_SECONDS, "5", NULL, false, FIELD(max_gap_ms),
		N_("seconds that users may be kept out while the database is copied; else it is copied "
		   "more slowly without keeping them out, as it always is before release 0.9, which "
		   "tells users then that their session has expired")},
	{"upgrade", "max_dark", KEY_SECONDS, "0", NULL, false, FIELD(max_dark_ms),
		N_("seconds without service above which an upgrade is refused by its rehearsal; 0: no "
		   "limit")},
	{"upgrade", "max_read_only", KEY_SECONDS, "0", NULL, false, FIELD(max_read_only_ms),
		N_("seconds that the site may stay read-only; 0: twice what is predicted, at least 60")},
	{"upgrade", "watch", KEY_SECONDS, "60", NULL, false, FIELD(watch_ms),
		N_("seconds that the new version is watched after it took over")},

	{"backup", "backup_dir", KEY_PATH, NULL, NULL, false, FIELD(backup_dir),
		N_("folder of the backup sets; default: backups in the start directory")},
	{"backup", "keep_last", KEY_COUNT, "7", NULL, false, FIELD(keep_last),
		N_("so many of the newest proven backup sets are kept")},
	{"backup", "keep_daily", KEY_COUNT, "7", NULL, false, FIELD(keep_daily),
		N_("and the newest of each of so many days")},
	{"backup", "keep_weekly", KEY_COUNT, "4", NULL, false, FIELD(keep_weekly),
		N_("and the newest of each of so many weeks")},
	{"backup", "keep_monthly", KEY_COUNT, "6", NULL, false, FIELD(keep_monthly),
		N_("and the newest of each of so many months")},

	{"backup", "limit_rate", KEY_RATE, "0", NULL, false, FIELD(limit_rate),
		N_("bytes a second that a backup reads of database and files at most, such as 500k or "
		   "20M; 0: no limit")},

	{"belay", "language", KEY_CHOICE, NULL, "en ko", false, FIELD(language),
		N_("language of belay; default: LC_MESSAGES or LANG")},
	{0},
};

static char **text_slot(const Site *site, const SiteKey *key)
{
	return (char **)((char *)site + key->offset);
}

const SiteKey *site_key_find(const char *name)
{
	for (const SiteKey *key = site_keys; key->name; key++)
		if (str_is(key->name, name))
			return key;
	return NULL;
}

const char *site_key_nearest(const char *word)
{
	const char *names[COUNT_OF(site_keys)];
	size_t len = 0;

	for (const SiteKey *key = site_keys; key->name; key++)
		names[len++] = key->name;
	names[len] = NULL;
	return str_nearest(word, names);
}

static bool plain_text(const SiteKey *key, const char *value, Err *err)
{
	if (strlen(value) > VALUE_MAX)
		return err_fail(err, ERR_CONFIG, "the value of '%s' is longer than %d bytes",
			key->name, VALUE_MAX);
	for (const char *c = value; *c; c++)
		if (iscntrl((unsigned char)*c))
			return err_fail(err, ERR_CONFIG,
				"the value of '%s' has a control character in it", key->name);
	/* Names end up as arguments of other programs. */
	if (value[0] == '-' && !key->secret)
		return err_fail(err, ERR_CONFIG, "the value of '%s' begins with a '-'", key->name);
	return true;
}

static bool set_path(Site *site, const SiteKey *key, const char *value, Err *err)
{
	size_t len = strlen(value);

	if (value[0] != '/')
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be an absolute path", value,
			key->name);
	while (len > 1 && value[len - 1] == '/')
		len--;
	AUTO(free_auto) char *path = str_dup_n(value, len);
	str_replace(text_slot(site, key), path);
	return true;
}

static bool set_port(Site *site, const SiteKey *key, const char *value, Err *err)
{
	char *end;
	long port = strtol(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end || port < 1 || port > 65535)
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be a port from 1 to 65535",
			value, key->name);
	*(int *)((char *)site + key->offset) = (int)port;
	return true;
}

static bool set_count(Site *site, const SiteKey *key, const char *value, Err *err)
{
	char *end;
	const long count = strtol(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end || count > COUNT_MAX)
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be a number from 0 to %d", value,
			key->name, COUNT_MAX);
	*(int *)((char *)site + key->offset) = (int)count;
	return true;
}

/* Digits with at most three after the point, so that no locale and no rounding matter. */
static bool parse_seconds(const char *value, int64_t *ret_ms)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}};
	int64_t ms = 0;
	int64_t place = 1000;
	const char *c = value;

	for (; isdigit((unsigned char)*c) && ms <= SECONDS_MAX * (int64_t)1000; c++)
		ms = ms * 10 + (*c - '0') * 1000;
	if (c == value)
		return false;
	if (*c == '.')
		for (c++; isdigit((unsigned char)*c) && place > 1; c++)
			ms += (*c - '0') * (place /= 10);
	while (*c == ' ')
		c++;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (!str_is(c, units[i].suffix))
			continue;
		*ret_ms = ms * units[i].factor;
		return *ret_ms <= SECONDS_MAX * (int64_t)1000;
	}
	return false;
}

static bool set_seconds(Site *site, const SiteKey *key, const char *value, Err *err)
{
	int64_t ms;

	if (!parse_seconds(value, &ms))
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be a number of seconds, at most a week",
			value, key->name);
	*(int64_t *)((char *)site + key->offset) = ms;
	return true;
}

/* Units of 1000, as disks and networks are sold, and as belay shows sizes. */
static bool parse_rate(const char *value, int64_t *ret)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000}};
	char *end;
	const long long number = strtoll(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || number > RATE_NUMBER_MAX)
		return false;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (!str_is(end, units[i].suffix))
			continue;
		*ret = number * units[i].factor;
		return *ret == 0 || *ret >= RATE_LEAST;
	}
	return false;
}

static bool set_rate(Site *site, const SiteKey *key, const char *value, Err *err)
{
	int64_t rate;

	if (!parse_rate(value, &rate))
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be bytes a second, at least 100k, "
			"such as 500k or 20M, or 0",
			value, key->name);
	*(int64_t *)((char *)site + key->offset) = rate;
	return true;
}

static bool set_choice(Site *site, const SiteKey *key, const char *value, Err *err)
{
	AUTO(strlist_clear) StrList choices = {0};

	strlist_split(&choices, key->choices, " ");
	for (size_t i = 0; i < choices.len; i++) {
		if (!str_is(choices.items[i], value))
			continue;
		if (key->type == KEY_CHOICE)
			str_replace(text_slot(site, key), value);
		else
			*(int *)((char *)site + key->offset) = (int)i;
		return true;
	}
	return err_fail(err, ERR_CONFIG, "'%.200s' is not a value for '%s': choose one of: %s",
		value, key->name, key->choices);
}

static bool set_flag(Site *site, const SiteKey *key, const char *value, Err *err)
{
	bool yes = str_is(value, "yes") || str_is(value, "true") || str_is(value, "1");

	if (!yes && !str_is(value, "no") && !str_is(value, "false") && !str_is(value, "0"))
		return err_fail(err, ERR_CONFIG,
			"'%.200s' is not a value for '%s': it must be yes or no", value, key->name);
	*(bool *)((char *)site + key->offset) = yes;
	return true;
}

bool site_key_set(Site *site, const SiteKey *key, const char *value, Err *err)
{
	if (!plain_text(key, value, err))
		return false;
	switch (key->type) {
	case KEY_TEXT:
		str_replace(text_slot(site, key), value);
		return true;
	case KEY_PATH:
		return set_path(site, key, value, err);
	case KEY_PORT:
		return set_port(site, key, value, err);
	case KEY_COUNT:
		return set_count(site, key, value, err);
	case KEY_RATE:
		return set_rate(site, key, value, err);
	case KEY_SECONDS:
		return set_seconds(site, key, value, err);
	case KEY_CHOICE:
	case KEY_INDEX:
		return set_choice(site, key, value, err);
	case KEY_FLAG:
		return set_flag(site, key, value, err);
	}
	return err_fail(err, ERR_INTERNAL, "the key '%s' has no type", key->name);
}

static char *seconds_text(int64_t ms)
{
	if (ms % 1000 == 0)
		return str_format("%lld", (long long)(ms / 1000));
	return str_format("%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static char *index_text(const SiteKey *key, int index)
{
	AUTO(strlist_clear) StrList choices = {0};

	strlist_split(&choices, key->choices, " ");
	return index >= 0 && (size_t)index < choices.len ? str_dup(choices.items[index]) : NULL;
}

char *site_key_text(const Site *site, const SiteKey *key)
{
	const char *field = (const char *)site + key->offset;
	int number;

	switch (key->type) {
	case KEY_PORT:
		number = *(const int *)field;
		return number ? str_format("%d", number) : NULL;
	case KEY_COUNT:
		return str_format("%d", *(const int *)field);
	case KEY_RATE:
		return str_format("%lld", (long long)*(const int64_t *)field);
	case KEY_SECONDS:
		return seconds_text(*(const int64_t *)field);
	case KEY_INDEX:
		return index_text(key, *(const int *)field);
	case KEY_FLAG:
		return str_dup(*(const bool *)field ? "yes" : "no");
	case KEY_TEXT:
	case KEY_PATH:
	case KEY_CHOICE:
		break;
	}
	return str_dup(*text_slot(site, key));
}

void site_keys_default(Site *site)
{
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(err_clear) Err ignored = {0};

		/* A default that does not fit its own row is found by the unit test of this table.
		 */
		if (key->fallback && !site_key_set(site, key, key->fallback, &ignored))
			continue;
	}
}
