#include "unit.h"
#include "scratch.h"

#include <signal.h>
#include <sys/wait.h>

#include "adopt/look.h"
#include "base/text.h"

static void units_are_told_from_bystanders(void **state)
{
	static const struct {
		const char *cgroup, *unit;
		bool user;
	} rows[] = {
		{"/system.slice/open-webui.service", "open-webui.service", false},
		{"/system.slice/system-open\\x2dwebui.slice/open-webui@a.service",
			"open-webui@a.service", false},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/webui.service",
			"webui.service", true},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope", NULL,
			false},
		{"/user.slice/user-0.slice/session-3.scope", NULL, false},
		{"/system.slice/cron.service", NULL, false},
		{"/system.slice/ssh.service", NULL, false},
		{"/system.slice/supervisor.service", NULL, false},
		{"/", NULL, false},
		{"", NULL, false},
		{NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool user = false;
		AUTO(free_auto) char *unit = owner_unit_of_cgroup(rows[i].cgroup, &user);

		assert_true(str_is(unit, rows[i].unit));
		assert_int_equal(user, rows[i].user);
	}
}

static void supervisors_are_known_by_name(void **state)
{
	static const struct {
		const char *comm, *argv, *name;
	} rows[] = {
		{"supervisord", "/usr/bin/python3|/usr/bin/supervisord", "supervisord"},
		{"python3", "/usr/bin/python3|/usr/bin/supervisord|-n", "supervisord"},
		{"PM2 v5.3.0: God", "PM2 v5.3.0: God Daemon (/root/.pm2)", "pm2"},
		{"runsv", "runsv|webui", "runit"},
		{"s6-supervise", "s6-supervise|webui", "s6"},
		{"supervise", "supervise|webui", "daemontools"},
		{"monit", "monit", "monit"},
		{"bash", "bash|-c|cat supervisord.log", NULL},
		{"systemd", "/sbin/init", NULL},
		{"monitor", "monitor", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(strlist_clear) StrList argv = {0};

		strlist_split(&argv, rows[i].argv, "|");
		assert_true(str_is(owner_supervisor_name(rows[i].comm, &argv), rows[i].name));
	}
}

typedef struct File {
	const char *name, *text;
	mode_t mode;
} File;

static void the_start_script_is_the_one_that_can_be(void **state)
{
	static const struct {
		File files[4];
		const char *found;
		bool several;
	} rows[] = {
		{{{"run.sh", "open-webui serve\n", 0644}}, "run.sh", false},
		{{{"webui", "exec python -m open_webui serve\n", 0755}}, "webui", false},
		{{{"start_openwebui.sh", "open-webui serve\n", 0755},
			 {"stop_openwebui.sh", "pkill open-webui\n", 0755}},
			"start_openwebui.sh", false},
		{{{"a.sh", "open-webui\n", 0755}, {"b.sh", "open-webui\n", 0755}}, NULL, true},
		{{{"start1.sh", "open-webui\n", 0755}, {"start2.sh", "open-webui\n", 0755}}, NULL,
			true},
		{{{"openwebui.log", "open-webui serve\n", 0644}, {"other.sh", "echo\n", 0755}},
			NULL, false},
		{{{"notes.txt", "open-webui\n", 0644}}, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(scratch_free) char *root = scratch_new();
		bool several = false;

		for (const File *file = rows[i].files; file->name; file++)
			scratch_file(root, file->name, file->text, file->mode);
		AUTO(free_auto) char *found = owner_script_in(root, &several);
		assert_true(str_is(found ? path_name(found) : NULL, rows[i].found));
		assert_int_equal(several, rows[i].several);
	}
}

/* ---- whole looks, at a server that no unit owns ---- */

static void owner_is(Look *look, ServiceKind service, const char *how, const char *warning)
{
	Adoption out = {0};
	AUTO(free_auto) char *warnings = NULL;
	AUTO(err_clear) Err err = {0};

	look->out = &out;
	assert_done(find_owner(look, &err), &err);
	assert_int_equal(look->draft.service, service);
	if (how)
		assert_part(out.findings[out.len - 1].how, how);
	else
		assert_int_equal(out.len, 0);
	warnings = strlist_join(&out.warnings, "\n");
	if (warning)
		assert_part(warnings, warning);
	else
		assert_string_equal(warnings, "");
	adoption_clear(&out);
}

static void who_would_start_it(void **state)
{
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(look_clear) Look look = {0};
	const SiteKey *script = site_key_find("start_script");

	(void)state;
	look.process.pid = getpid();
	look.process.dir = str_dup(root);
	look.process.cgroup = str_dup("/user.slice/user-0.slice/session-3.scope");
	owner_is(&look, SERVICE_RECIPE, "no unit and no start script in", NULL);
	scratch_file(root, "start_openwebui.sh", "open-webui serve\n", 0755);
	owner_is(&look, SERVICE_SCRIPT, "lies in the start directory", NULL);
	assert_string_equal(path_name(look.draft.start_script), "start_openwebui.sh");
	scratch_file(root, "start_older.sh", "open-webui serve\n", 0755);
	owner_is(&look, SERVICE_RECIPE, "no unit, and several files in", "several files in");
	/* Named by an option: nothing is left to find. */
	look.wished[script - site_keys] = true;
	owner_is(&look, SERVICE_SCRIPT, NULL, NULL);
}

static void a_supervisor_above_it(void **state)
{
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(look_clear) Look look = {0};
	Adoption out = {0};
	AUTO(err_clear) Err err = {0};
	const pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execl("/usr/bin/sleep", "/usr/bin/supervisord", "30", (char *)NULL);
		_exit(1);
	}
	look.out = &out;
	look.process.pid = getpid();
	look.process.parent = pid;
	look.process.dir = str_dup(root);
	for (int i = 0; i < 500; i++) {
		AUTO(process_clear) Process above = {0};

		if (process_read(pid, &above, &err) && above.argv.len &&
			str_ends(above.argv.items[0], "supervisord"))
			break;
		err_clear(&err);
		usleep(10000);
	}
	assert_error(find_owner(&look, &err), &err, ERR_REFUSED);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_part(err.text, "kept running by supervisord");
	assert_part(err.hint, "let systemd or a start script start it");
	adoption_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_told_from_bystanders),
		cmocka_unit_test(supervisors_are_known_by_name),
		cmocka_unit_test(the_start_script_is_the_one_that_can_be),
		cmocka_unit_test(who_would_start_it),
		cmocka_unit_test(a_supervisor_above_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
