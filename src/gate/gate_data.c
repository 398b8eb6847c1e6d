#include "base/mem.h"
#include "base/text.h"
#include "config/webui_env.h"
#include "database/invariants.h"
#include "gate/gate_questions.h"
#include "os/process_table.h"

bool gate_revision(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(strlist_clear) StrList rows = {0};
	const char *head = asking->spec->head;
	Database *db = asking->spec->db;

	if (!head || !db) {
		*ret_saw = str_dup("not asked");
		return true;
	}
	if (!database_revision(db, database_live(db), &rows, err))
		return false;
	if (rows.len != 1)
		return err_fail(
			err, ERR_VERIFY, "alembic_version has %zu rows instead of one", rows.len);
	if (!str_is(rows.items[0], head))
		return err_fail(err, ERR_VERIFY,
			"the database is at revision '%s', the release needs '%s'", rows.items[0],
			head);
	*ret_saw = str_dup(head);
	return true;
}

bool gate_rows(const Asking *asking, char **ret_saw, Err *err)
{
	const GateSpec *spec = asking->spec;

	if (!spec->rows || !spec->db) {
		*ret_saw = str_dup("not asked");
		return true;
	}
	if (!invariants_hold_by_half(spec->db, database_live(spec->db), spec->rows, err))
		return false;
	*ret_saw = str_dup("as before");
	return true;
}

/* As this very process sees it: from its environment, else from the file where it was started. */
bool gate_secret_key(const Asking *asking, char **ret_saw, Err *err)
{
	const GateSpec *spec = asking->spec;
	AUTO(process_clear) Process process = {0};
	AUTO(webui_env_clear) WebuiEnv seen = {0};

	if (!spec->key_sha256) {
		*ret_saw = str_dup("no key known");
		return true;
	}
	if (!process_read(asking->state.pid, &process, err))
		return false;
	if (!webui_env_read(process.env.len ? &process.env : &spec->site->recipe.env,
		    process.dir ? process.dir : spec->site->recipe.dir,
		    site_in_container(spec->site) ? NULL : spec->release->package_dir, &seen, err))
		return err_wrap(err, "looking for the secret key");
	/* Of a container, belay's own file is only what was handed over. */
	if (spec->site->secret_key_file && !site_in_container(spec->site) &&
		!webui_env_use_key_file(&seen, spec->site->secret_key_file, err))
		return err_wrap(err, "looking for the secret key");
	if (!seen.key_sha256)
		return err_fail(err, ERR_VERIFY, "the server has no secret key any more");
	if (!str_is(seen.key_sha256, spec->key_sha256))
		return err_fail(err, ERR_VERIFY, "the server uses another secret key than before");
	*ret_saw = str_dup("unchanged");
	return true;
}
