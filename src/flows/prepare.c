#include "flows/prepare.h"

#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "checks/checks.h"
#include "checks/room.h"
#include "config/system_python.h"
#include "database/elsewhere.h"
#include "os/file.h"
#include "release/image.h"
#include "release/link.h"
#include "rehearse/rehearse.h"
#include "release/package.h"

static bool read_revision(Prepared *prepared, Err *err)
{
	AUTO(strlist_clear) StrList rows = {0};

	if (!database_revision(prepared->db, database_live(prepared->db), &rows, err))
		return false;
	if (rows.len == 1)
		prepared->revision = str_dup(rows.items[0]);
	return true; /* anything else is a finding of the checks */
}

bool prepare_site(const Site *site, Prepared *ret, Err *err)
{
	return database_open(site, &ret->db, err) && release_current(site, &ret->current, err) &&
	       read_revision(ret, err);
}

bool prepare_target(const Site *site, const char *wanted, Prepared *ret, Err *err)
{
	if (!prepare_site(site, ret, err) || !package_resolve(site, wanted, &ret->version, err) ||
		!package_fetch(site, ret->version, &ret->package_dir, err) ||
		!migrations_read(ret->package_dir, &ret->migrations, err))
		return false;
	if (ret->revision)
		migrations_after(&ret->migrations, ret->revision, &ret->ahead);
	ret->same = str_is(ret->version, ret->current.version) &&
		    str_is(ret->revision, ret->migrations.head);
	if (ret->same)
		event_notice("same", false,
			"version %s is what serves, and the database is at its revision",
			ret->version);
	return true;
}

static int known_growth(const Site *site, const Prepared *prepared)
{
	AUTO(rehearsal_clear) Rehearsal known = {0};
	AUTO(err_clear) Err ignored = {0};
	bool found;

	if (!prepared->version ||
		!rehearsal_load(site, prepared->version, &known, &found, &ignored) || !found ||
		known.bytes_before <= 0 ||
		!str_is(json_str(known.report, "revision"), prepared->revision))
		return 0;
	const int64_t largest = known.peak_bytes > known.bytes_after ? known.peak_bytes
								     : known.bytes_after;

	return (int)(largest * 100 / known.bytes_before);
}

static CheckCtx check_ctx(const Site *site, const Prepared *prepared)
{
	return (CheckCtx){
		.site = site,
		.db = prepared->db,
		.current = &prepared->current,
		.version = prepared->version,
		.package_dir = prepared->package_dir,
		.migrations = prepared->package_dir ? &prepared->migrations : NULL,
		.revision = prepared->revision,
		.growth_percent = known_growth(site, prepared),
		.only_rehearses = prepared->only_rehearses,
	};
}

void plan_put_room(json_t *plan, const Site *site, const Prepared *prepared)
{
	const CheckCtx ctx = check_ctx(site, prepared);
	AUTO(room_clear) Room room = {0};
	AUTO(err_clear) Err ignored = {0};

	/* What cannot be measured was a finding of the checks. */
	if (!room_estimate(&ctx, &room, &ignored))
		return;
	json_object_set_new(plan, "disk", room_json(&room));
	json_put(plan, "restore", room.restore_how);
}

bool prepare_check(const Site *site, const Prepared *prepared, Err *err)
{
	AUTO(check_summary_clear) CheckSummary summary = {0};
	const CheckCtx ctx = check_ctx(site, prepared);

	if (!checks_run(&ctx, &summary, err))
		return false;
	if (summary.refusals == 0)
		return true;
	err_fail(err, ERR_REFUSED, "%s",
		summary.first_refusal ? summary.first_refusal : "a check said no");
	str_replace(
		&err->local, summary.first_refusal_local ? summary.first_refusal_local : err->text);
	str_replace(&err->hint, summary.first_hint);
	str_replace(&err->hint_local, summary.first_hint_local);
	return false;
}

bool prepare_alone(const Site *site, const Prepared *prepared, Err *err)
{
	const CheckCtx ctx = check_ctx(site, prepared);

	return checks_alone(&ctx, err);
}

void prepared_clear(Prepared *prepared)
{
	database_close(prepared->db);
	release_clear(&prepared->current);
	free(prepared->version);
	free(prepared->package_dir);
	migrations_clear(&prepared->migrations);
	free(prepared->revision);
	strlist_clear(&prepared->ahead);
	*prepared = (Prepared){0};
}

/* ---- the plan ---- */

static void put_list(json_t *object, const char *key, const StrList *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		json_array_append_new(array, json_string(list->items[i]));
	json_object_set_new(object, key, array);
}

/* Only where it is not the site's own. */
static void put_rehearsal_server(json_t *database, Database *db)
{
	Database *there = database_rehearsal(db);
	AUTO(free_auto) char *server = NULL;
	AUTO(err_clear) Err ignored = {0}; /* a finding of the checks */

	if (database_is_elsewhere(there) && database_server(there, &server, &ignored))
		json_put(database, "rehearsal_server", server);
}

static json_t *plan_database(const Prepared *prepared)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList sessions = {0};
	json_t *database = json_object();

	if (database_about(prepared->db, &about, &err)) {
		json_put(database, "server", about.server);
		json_put(database, "name", about.name);
		json_put_int(database, "bytes", about.bytes);
	}
	json_put(database, "revision", prepared->revision);
	err_clear(&err);
	put_rehearsal_server(database, prepared->db);
	/* A SQLite file has processes, of which the server is one; nobody ends the others. */
	if (database_is_sqlite(prepared->db) || database_sessions(prepared->db, &sessions, &err))
		put_list(database, "sessions", &sessions);
	return database;
}

static void put_steps(
	json_t *list, const Site *site, const Prepared *prepared, const StepDef *const *steps)
{
	/* A run that has no journal yet: enough to ask which steps it would need. */
	RunCtx ctx = {.site = (Site *)site, .db = prepared->db};
	Serves serves = SERVES_AS_BEFORE;

	for (size_t i = 0; steps[i]; i++) {
		json_t *step;

		if (steps[i]->needed && !steps[i]->needed(&ctx))
			continue;
		if (steps[i]->begins != SERVES_AS_BEFORE)
			serves = steps[i]->begins;
		step = json_object();
		json_put(step, "id", steps[i]->id);
		json_put(step, "title", steps[i]->title);
		json_object_set_new(step, "dark", json_boolean(serves == SERVES_NOBODY));
		json_object_set_new(step, "read_only", json_boolean(serves == SERVES_READERS));
		json_array_append_new(list, step);
		if (steps[i]->commits)
			serves = SERVES_AS_BEFORE;
	}
}

json_t *plan_make(const Site *site, const char *command, const Prepared *prepared,
	const StepDef *const *steps)
{
	json_t *plan = json_object();
	json_t *list = json_array();

	json_put(plan, "command", command);
	json_put(plan, "site", site->name);
	json_put(plan, "from", prepared->current.version);
	json_put(plan, "to", prepared->version);
	json_put(plan, "environment", site->environment);
	json_put(plan, "backup_dir", site->backup_dir);
	json_object_set_new(plan, "database", plan_database(prepared));
	put_list(plan, "migrations", &prepared->ahead);
	put_steps(list, site, prepared, steps);
	json_object_set_new(plan, "steps", list);
	return plan;
}

/* ---- facts ---- */

static bool set_home(RunCtx *ctx, const Release *current, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	AUTO(free_auto) char *releases = site_releases_dir(ctx->site);
	AUTO(free_auto) char *home = path_join(releases, current->version);
	AUTO(release_clear) Release taken = {0};
	LinkState state;

	if (site_in_container(ctx->site))
		return (str_is(ctx->command, "backup") ||
			       image_take(ctx->site, current->path, current->image, &taken, err)) &&
		       fact_set(ctx, FACT_FROM_HOME, current->path, err);
	/* Where own-environment is going to put it. */
	if (system_serves(ctx->site))
		return fact_set(ctx, FACT_FROM_HOME, home, err);
	if (!link_state(ctx->site, &state, &target, err))
		return false;
	if (state == LINK_RELEASE)
		return fact_set(ctx, FACT_FROM_HOME, target, err);
	if (state == LINK_FOLDER)
		return fact_set(ctx, FACT_FROM_FOLDED, "yes", err) &&
		       fact_set(ctx, FACT_FROM_HOME, home, err);
	return err_fail(err, ERR_REFUSED, "'%s' is neither an environment nor a link to a release",
		ctx->site->environment);
}

static bool has_users(Database *db, bool *ret, Err *err)
{
	AUTO(free_auto) char *count = NULL;

	if (!database_ask(db, database_live(db), "SELECT count(*) FROM \"user\"", &count, err))
		return false;
	*ret = count && !str_is(count, "0");
	return true;
}

bool set_common_facts(RunCtx *ctx, const Prepared *prepared, Err *err)
{
	const char *key = ctx->site->webui.key_sha256;
	bool users;

	return fact_set(ctx, FACT_FROM_VERSION, prepared->current.version, err) &&
	       set_home(ctx, &prepared->current, err) &&
	       (!prepared->revision ||
		       fact_set(ctx, FACT_REVISION_BEFORE, prepared->revision, err)) &&
	       (!key || fact_set(ctx, FACT_KEY_SHA256, key, err)) &&
	       has_users(prepared->db, &users, err) &&
	       fact_set(ctx, FACT_HAD_USERS, users ? "yes" : "no", err);
}
