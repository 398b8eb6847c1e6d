#include "unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/signals.h"

static bool readable(void)
{
	struct pollfd watched = {.fd = signals_fd(), .events = POLLIN};

	return poll(&watched, 1, 0) == 1;
}

/* Each in a child: a signal that was seen stays seen. Returns 0, or the line that was not true. */
static int in_child(int (*work)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(work());
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define EXPECT(question)                                                                           \
	do {                                                                                       \
		if (!(question))                                                                   \
			return __LINE__;                                                           \
	} while (0)

static int notes_a_signal(void)
{
	signals_install();
	EXPECT(signals_pending() == 0);
	EXPECT(!readable());
	raise(SIGTERM);
	EXPECT(signals_pending() == SIGTERM);
	EXPECT(readable());
	raise(SIGINT);
	EXPECT(signals_pending() == SIGINT);
	return 0;
}

static int holds_nest(void)
{
	signals_install();
	signals_hold();
	signals_hold();
	raise(SIGINT);
	EXPECT(signals_pending() == 0);
	EXPECT(signals_seen() == SIGINT);
	EXPECT(!readable());
	signals_release();
	EXPECT(signals_pending() == 0);
	signals_release();
	EXPECT(signals_pending() == SIGINT);
	EXPECT(readable());
	signals_release();
	signals_hold();
	EXPECT(signals_pending() == 0);
	return 0;
}

static int survives_a_lost_terminal(void)
{
	int ends[2];

	signals_install();
	raise(SIGHUP);
	EXPECT(pipe(ends) == 0);
	close(ends[0]);
	EXPECT(write(ends[1], "x", 1) < 0);
	EXPECT(signals_seen() == 0);
	return 0;
}

static int works_without_install(void)
{
	EXPECT(signals_pending() == 0);
	EXPECT(!readable());
	return 0;
}

static void int_and_term_become_a_flag(void **state UNUSED)
{
	assert_int_equal(in_child(notes_a_signal), 0);
}

static void held_signals_wait(void **state UNUSED)
{
	assert_int_equal(in_child(holds_nest), 0);
}

static void hup_and_pipe_never_end_a_run(void **state UNUSED)
{
	assert_int_equal(in_child(survives_a_lost_terminal), 0);
}

static void nothing_is_seen_before(void **state UNUSED)
{
	assert_int_equal(in_child(works_without_install), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(int_and_term_become_a_flag),
		cmocka_unit_test(held_signals_wait),
		cmocka_unit_test(hup_and_pipe_never_end_a_run),
		cmocka_unit_test(nothing_is_seen_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
