#include "release/build.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/event.h"
#include "base/text.h"
#include "fake_env.h"
#include "os/process_table.h"
#include "release/data_home.h"
#include "release/link.h"
#include "release/marker.h"

/* The Python of every environment here: it answers as data/inventory.py does, and compiles. */
static const char python[] =
	"#!/bin/sh\n"
	"env=${0%/bin/python}\n"
	"case \"$*\" in\n"
	"*compileall*) mkdir -p \"$env/lib/python3.11/site-packages/open_webui/__pycache__\"\n"
	"  : >\"$env/lib/python3.11/site-packages/open_webui/__pycache__/__init__.cpython-311.pyc\" ;;\n"
	"*'-I -B -'*) cat >/dev/null; cat \"$env/inventory.json\" ;;\n"
	"*psycopg2*) [ ! -e \"$env/no-driver\" ] ;;\n"
	"esac\n";

/* uv, as far as a build can tell. %1: the scratch folder. */
static const char uv[] =
	"#!/bin/sh\n"
	"root='%s'\n"
	"[ \"$1\" != --version ] || exit 0\n"
	"echo \"bytecode=${PYTHONDONTWRITEBYTECODE:-yes} $*\" >>\"$root/uv.log\"\n"
	"echo \"temp=$TMPDIR\" >>\"$root/uv.log\"; : >\"$TMPDIR/unpacked\"\n"
	"for last; do :; done\n"
	"if [ \"$1\" = venv ]; then\n"
	"  mkdir -p \"$last/bin\" && cp \"$root/python\" \"$last/bin/python\"; exit\n"
	"fi\n"
	"[ ! -e \"$root/no-index\" ] || { echo 'error sending request' >&2; exit 1; }\n"
	"case \"$*\" in *' extra-one=='*)\n"
	"  [ ! -e \"$root/no-pins\" ] || { echo 'No solution found' >&2; exit 1; } ;; esac\n"
	"case \"$*\" in *' extra-one'*)\n"
	"  [ ! -e \"$root/no-extras\" ] || { echo 'No solution found' >&2; exit 1; } ;; esac\n"
	"env=${4%%/bin/python}\n"
	"packages=$env/lib/python3.11/site-packages\n"
	"mkdir -p \"$packages/open_webui/data\" \"$packages/open_webui-0.8.0.dist-info\"\n"
	": >\"$packages/open_webui/__init__.py\"\n"
	": >\"$packages/open_webui/data/readme.txt\"\n"
	": >\"$packages/open_webui-0.8.0.dist-info/METADATA\"\n"
	": >\"$packages/open_webui-0.8.0.dist-info/RECORD\"\n"
	"[ ! -e \"$root/no-driver\" ] || : >\"$env/no-driver\"\n"
	"echo '{\"base\":\"/bin/sh\",\"venv\":true,\"freeze\":[\"open-webui==0.8.0\"],"
	"\"extra\":[]}' >\"$env/inventory.json\"\n";

static char notice_text[1024];
static const char *notices = notice_text;

static void hear(void *self UNUSED, const Event *event)
{
	if (event->kind == EVENT_NOTICE)
		snprintf(notice_text, sizeof(notice_text), "%s: %s", event->id, event->text);
}

static void inventory_of(const char *env, const char *extra)
{
	AUTO(free_auto)
	char *text = str_format("{\"base\":\"/bin/sh\",\"venv\":true,"
				"\"freeze\":[\"open-webui==0.7.2\"],\"extra\":[%s]}",
		extra);

	fake_file_at(env, "inventory.json", text);
}

static int build_setup(void **state)
{
	FakeSite *fake;
	AUTO(free_auto) char *uv_text = NULL;
	AUTO(free_auto) char *uv_path = NULL;
	AUTO(free_auto) char *python_path = NULL;
	AUTO(free_auto) char *shared_path = NULL;

	fake_setup(state);
	fake = *state;
	uv_text = str_format(uv, fake->root);
	uv_path = path_join(fake->root, "tools/uv");
	python_path = path_join(fake->site.environment, "bin/python");
	shared_path = path_join(fake->root, "python");
	fake_file(uv_path, uv_text, 0755);
	fake_file(python_path, python, 0755);
	fake_file(shared_path, python, 0755);
	inventory_of(fake->site.environment, "\"extra-one==1.0\"");
	fake->site.installer = str_dup("uv");
	fake->site.extras = str_dup("postgres");
	fake->site.file = str_dup("/etc/belay/test.conf");
	fake->site.database.kind = DATABASE_POSTGRES;
	AUTO(free_auto) char *tools = path_folder(uv_path);
	AUTO(free_auto) char *path = str_format("%s:/usr/bin:/bin", tools);
	setenv("PATH", path, 1);
	setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
	notice_text[0] = '\0';
	event_listen((EventListener){.on_event = hear, .self = fake});
	return 0;
}

static int build_teardown(void **state)
{
	FakeSite *fake = *state;

	event_unlisten(fake);
	free(fake->site.installer);
	free(fake->site.extras);
	free(fake->site.file);
	return fake_teardown(state);
}

static bool build(FakeSite *fake, Release *ret)
{
	AUTO(release_clear) Release current = {0};

	assert_done(release_current(&fake->site, &current, &fake->err), &fake->err);
	return release_build(&fake->site, &current, "0.8.0", NULL, ret, &fake->err);
}

static void build_well(FakeSite *fake, Release *ret)
{
	assert_done(build(fake, ret), &fake->err);
}

static char *uv_log(const FakeSite *fake)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fake->root, "uv.log");
	char *text = NULL;

	if (!file_exists(path))
		return str_dup("");
	assert_done(file_read(path, 1 << 20, &text, NULL, &err), &err);
	return text;
}

static void a_build_is_a_finished_release_of_ours(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(json_release_auto) json_t *marker = NULL;

	build_well(fake, &made);
	assert_string_equal(made.version, "0.8.0");
	assert_true(made.ours);
	assert_false(marker_is_building(made.path));
	assert_done(marker_read(made.path, &marker, &fake->err), &fake->err);
	assert_string_equal(json_str(marker, "installer"), "uv");
	assert_string_equal(json_str(marker, "extras"), "postgres");
	AUTO(free_auto)
	char *pyc = path_join(made.package_dir, "__pycache__/__init__.cpython-311.pyc");
	assert_true(file_exists(pyc));
}

static void extras_and_the_packages_of_the_site_are_asked_for(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};

	build_well(fake, &made);
	AUTO(free_auto) char *log = uv_log(fake);
	assert_part(log, "venv --no-project --python /bin/sh");
	assert_part(log, " open-webui[postgres]==0.8.0\n");
	assert_part(log, " open-webui[postgres]==0.8.0 extra-one==1.0\n");
	assert_null(strstr(log, "bytecode=1"));
	assert_string_equal(notices, "");
}

/* A killed pip leaves hundreds of megabytes where its temporary files go. */
static void temporary_files_go_with_the_build(void **state)
{
	AUTO(release_clear) Release made = {0};
	FakeSite *fake = *state;
	AUTO(free_auto) char *temp = path_join(fake->root, "env.releases/.building-0.8.0.tmp");
	AUTO(free_auto) char *said = str_format("temp=%s\n", temp);
	AUTO(free_auto) char *obstacle = path_join(fake->root, "no-index");
	AUTO(err_clear) Err sweeping = {0};

	fake_file_at(fake->root, "no-index", "");
	assert_false(build(fake, &made));
	AUTO(free_auto) char *log = uv_log(fake);
	assert_part(log, said);
	/* As after a kill, it is swept by whatever comes next. */
	assert_done(release_sweep(&fake->site, "0.8.0", &sweeping), &sweeping);
	assert_false(file_exists(temp));
	assert_done(file_remove(obstacle, &sweeping), &sweeping);
	err_clear(&fake->err);
	build_well(fake, &made);
	assert_false(file_exists(temp));
}

static void packages_that_do_not_fit_are_named_and_do_not_stop_it(void **state)
{
	static const struct {
		const char *obstacle, *notice;
	} cases[] = {
		{"no-pins", "packages-other-versions"},
		{"no-extras", "packages-left-behind"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FakeSite *fake = *state;
		AUTO(release_clear) Release made = {0};

		fake_file_at(fake->root, cases[i].obstacle, "");
		build_well(fake, &made);
		assert_part(notices, cases[i].notice);
		assert_part(notices, "extra-one==1.0");
		assert_done(tree_remove(made.path, &fake->err), &fake->err);
	}
}

static void a_finished_release_is_kept(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(release_clear) Release again = {0};

	build_well(fake, &made);
	AUTO(free_auto) char *before = uv_log(fake);
	build_well(fake, &again);
	AUTO(free_auto) char *after = uv_log(fake);
	assert_string_equal(before, after);
}

static void other_extras_are_built_anew(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(release_clear) Release again = {0};

	build_well(fake, &made);
	fake_file_at(made.path, "old", "");
	str_replace(&fake->site.extras, "all");
	build_well(fake, &again);
	AUTO(free_auto) char *old = path_join(again.path, "old");
	assert_false(file_exists(old));
}

static void a_release_in_use_is_never_built_anew(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(release_clear) Release again = {0};

	build_well(fake, &made);
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_done(link_point(&fake->site, made.path, &fake->err), &fake->err);
	str_replace(&fake->site.extras, "all");
	assert_false(build(fake, &again));
	assert_int_equal(fake->err.kind, ERR_REFUSED);
	assert_true(file_exists(made.package_dir));
}

static void a_failed_build_is_a_leftover_that_the_next_one_removes(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");
	AUTO(free_auto) char *obstacle = path_join(fake->root, "no-index");

	fake_file(obstacle, "", 0644);
	assert_error(build(fake, &made), &fake->err, ERR_NETWORK);
	err_clear(&fake->err);
	assert_true(marker_is_building(path));
	fake_file_at(path, "leftover", "");
	assert_done(file_remove(obstacle, &fake->err), &fake->err);
	build_well(fake, &made);
	AUTO(free_auto) char *leftover = path_join(path, "leftover");
	assert_false(file_exists(leftover));
}

static void sweep_takes_leftovers_and_nothing_else(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *before = path_join(fake->releases, "0.7.1");
	AUTO(free_auto) char *leftover = path_join(fake->releases, "0.8.0");

	fake_env(before, "0.7.1");
	fake_env(leftover, "0.8.0");
	assert_done(marker_begin(leftover, &fake->err), &fake->err);
	assert_done(release_sweep(&fake->site, "0.7.1", &fake->err), &fake->err);
	assert_done(release_sweep(&fake->site, "0.8.0", &fake->err), &fake->err);
	assert_true(file_exists(before));
	assert_false(file_exists(leftover));
}

/* Those whom the installer had started outlive it, and make folders anew. */
static void sweep_ends_who_still_works_in_it(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *leftover = path_join(fake->releases, "0.8.0");
	AUTO(free_auto) char *program = path_join(leftover, "bin/python");

	fake_env(leftover, "0.8.0");
	assert_done(file_remove(program, &fake->err), &fake->err);
	assert_done(file_copy("/bin/sleep", program, 0755, &fake->err), &fake->err);
	const pid_t worker = fork();

	if (worker == 0) {
		execl(program, program, "600", (char *)NULL);
		_exit(127);
	}
	/* Until it is that program. */
	for (int i = 0; i < 500; i++) {
		AUTO(process_clear) Process process = {0};

		if (process_read(worker, &process, &fake->err) && process.argv.len &&
			str_is(process.argv.items[0], program))
			break;
		err_clear(&fake->err);
		poll(NULL, 0, 10);
	}
	/* A finished release may be at work. */
	assert_done(release_sweep(&fake->site, "0.8.0", &fake->err), &fake->err);
	assert_int_equal(waitpid(worker, NULL, WNOHANG), 0);
	assert_done(marker_begin(leftover, &fake->err), &fake->err);
	assert_done(release_sweep(&fake->site, "0.8.0", &fake->err), &fake->err);
	waitpid(worker, NULL, 0);
	assert_int_equal(kill(worker, 0), -1);
	assert_false(file_exists(leftover));
}

/* The folder that the first upgrade moved there has no marker, and is the way back. */
static void an_environment_from_before_belay_is_used_as_it_is(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");

	fake_env(path, "0.8.0");
	build_well(fake, &made);
	assert_false(made.ours);
	AUTO(free_auto) char *log = uv_log(fake);
	assert_string_equal(log, "");
}

static void a_foreign_folder_in_the_way_is_left_alone(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");

	fake_file_at(path, "thesis.txt", "");
	assert_error(build(fake, &made), &fake->err, ERR_REFUSED);
	assert_part(fake->err.hint, "mv ");
	AUTO(free_auto) char *file = path_join(path, "thesis.txt");
	assert_true(file_exists(file));
}

static void a_missing_driver_is_refused(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};

	fake_file_at(fake->root, "no-driver", "");
	assert_error(build(fake, &made), &fake->err, ERR_REFUSED);
	assert_part(fake->err.text, "psycopg2");
	assert_part(fake->err.hint, "extras");
}

static void a_python_inside_a_release_is_refused(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto)
	char *text = str_format(
		"{\"base\":\"%s/bin/python\",\"venv\":true,\"freeze\":[],\"extra\":[]}",
		fake->site.environment);

	fake_file_at(fake->site.environment, "inventory.json", text);
	assert_error(build(fake, &made), &fake->err, ERR_REFUSED);
	assert_part(fake->err.text, "inside a release");
}

static void dotenv_and_the_data_link_go_along(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release current = {0};
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *dotenv = path_join(fake->site.environment, "lib/python3.11/.env");
	AUTO(free_auto) char *carried = path_join(fake->releases, "0.8.0/lib/python3.11/.env");
	struct stat file;
	DataHome home;

	fake_file(dotenv, "DATABASE_URL=x\n", 0600);
	assert_done(release_current(&fake->site, &current, &fake->err), &fake->err);
	fake_file_at(current.package_dir, "data/webui.db", "rows");
	assert_done(data_home_move(&fake->site, &current, &fake->err), &fake->err);
	build_well(fake, &made);
	assert_int_equal(stat(carried, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_done(data_home_state(&fake->site, &made, &home, &fake->err), &fake->err);
	assert_int_equal(home, DATA_MOVED);
}

#define BUILD_TEST(function) cmocka_unit_test_setup_teardown(function, build_setup, build_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUILD_TEST(a_build_is_a_finished_release_of_ours),
		BUILD_TEST(extras_and_the_packages_of_the_site_are_asked_for),
		BUILD_TEST(temporary_files_go_with_the_build),
		BUILD_TEST(packages_that_do_not_fit_are_named_and_do_not_stop_it),
		BUILD_TEST(a_finished_release_is_kept),
		BUILD_TEST(other_extras_are_built_anew),
		BUILD_TEST(a_release_in_use_is_never_built_anew),
		BUILD_TEST(a_failed_build_is_a_leftover_that_the_next_one_removes),
		BUILD_TEST(sweep_takes_leftovers_and_nothing_else),
		BUILD_TEST(sweep_ends_who_still_works_in_it),
		BUILD_TEST(an_environment_from_before_belay_is_used_as_it_is),
		BUILD_TEST(a_foreign_folder_in_the_way_is_left_alone),
		BUILD_TEST(a_missing_driver_is_refused),
		BUILD_TEST(a_python_inside_a_release_is_refused),
		BUILD_TEST(dotenv_and_the_data_link_go_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
