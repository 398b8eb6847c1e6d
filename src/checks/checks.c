#include "checks/checks.h"

#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"

typedef enum { ANY_SITE, ENVIRONMENT_SITE, CONTAINER_SITE, REHEARSING_SITE } SiteKind;

typedef struct Check {
	const char *id; /* stable, in JSON */
	const char *title;
	bool needs_target; /* asked only when a target is known */
	SiteKind sites;
	FindingKind (*ask)(const CheckCtx *ctx, Err *why);
} Check;

static const Check checks[] = {
	{"service", N_("the server runs, and the port is its own"), false, ANY_SITE, check_service},
	{"running-version", N_("the running version is the one on disk"), false, ANY_SITE,
		check_running_version},
	{"start-script", N_("the start script is older than the process"), false, ENVIRONMENT_SITE,
		check_start_script},
	{"workers", N_("one server, one worker"), false, ANY_SITE, check_workers},
	{"secret-key", N_("the secret key is known"), false, ANY_SITE, check_secret_key},
	{"environment", N_("the environment can be replaced by a link"), false, ENVIRONMENT_SITE,
		check_environment_link},
	{"path-line", N_("the start script uses the site's environment"), false, ENVIRONMENT_SITE,
		check_path_line},
	{"data-folder", N_("the data does not lie in the system's Python"), false, ENVIRONMENT_SITE,
		check_data_folder},
	{"exchange", N_("the file system exchanges paths in one step"), false, ENVIRONMENT_SITE,
		check_exchange},
	{"container", N_("belay upgrades a container of this kind"), false, CONTAINER_SITE,
		check_container},
	{"image-tag", N_("the tag of the image can be changed"), false, CONTAINER_SITE,
		check_image_tag},
	{"data-mount", N_("the container's data is where the site says"), false, CONTAINER_SITE,
		check_data_mount},
	{"disk", N_("disk space and inodes"), false, ANY_SITE, check_disk},
	{"database", N_("the database answers"), false, ANY_SITE, check_database},
	{"encoding", N_("the database is UTF-8"), false, ANY_SITE, check_encoding},
	{"rights", N_("the role may copy, rename and shut databases"), false, ANY_SITE,
		check_rights},
	{"rehearsal-server", N_("the server for rehearsals takes the site's database"), false,
		REHEARSING_SITE, check_rehearsal_server},
	{"programs", N_("the database can be dumped and restored from here"), false, ANY_SITE,
		check_programs},
	{"obstacles", N_("nothing makes a copy unsafe"), false, ANY_SITE, check_obstacles},
	{"replication", N_("nothing replicates the database"), false, ANY_SITE, check_replication},
	{"orphans", N_("no folder of the database server is left over"), false, ANY_SITE,
		check_orphans},
	{"sessions", N_("nobody else uses the database"), false, ANY_SITE, check_sessions},
	{"leftovers", N_("no leftovers of a partial migration"), false, ANY_SITE, check_leftovers},
	{"python", N_("Python fits the target"), true, ENVIRONMENT_SITE, check_python},
	{"direction", N_("the target knows the database's revision"), true, ANY_SITE,
		check_direction},
	{"known-bad", N_("the target has no known defect"), true, ANY_SITE, check_known_bad},
	{"emails", N_("e-mail addresses are unique for the target"), true, ANY_SITE, check_emails},
};

static const char *const kind_names[] = {"ok", "warning", "refused", "unknown"};

static void say(const Check *check, FindingKind kind, const Err *why)
{
	const Event event = {
		.kind = EVENT_CHECK,
		.id = check->id,
		.state = kind_names[kind],
		.text = why->text ? why->text : check->title,
		.local = why->local ? why->local : _(check->title),
		.hint = why->hint,
		.hint_local = why->hint_local,
		.ms = -1,
	};

	event_emit(&event);
}

static void count(CheckSummary *summary, FindingKind kind, const Err *why)
{
	/* What cannot be asked is no yes: a check that fails to look refuses as well. */
	if (kind == FINDING_WARNING)
		summary->warnings++;
	if (kind != FINDING_REFUSED && kind != FINDING_UNKNOWN)
		return;
	summary->refusals++;
	if (summary->first_refusal)
		return;
	summary->first_refusal = str_dup(why->text);
	summary->first_refusal_local = str_dup(why->local);
	summary->first_hint = str_dup(why->hint);
	summary->first_hint_local = str_dup(why->hint_local);
}

static bool concerns(const Check *check, const Site *site)
{
	/* On its own server the site rehearses without being asked. */
	if (check->sites == REHEARSING_SITE)
		return !str_empty(site->rehearsal_server);
	return check->sites == ANY_SITE ||
	       (check->sites == CONTAINER_SITE) == site_in_container(site);
}

bool checks_run(const CheckCtx *ctx, CheckSummary *ret, Err *err UNUSED)
{
	CheckSummary summary = {0};

	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		AUTO(err_clear) Err why = {0};
		FindingKind kind;

		if ((checks[i].needs_target && !ctx->version) || !concerns(&checks[i], ctx->site))
			continue;
		kind = checks[i].ask(ctx, &why);
		say(&checks[i], kind, &why);
		count(&summary, kind, &why);
	}
	*ret = summary;
	return true;
}

/* Other processes on a SQLite file are a warning; what cannot be asked here, the exchange will
 * find. */
bool checks_alone(const CheckCtx *ctx, Err *err)
{
	AUTO(err_clear) Err why = {0};

	if (check_sessions(ctx, &why) != FINDING_REFUSED)
		return true;
	err_move(err, &why);
	return false;
}

void check_summary_clear(CheckSummary *summary)
{
	free(summary->first_refusal);
	free(summary->first_refusal_local);
	free(summary->first_hint);
	free(summary->first_hint_local);
	*summary = (CheckSummary){0};
}
