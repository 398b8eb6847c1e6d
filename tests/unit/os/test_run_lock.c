#include "scratch.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "os/run_lock.h"

static void second_run_is_told_who_holds_it(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(run_lock_release_auto) RunLock *first = NULL;
	AUTO(run_lock_release_auto) RunLock *second = NULL;
	AUTO(free_auto) char *holder = NULL;
	char process[40];

	snprintf(process, sizeof(process), "process %ld", (long)getpid());
	assert_null(run_lock_holder(in(state, "lock")));
	assert_done(run_lock_take(in(state, "lock"), "upgrade 0.8.0", &first, &err), &err);
	assert_error(run_lock_take(in(state, "lock"), "rollback", &second, &err), &err, ERR_BUSY);
	assert_null(second);
	assert_part(err.text, "'upgrade 0.8.0'");
	assert_part(err.text, process);
	assert_string_equal(err.hint, "belay status");
	holder = run_lock_holder(in(state, "lock"));
	assert_part(holder, "upgrade 0.8.0, process ");
	assert_part(holder, ", since ");
}

static void release_gives_it_back(void **state)
{
	AUTO(err_clear) Err err = {0};
	RunLock *lock = NULL;

	for (int i = 0; i < 2; i++) {
		assert_done(run_lock_take(in(state, "lock"), "backup", &lock, &err), &err);
		run_lock_release(lock);
		assert_null(run_lock_holder(in(state, "lock")));
	}
	run_lock_release(NULL);
	assert_error(run_lock_take(in(state, "no/lock"), "backup", &lock, &err), &err, ERR_IO);
}

static void a_killed_holder_holds_nothing(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(run_lock_release_auto) RunLock *lock = NULL;
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		RunLock *own = NULL;

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when an assertion ends us */
		if (run_lock_take(in(state, "lock"), "upgrade", &own, &err) &&
			write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_error(run_lock_take(in(state, "lock"), "status", &lock, &err), &err, ERR_BUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_null(run_lock_holder(in(state, "lock")));
	err_clear(&err);
	assert_done(run_lock_take(in(state, "lock"), "resume", &lock, &err), &err);
}

/* What the killed one had forked has its lock for a moment yet. */
static void a_killed_holders_child_is_waited_for(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(run_lock_release_auto) RunLock *lock = NULL;
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		RunLock *own = NULL;

		if (run_lock_take(in(state, "lock"), "upgrade", &own, &err) && fork() == 0) {
			poll(NULL, 0, 300);
			_exit(0);
		}
		_exit(write(ready[1], "x", 1) != 1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	waitpid(child, NULL, 0);
	AUTO(free_auto) char *holder = run_lock_holder(in(state, "lock"));
	assert_part(holder, "upgrade");
	assert_done(run_lock_take(in(state, "lock"), "resume", &lock, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(second_run_is_told_who_holds_it),
		scratch_test(release_gives_it_back),
		scratch_test(a_killed_holder_holds_nothing),
		scratch_test(a_killed_holders_child_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
