#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "os/proc.h"
#include "os/process_table.h"

static int listener(int family, int *ret_port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four
						     : (struct sockaddr *)&six;
	socklen_t len = family == AF_INET ? sizeof four : sizeof six;
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, address, len) != 0 || listen(fd, 1) != 0)
		return -1;
	getsockname(fd, address, &len);
	*ret_port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
	return fd;
}

static void we_can_be_read(void **state)
{
	AUTO(process_clear) Process self = {0};
	AUTO(err_clear) Err err = {0};
	(void)state;

	assert_done(process_read(getpid(), &self, &err), &err);
	assert_int_equal(self.parent, getppid());
	assert_int_equal(self.uid, geteuid());
	assert_true(self.start_ticks > 0);
	assert_true(process_began_ms(self.start_ticks) <= clock_wall_ms());
	assert_true(process_began_ms(self.start_ticks) > clock_wall_ms() - 60000);
	assert_true(str_ends(self.exe, "test_os_process_table"));
	assert_true(self.argv.len >= 1);
	assert_non_null(env_get(&self.env, "PATH"));
	assert_false(self.other_namespace);
	assert_error(process_read(0x3fffff, &self, &err), &err, ERR_VERIFY);
}

static void a_listener_is_found_by_its_port(void **state)
{
	static const struct {
		int family;
		const char *address;
	} rows[] = {{AF_INET, "127.0.0.1"}, {AF_INET6, "::1"}};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free_auto) int *ports = NULL;
		AUTO(free_auto) char *address = NULL;
		int port = 0, fd = listener(rows[i].family, &port);

		if (fd < 0)
			continue;
		assert_int_equal(process_listening_on(port), getpid());
		assert_int_equal(process_ports(getpid(), &ports, &address), 1);
		assert_int_equal(ports[0], port);
		assert_string_equal(address, rows[i].address);
		close(fd);
		assert_int_equal(process_listening_on(port), 0);
	}
}

static pid_t sleeper(int *ret_pidfd, uint64_t *ret_ticks, const char *script)
{
	AUTO(err_clear) Err err = {0};
	AUTO(process_clear) Process process = {0};
	const DaemonSpec spec = {.argv = ARGV("/bin/sh", "-c", script),
		.env = ARGV("PATH=/bin:/usr/bin"),
		.uid = geteuid(),
		.gid = getegid()};
	pid_t pid = 0;

	assert_done(proc_daemon(&spec, &pid, ret_pidfd, &err), &err);
	assert_done(process_read(pid, &process, &err), &err);
	*ret_ticks = process.start_ticks;
	return pid;
}

static void only_the_process_meant_is_opened(void **state)
{
	AUTO(close_auto) int pidfd = -1;
	AUTO(close_auto) int again = -1;
	AUTO(err_clear) Err err = {0};
	uint64_t ticks = 0;
	pid_t pid = sleeper(&pidfd, &ticks, "exec sleep 30");
	(void)state;

	assert_int_equal(process_open(pid, ticks + 1), -1);
	assert_int_equal(errno, ESRCH);
	again = process_open(pid, ticks);
	assert_true(again >= 0 && process_alive(again));
	assert_true(process_is_descendant(pid, getpid()));
	assert_false(process_is_descendant(getpid(), pid));
	assert_done(process_end(again, 2000, &err), &err);
	assert_false(process_alive(pidfd));
	assert_int_equal(process_open(pid, ticks), -1);
}

static void one_who_ignores_term_is_killed(void **state)
{
	AUTO(close_auto) int pidfd = -1;
	AUTO(err_clear) Err err = {0};
	uint64_t ticks = 0;
	(void)state;

	sleeper(&pidfd, &ticks, "trap '' TERM; while :; do sleep 1; done");
	usleep(100000);
	assert_false(process_wait_gone(pidfd, 1));
	assert_done(process_end(pidfd, 100, &err), &err);
	assert_false(process_alive(pidfd));
}

/* Ended by somebody else's signal before we look: no zombie of ours may stay. */
static void a_child_that_was_quicker_is_reaped(void **state)
{
	AUTO(process_clear) Process child = {0};
	AUTO(close_auto) int pidfd = -1;
	AUTO(err_clear) Err err = {0};
	const pid_t pid = fork();
	siginfo_t about;

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_done(process_read(pid, &child, &err), &err);
	pidfd = process_open(pid, child.start_ticks);
	assert_true(pidfd >= 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &about, WEXITED | WNOWAIT), 0);
	assert_done(process_end(pidfd, 1000, &err), &err);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void limits_and_maps_are_read(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) ProcLimit *limits = NULL;
	AUTO(strlist_clear) StrList maps = {0};
	size_t count = 0;
	(void)state;

	assert_done(process_limits(getpid(), &limits, &count, &err), &err);
	assert_int_equal(count, 16);
	assert_done(process_maps(getpid(), "libc.so.6", 4, &maps, &err), &err);
	assert_int_equal(maps.len, 1);
	assert_true(process_pss_kb(getpid()) > 0);
}

static bool look_for_us(void *arg, const Process *process)
{
	*(bool *)arg |= process->pid == getpid();
	return !*(bool *)arg;
}

static void everyone_is_visited(void **state)
{
	bool found = false;
	(void)state;

	process_each(look_for_us, &found);
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_can_be_read),
		cmocka_unit_test(a_listener_is_found_by_its_port),
		cmocka_unit_test(only_the_process_meant_is_opened),
		cmocka_unit_test(one_who_ignores_term_is_killed),
		cmocka_unit_test(a_child_that_was_quicker_is_reaped),
		cmocka_unit_test(limits_and_maps_are_read),
		cmocka_unit_test(everyone_is_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
