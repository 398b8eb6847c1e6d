#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

/* Passes four points in a child, whose counter starts at 0. Returns what came of it: the number of
 * the point that failed (with the error kind times 10), 0 for none, -1 when it was killed. */
static int pass_points(const char *wish)
{
	static const char *const points[] = {"one", "two", "three", "two"};
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("BELAY_FAULT", wish, 1);
		for (int i = 0; i < 4; i++) {
			Err err = {0};

			if (!FAULT(&err, points[i]))
				_exit((int)err.kind * 10 + i + 1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGKILL ? -1 : -2;
}

static void counts_and_names(void **state UNUSED)
{
	static const struct {
		const char *wish;
		int want;
	} cases[] = {
		{"", 0},
		{"fail:1", ERR_IO * 10 + 1},
		{"fail:3", ERR_IO * 10 + 3},
		{"fail@two", ERR_IO * 10 + 2},
		{"fail@four", 0},
		{"fail@two:1", ERR_IO * 10 + 2},
		{"fail@two:2", ERR_IO * 10 + 4},
		{"fail@two:3", 0},
		{"fail@tw", 0},
		{"full@three", ERR_NO_SPACE * 10 + 3},
		{"full:2", ERR_NO_SPACE * 10 + 2},
		{"fail:9", 0},
		{"kill:4", -1},
		{"kill:5", 0},
		{"kill@three", -1},
		{"kill@four", 0},
		{"kill@two:2", -1},
		{"kill", 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (pass_points(cases[i].wish) != cases[i].want)
			fail_msg("%s", cases[i].wish);
	}
}

static void logs_what_was_passed(void **state UNUSED)
{
	char path[] = "/tmp/belay-test-XXXXXX";
	int fd = mkstemp(path);
	char text[100] = "";
	ssize_t len;

	assert_true(fd >= 0);
	setenv("BELAY_FAULT_LOG", path, 1);
	pass_points("kill:2");
	unsetenv("BELAY_FAULT_LOG");
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	unlink(path);
	assert_true(len > 0);
	assert_string_equal(text, "1 one\n2 two\n");
}

/* Two pieces of ten bytes in a child; what is left of them. */
static size_t bytes_after(const char *wish)
{
	char path[] = "/tmp/belay-test-XXXXXX";
	int fd = mkstemp(path);
	off_t size;
	int status;
	pid_t child = fork();

	assert_true(fd >= 0);
	if (child == 0) {
		setenv("BELAY_FAULT", wish, 1);
		for (int i = 0; i < 2; i++) {
			if (write(fd, "0123456789", 10) != 10)
				_exit(1);
			FAULT_WRITTEN(fd, 10);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	size = lseek(fd, 0, SEEK_END);
	close(fd);
	unlink(path);
	return (size_t)size + (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 100 : 0);
}

static void cuts_what_was_written(void **state UNUSED)
{
	assert_int_equal(bytes_after("torn:1"), 105);
	assert_int_equal(bytes_after("torn:2"), 115);
	assert_int_equal(bytes_after("torn:3"), 20);
	assert_int_equal(bytes_after("kill:1"), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_names),
		cmocka_unit_test(logs_what_was_passed),
		cmocka_unit_test(cuts_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
