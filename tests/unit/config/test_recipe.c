#include "unit.h"
#include "scratch.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/text.h"
#include "config/recipe.h"
#include "os/process_table.h"

static void saved_and_loaded_it_is_the_same(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(free_auto) char *path = path_join(root, "recipe.json");
	AUTO(recipe_clear)
	Recipe made = {.uid = 1000,
		.gid = 1001,
		.umask = 0027,
		.ignored_signals = 0x8000000000000001u,
		.priority = {.known = true, .nice = -5, .oom_score_adj = 300},
		.pid = 7,
		.start_ticks = 1u << 20,
		.read_at_ms = 5};
	AUTO(recipe_clear) Recipe loaded = {0};
	AUTO(recipe_clear) Recipe copy = {0};
	struct stat seen;

	(void)state;
	strlist_add(&made.argv, "/e/bin/python");
	strlist_add(&made.argv, "/e/bin/open-webui");
	strlist_add(&made.env, "NAME=\"quoted\" \xed\x95\x9c");
	made.dir = str_dup("/srv");
	made.user = str_dup("owui");
	made.log = str_dup("/srv/log");
	made.groups = mem_new(2, sizeof(gid_t));
	made.groups[0] = 1001;
	made.groups[1] = 44;
	made.group_count = 2;
	made.limits = mem_new(1, sizeof(ProcLimit));
	made.limits[0] = (ProcLimit){RLIMIT_NOFILE, 1024, UINT64_MAX};
	made.limit_count = 1;

	assert_done(recipe_save(path, &made, &err), &err);
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0600);
	assert_done(recipe_load(path, &loaded, &err), &err);
	recipe_copy(&loaded, &copy);
	assert_int_equal(copy.argv.len, 2);
	assert_string_equal(copy.argv.items[1], "/e/bin/open-webui");
	assert_string_equal(copy.env.items[0], made.env.items[0]);
	assert_string_equal(copy.dir, "/srv");
	assert_string_equal(copy.log, "/srv/log");
	assert_null(copy.pid_file);
	assert_int_equal(copy.uid, 1000);
	assert_int_equal(copy.gid, 1001);
	assert_int_equal(copy.groups[1], 44);
	assert_int_equal(copy.umask, 0027);
	assert_true(copy.ignored_signals == made.ignored_signals);
	assert_int_equal(copy.limits[0].resource, RLIMIT_NOFILE);
	assert_true(copy.limits[0].hard == UINT64_MAX && copy.limits[0].soft == 1024);
	assert_true(copy.priority.known);
	assert_int_equal(copy.priority.nice, -5);
	assert_int_equal(copy.priority.oom_score_adj, 300);
	assert_int_equal(copy.pid, 7);
}

static void its_secrets_are_masked_from_then_on(void **state)
{
	AUTO(recipe_clear) Recipe recipe = {0};

	(void)state;
	redact_forget();
	strlist_add(&recipe.env, "OPENAI_API_KEY=sk-very-hidden");
	strlist_add(&recipe.env, "DATABASE_URL=postgresql://u:db-hidden@dbhost/d");
	strlist_add(&recipe.env, "HOME=/home/visible");
	recipe_learn_secrets(&recipe);
	AUTO(free_auto) char *text = redact("sk-very-hidden db-hidden dbhost /home/visible");
	assert_string_equal(text, "*** *** dbhost /home/visible");
}

static void a_file_that_says_nothing_is_an_error(void **state)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"argv\":[\"x\"]}", "{\"argv\":"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(scratch_free) char *root = scratch_new();
		AUTO(free_auto) char *path = scratch_file(root, "recipe.json", texts[i]);
		Recipe recipe = {0};

		assert_false(recipe_load(path, &recipe, &err));
		assert_part(err.text, path);
	}
}

static pid_t start_sleeper(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(dir) == 0) {
			umask(0031);
			signal(SIGUSR1, SIG_IGN);
			execle("/bin/sleep", "sleep", "60", NULL,
				(const char *const[]){
					"WEBUI_NAME=x", "PATH=/nowhere:/bin", "A=b c", NULL});
		}
		_exit(127);
	}
	return pid;
}

/* The process is only what we want to read after its exec. */
/* As root, a number that wraps would start the server as somebody else. */
static void a_recipe_that_cannot_be_meant_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"argv\":[\"a\"],\"dir\":\"/\",\"uid\":4294967296}",
		"{\"argv\":[\"a\"],\"dir\":\"/\",\"gid\":-1}",
		"{\"argv\":[\"a\"],\"dir\":\"/\",\"uid\":\"0\"}",
		"{\"argv\":[\"a\"],\"dir\":\"/\",\"groups\":[4294967295]}",
		"{\"argv\":[\"a\"],\"dir\":\"/\",\"schema\":2}",
		"{\"argv\":[\"a\"],\"dir\":\"srv\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char path[] = "/tmp/belay-recipe-XXXXXX";
		AUTO(err_clear) Err err = {0};
		AUTO(recipe_clear) Recipe recipe = {0};

		print_message("%s\n", bad[i]);
		close(mkstemp(path));
		assert_done(file_write_text(path, bad[i], 0600, &err), &err);
		assert_error(recipe_load(path, &recipe, &err), &err, ERR_CONFIG);
		unlink(path);
	}
}

static void a_command_that_is_no_utf8_is_not_written_without_that_word(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(recipe_clear) Recipe recipe = {.dir = str_dup("/")};

	(void)state;
	strlist_add(&recipe.argv, "/bin/serve");
	strlist_add(&recipe.argv, "--name=\xff");
	assert_error(recipe_save("/nowhere/recipe.json", &recipe, &err), &err, ERR_REFUSED);
}

static void wait_exec(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(process_clear) Process seen = {0};

		if (process_read(pid, &seen, &err) && str_is(seen.name, "sleep"))
			return;
		poll(NULL, 0, 5);
	}
	fail_msg("the child never ran");
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void read_from_a_process_and_started_again(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(recipe_clear) Recipe recipe = {0};
	AUTO(recipe_clear) Recipe again = {0};
	AUTO(close_auto) int pidfd = -1;
	pid_t child = start_sleeper(root);
	pid_t started = 0;

	(void)state;
	wait_exec(child);
	AUTO(free_auto) char *text = str_format("%d\n", (int)child);
	AUTO(free_auto) char *pid_file = scratch_file(root, "web.pid", text);
	AUTO(free_auto) char *other = scratch_file(root, "other.pid", "1\n");
	bool read = recipe_of_process(child, &recipe, &err);
	end_child(child);
	assert_done(read, &err);
	assert_string_equal(recipe.dir, root);
	assert_string_equal(recipe.pid_file, pid_file);
	assert_string_equal(recipe.argv.items[0], "/bin/sleep");
	assert_int_equal(recipe.umask, 0031);
	assert_true(recipe.ignored_signals & (1u << (SIGUSR1 - 1)));
	assert_string_equal(env_get(&recipe.env, "A"), "b c");
	assert_true(recipe.limit_count > 0);

	assert_done(recipe_start(&recipe, &started, &pidfd, &err), &err);
	wait_exec(started);
	read = recipe_of_process(started, &again, &err);
	AUTO(free_auto) char *now = NULL;
	bool rewritten = file_read(pid_file, 64, &now, NULL, &err);
	assert_done(process_end(pidfd, 1000, &err), &err);
	waitpid(started, NULL, WNOHANG);
	assert_done(read, &err);
	assert_string_equal(again.dir, root);
	assert_int_equal(again.umask, 0031);
	assert_int_equal(again.env.len, recipe.env.len);
	assert_true(again.ignored_signals & (1u << (SIGUSR1 - 1)));
	assert_true(rewritten);
	assert_int_equal(atoi(now), started);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saved_and_loaded_it_is_the_same),
		cmocka_unit_test(its_secrets_are_masked_from_then_on),
		cmocka_unit_test(a_file_that_says_nothing_is_an_error),
		cmocka_unit_test(a_recipe_that_cannot_be_meant_is_refused),
		cmocka_unit_test(a_command_that_is_no_utf8_is_not_written_without_that_word),
		cmocka_unit_test(read_from_a_process_and_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
