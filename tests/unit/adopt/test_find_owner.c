#include "unit.h"
#include "scratch.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_told_from_bystanders),
		cmocka_unit_test(supervisors_are_known_by_name),
		cmocka_unit_test(the_start_script_is_the_one_that_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
