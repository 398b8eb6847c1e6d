/* verify: prove backup sets again, also ones made elsewhere. Changes nothing but their verdicts. */
#include <string.h>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "backup/prove.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "flows/session.h"
#include "os/file.h"

#define START "openwebui_backup_"

typedef struct Verify {
	Session session;
	Database *db;
	char *mark;   /* of the scratch databases */
	json_t *sets; /* for the result */
	Err first;    /* the first refusal */
} Verify;

static void verify_clear(Verify *verify)
{
	database_close(verify->db);
	free(verify->mark);
	json_decref(verify->sets);
	err_clear(&verify->first);
	session_close(&verify->session);
}

/* ---- which ---- */

/* A damaged set must not make room for an older one that is whole: names tell which is newest. */
static bool is_candidate(const Site *site, const char *name, bool all)
{
	AUTO(free_auto) char *path = path_join(site->backup_dir, name);
	AUTO(free_auto) char *manifest = path_join(path, MANIFEST_NAME);

	if (!str_starts(name, START) || str_ends(name, ".partial"))
		return false;
	if (file_kind(path) == FILE_FOLDER)
		return all || file_kind(manifest) != FILE_ABSENT;
	return file_kind(path) == FILE_REGULAR && str_ends(name, ".dump");
}

static bool of_another_site(const Site *site, const char *name)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(err_clear) Err ignored = {0};

	return backup_find(site, name, &set, &ignored) && set.foreign && set.manifest;
}

static bool choose(const Site *site, const FlowWish *wish, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (wish->set) {
		strlist_add(ret, wish->set);
		return true;
	}
	if (file_exists(site->backup_dir) && !dir_list(site->backup_dir, &names, err))
		return false;
	for (size_t i = names.len; i-- > 0 && (wish->all || ret->len == 0);)
		if (is_candidate(site, names.items[i], wish->all) &&
			(wish->all || !of_another_site(site, names.items[i])))
			strlist_add(ret, names.items[i]);
	if (ret->len > 0)
		return true;
	err_fail(err, ERR_REFUSED, "there is no backup set in '%s'", site->backup_dir);
	return err_hint(err, "belay backup");
}

/* ---- one ---- */

static void put_findings(json_t *entry, const ProofReport *report)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < report->texts.len; i++) {
		json_t *finding = json_object();

		json_put(finding, "id", report->slugs.items[i]);
		json_put(finding, "text", report->texts.items[i]);
		json_array_append_new(findings, finding);
	}
	json_object_set_new(entry, "findings", findings);
}

static void add_entry(Verify *verify, const BackupSet *set, const ProofReport *report)
{
	json_t *entry = json_object();

	json_put(entry, "name", set->name);
	json_put(entry, "path", set->path);
	json_object_set_new(entry, "proven", json_boolean(report->texts.len == 0));
	json_object_set_new(entry, "database_only", json_boolean(!set->manifest));
	json_put(entry, "how", report->how);
	json_put_int(entry, "ms", report->ms);
	put_findings(entry, report);
	json_array_append_new(verify->sets, entry);
}

static void say_proven(const BackupSet *set, const ProofReport *report)
{
	AUTO(free_auto)
	char *text = str_format(
		"backup set '%s' is proven: restored and compared (%s)", set->name, report->how);
	AUTO(free_auto)
	char *local = str_format(
		_("backup set '%s' is proven: restored and compared (%s)"), set->name, report->how);
	const Event event = {
		.kind = EVENT_CHECK,
		.id = "proven",
		.state = "ok",
		.text = text,
		.local = local,
		.ms = report->ms,
	};

	event_emit(&event);
}

static bool judge(Verify *verify, const BackupSet *set, const ProofReport *report)
{
	AUTO(err_clear) Err refusal = {0};
	const bool proven = proof_judge(set, report, &refusal);

	add_entry(verify, set, report);
	if (proven)
		say_proven(set, report);
	else if (verify->first.kind == ERR_NONE)
		err_move(&verify->first, &refusal);
	return true;
}

/* The folder is there and its manifest is not, or cannot be believed: that is a finding too. */
static bool judge_unreadable(Verify *verify, const char *name, Err *why)
{
	AUTO(proof_report_clear) ProofReport report = {0};
	const BackupSet set = {.name = (char *)path_name(name), .path = (char *)name};

	strlist_add(&report.slugs, "manifest");
	strlist_add(&report.texts, why->text);
	strlist_add(&report.findings, why->local ? why->local : why->text);
	err_clear(why);
	return judge(verify, &set, &report);
}

static bool is_there(const Site *site, const char *name)
{
	AUTO(free_auto)
	char *path = strchr(name, '/') ? str_dup(name) : path_join(site->backup_dir, name);

	return file_kind(path) == FILE_FOLDER;
}

static bool verify_one(Verify *verify, const char *name, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	const Site *site = verify->session.site;

	if (!backup_find(site, name, &set, err))
		return (err->kind == ERR_VERIFY ||
			       (err->kind == ERR_USAGE && is_there(site, name))) &&
		       judge_unreadable(verify, name, err);
	return backup_prove(&set, site, verify->db, verify->mark, false, &report, err) &&
	       judge(verify, &set, &report);
}

static bool verify_all(Verify *verify, const StrList *names, Err *err)
{
	for (size_t i = 0; i < names->len; i++)
		if (!verify_one(verify, names->items[i], err))
			return false;
	if (verify->first.kind == ERR_NONE)
		return true;
	err_move(err, &verify->first);
	return false;
}

static bool begin(Verify *verify, Site *site, Err *err)
{
	AUTO(free_auto) char *stamp = clock_compact(clock_wall_ms());

	verify->sets = json_array();
	verify->mark = str_format("%s-verify", stamp);
	/* A set is also looked at before it is restored after an accident. */
	return session_open(&verify->session, site, "verify", true, err) &&
	       database_open(site, &verify->db, err);
}

bool flow_verify(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(verify_clear) Verify verify = {0};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(json_release_auto) json_t *more = json_object();
	const bool proven = begin(&verify, site, err) && choose(site, wish, &names, err) &&
			    verify_all(&verify, &names, err);

	json_object_set(more, "sets", verify.sets);
	return session_result(&verify.session, proven ? "verified" : NULL, more, ret, err);
}
