#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/redact.h"
#include "os/proc.h"
#include "os/process_table.h"

#define SH(script) ARGV("/bin/sh", "-c", script)

static void ends_are_told_apart(void **state)
{
	static const struct {
		const char *script;
		bool exit_is_answer;
		ErrKind kind;
		const char *part;
	} rows[] = {
		{"exit 0", false, ERR_NONE, NULL},
		{"exit 3", true, ERR_NONE, NULL},
		{"echo first >&2; echo last words >&2; exit 3", false, ERR_EXEC,
			"'/bin/sh' failed with status 3: last words"},
		{"exit 4", false, ERR_EXEC, "status 4 and said nothing"},
		{"kill -KILL $$", true, ERR_EXEC, "signal 9"},
		{"sleep 30", true, ERR_TIMEOUT, "did not finish within"},
		{"trap '' TERM; sleep 30; sleep 30", false, ERR_TIMEOUT, "did not finish within"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(proc_result_clear) ProcResult result = {0};
		const ProcSpec spec = {.argv = SH(rows[i].script),
			.timeout_ms = rows[i].kind == ERR_TIMEOUT ? 100 : 5000,
			.grace_ms = 100,
			.exit_is_answer = rows[i].exit_is_answer};

		assert_int_equal(proc_run(&spec, &result, &err), rows[i].kind == ERR_NONE);
		assert_int_equal(err.kind, rows[i].kind);
		if (rows[i].part)
			assert_part(err.text, rows[i].part);
	}
}

static void a_missing_program_is_named(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	ProcSpec spec = {.argv = ARGV("no-such-program-here"), .timeout_ms = 1000};
	(void)state;

	assert_error(proc_run(&spec, &result, &err), &err, ERR_EXEC);
	assert_part(err.text, "no-such-program-here");
	spec.argv = ARGV("/nowhere/at/all");
	assert_error(proc_run(&spec, &result, &err), &err, ERR_EXEC);
	assert_part(err.text, "'/nowhere/at/all': No such file");
	spec.argv = SH("true");
	spec.dir = "/nowhere";
	assert_error(proc_run(&spec, &result, &err), &err, ERR_EXEC);
	assert_part(err.text, "in folder '/nowhere'");
}

static void the_group_goes_with_its_leader(void **state)
{
	char path[] = "/tmp/belay-test-XXXXXX";
	AUTO(close_auto) int fd = mkstemp(path);
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {.argv = SH("trap '' TERM; sleep 31 & echo $!; wait; sleep 31"),
		.output_fd = fd,
		.timeout_ms = 200,
		.grace_ms = 100};
	char pid[32] = "";
	(void)state;

	assert_error(proc_run(&spec, &result, &err), &err, ERR_TIMEOUT);
	assert_true(pread(fd, pid, sizeof pid - 1, 0) > 0);
	unlink(path);
	for (int i = 0; i < 100; i++) {
		AUTO(process_clear) Process process = {0};

		if (!process_read(atoi(pid), &process, &err))
			return;
		usleep(10000);
	}
	fail_msg("the grandchild %s is still there", pid);
}

static void a_background_child_does_not_hold_us(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {.argv = SH("sleep 2 & echo done"), .timeout_ms = 5000};
	(void)state;

	assert_done(proc_run(&spec, &result, &err), &err);
	assert_string_equal(result.out, "done\n");
	assert_true(result.ms < 1500);
}

static void the_child_sees_only_what_it_is_given(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(close_auto) int leaked = dup(1);
	ProcSpec spec = {
		.argv = SH("cat; env | grep -v ^PWD | grep -v ^_ | grep -v ^SHLVL; pwd;"
			   "ls /proc/self/fd | tr '\\n' ' '; grep SigIgn /proc/self/status"),
		.env = ARGV("PATH=/bin:/usr/bin", "ONLY=this"),
		.input = "input\n",
		.dir = "/usr",
		.timeout_ms = 5000};
	(void)state;

	signal(SIGPIPE, SIG_IGN);
	setenv("BELAY_SECRET_THING", "x", 1);
	assert_done(proc_run(&spec, &result, &err), &err);
	assert_string_equal(result.out,
		"input\nPATH=/bin:/usr/bin\nONLY=this\n/usr\n0 1 2 3 SigIgn:\t"
		"0000000000000000\n");
	signal(SIGPIPE, SIG_DFL);
}

typedef struct Lines {
	StrList out, err;
	int ticks;
	json_t *argv;
} Lines;

static void on_line(void *arg, bool is_stderr, const char *line)
{
	Lines *lines = arg;

	strlist_add(is_stderr ? &lines->err : &lines->out, line);
}

static bool stop_at_once(void *arg, Err *err)
{
	Lines *lines = arg;

	lines->ticks++;
	return err_fail(err, ERR_VERIFY, "stuck");
}

static void on_event(void *self, const Event *event)
{
	Lines *lines = self;

	if (event->kind == EVENT_CHILD)
		lines->argv = json_deep_copy(json_object_get(event->data, "argv"));
}

static void secrets_are_masked_everywhere(void **state)
{
	char log[] = "/tmp/belay-test-XXXXXX";
	char text[200] = "";
	AUTO(close_auto) int fd = mkstemp(log);
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	Lines lines = {0};
	const ProcSpec spec = {.argv = ARGV("/bin/sh", "-c", "echo out $1; printf 'err %s' $1 >&2",
				       "sh", "hunter2hunter2"),
		.log_file = log,
		.on_line = on_line,
		.arg = &lines,
		.timeout_ms = 5000};
	(void)state;

	redact_add("hunter2hunter2");
	event_listen((EventListener){.on_event = on_event, .self = &lines});
	assert_done(proc_run(&spec, &result, &err), &err);
	event_unlisten(&lines);
	assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
	unlink(log);
	redact_forget();
	assert_null(strstr(text, "hunter2"));
	assert_part(&text[0], "err ");
	assert_null(strstr(lines.out.items[0], "hunter2"));
	assert_null(strstr(lines.err.items[0], "hunter2"));
	assert_null(strstr(result.err_tail, "hunter2"));
	assert_null(strstr(json_string_value(json_array_get(lines.argv, 4)), "hunter2"));
	assert_string_equal(result.out, "out hunter2hunter2\n");
	json_decref(lines.argv);
	strlist_clear(&lines.out);
	strlist_clear(&lines.err);
}

static void a_tick_can_end_it(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	Lines lines = {0};
	const ProcSpec spec = {.argv = SH("sleep 30"),
		.on_tick = stop_at_once,
		.arg = &lines,
		.timeout_ms = 20000};
	(void)state;

	assert_error(proc_run(&spec, &result, &err), &err, ERR_VERIFY);
	assert_int_equal(lines.ticks, 1);
}

static void a_reader_is_not_held_by_a_talkative_stderr(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {
		.argv = SH(
			"head -c 300000 /dev/zero | tr '\\0' e >&2; echo >&2; echo read me; exit 5"),
		.timeout_ms = 5000};
	ProcRunning *running = NULL;
	char text[64] = "";
	int pipe = -1;
	(void)state;

	assert_done(proc_start(&spec, &running, &pipe, &err), &err);
	assert_int_equal(read(pipe, text, sizeof text), 8);
	assert_string_equal(text, "read me\n");
	assert_error(proc_finish(running, &result, &err), &err, ERR_EXEC);
	assert_part(err.text, "status 5: eeee");
}

static void the_deadline_holds_while_the_caller_reads(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {.argv = SH("sleep 30"), .timeout_ms = 100};
	ProcRunning *running = NULL;
	char byte;
	int pipe = -1;
	(void)state;

	assert_done(proc_start(&spec, &running, &pipe, &err), &err);
	assert_int_equal(read(pipe, &byte, 1), 0);
	assert_error(proc_finish(running, &result, &err), &err, ERR_TIMEOUT);
}

static void a_child_can_be_written_to(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {
		.argv = ARGV("/usr/bin/wc", "-c"), .output_fd = -1, .timeout_ms = 5000};
	ProcRunning *running = NULL;
	int pipe = -1;
	(void)state;

	assert_done(proc_start(&spec, &running, &pipe, &err), &err);
	assert_int_equal(write(pipe, "12345", 5), 5);
	assert_done(proc_finish(running, &result, &err), &err);
	assert_string_equal(result.out, "5\n");
}

static void a_daemon_stands_alone(void **state)
{
	char log[] = "/tmp/belay-test-XXXXXX";
	char text[200] = "";
	AUTO(close_auto) int fd = mkstemp(log);
	AUTO(close_auto) int pidfd = -1;
	AUTO(err_clear) Err err = {0};
	const ProcLimit limit = {.resource = 7 /* RLIMIT_NOFILE */, .soft = 123, .hard = 456};
	const DaemonSpec spec = {
		.argv = SH(
			"umask; ulimit -n; grep SigIgn /proc/self/status; [ $(cut -d' ' -f6 "
			"/proc/$$/stat) = $$ ] && echo leads its session; echo $A; exec sleep 30"),
		.env = ARGV("PATH=/bin:/usr/bin", "A=b"),
		.log = log,
		.uid = geteuid(),
		.gid = getegid(),
		.umask = 027,
		.ignored_signals = 1, /* HUP, as nohup leaves it */
		.limits = &limit,
		.limit_count = 1};
	pid_t pid = 0;
	(void)state;

	assert_done(proc_daemon(&spec, &pid, &pidfd, &err), &err);
	for (int i = 0; i < 200 && !strstr(text, "\nb\n"); i++) {
		usleep(10000);
		assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
	}
	unlink(log);
	assert_string_equal(text, "0027\n123\nSigIgn:\t0000000000000001\nleads its session\nb\n");
	assert_true(process_alive(pidfd));
	assert_done(process_end(pidfd, 1000, &err), &err);
	assert_false(process_alive(pidfd));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* already taken note of */
}

static void a_daemon_may_keep_one_descriptor(void **state)
{
	AUTO(close_auto) int log = -1;
	AUTO(close_auto) int pidfd = -1;
	AUTO(err_clear) Err err = {0};
	int kept[2], other[2];
	char byte = 0;
	pid_t pid = 0;
	(void)state;

	assert_int_equal(pipe2(kept, O_CLOEXEC), 0);
	assert_int_equal(pipe(other), 0);
	AUTO(free_auto)
	char *script = str_format("[ -e /proc/self/fd/%d ] && printf no >&%d || printf y >&%d",
		other[1], kept[1], kept[1]);
	const DaemonSpec spec = {.argv = SH(script),
		.env = ARGV("PATH=/bin:/usr/bin"),
		.uid = geteuid(),
		.gid = getegid(),
		.keep_fd = kept[1]};
	assert_done(proc_daemon(&spec, &pid, &pidfd, &err), &err);
	close(kept[1]);
	assert_int_equal(read(kept[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(read(kept[0], &byte, 1), 0);
	close(kept[0]);
	close(other[0]);
	close(other[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void another_user_is_taken_on_whole(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {.argv = SH("id -un; id -G | wc -w; cd; echo $HOME"),
		.user = "nobody",
		.timeout_ms = 5000,
		.exit_is_answer = true};
	(void)state;

	if (geteuid() != 0)
		skip();
	assert_done(proc_run(&spec, &result, &err), &err);
	assert_part(result.out, "nobody\n1\n/nonexistent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(a_missing_program_is_named),
		cmocka_unit_test(the_group_goes_with_its_leader),
		cmocka_unit_test(a_background_child_does_not_hold_us),
		cmocka_unit_test(the_child_sees_only_what_it_is_given),
		cmocka_unit_test(secrets_are_masked_everywhere),
		cmocka_unit_test(a_tick_can_end_it),
		cmocka_unit_test(a_reader_is_not_held_by_a_talkative_stderr),
		cmocka_unit_test(the_deadline_holds_while_the_caller_reads),
		cmocka_unit_test(a_child_can_be_written_to),
		cmocka_unit_test(a_daemon_stands_alone),
		cmocka_unit_test(a_daemon_may_keep_one_descriptor),
		cmocka_unit_test(another_user_is_taken_on_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
