/* What is asked about the server, its start and its environment, on a site that is stopped. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "check_site.h"
#include "checks/checks.h"
#include "config/system_python.h"

static int listen_somewhere(int *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void a_server_that_does_not_run(void **state)
{
	finds(*state, check_service, FINDING_WARNING, "the server is not running", NULL);
	finds(*state, check_running_version, FINDING_OK, NULL, NULL);
}

static void another_program_on_the_port(void **state)
{
	CheckSite *check = *state;
	AUTO(close_auto) int fd = listen_somewhere(&check->site->port);

	assert_true(fd >= 0);
	finds(check, check_service, FINDING_REFUSED,
		"is taken by another program: ", "give Open WebUI another port");
}

static void a_start_script_that_is_gone(void **state)
{
	CheckSite *check = *state;

	finds(check, check_start_script, FINDING_OK, NULL, NULL);
	check->site->service = SERVICE_SCRIPT;
	check->site->start_script = path_join(check->fixture->root, "start/start_openwebui.sh");
	finds(check, check_start_script, FINDING_REFUSED, "cannot be read",
		"belay adopt --start-script");
	put(check->fixture, "start/start_openwebui.sh", "#!/bin/bash\n", 0755);
	finds(check, check_start_script, FINDING_OK, NULL, NULL);
}

static void more_than_one_worker(void **state)
{
	CheckSite *check = *state;

	finds(check, check_workers, FINDING_OK, NULL, NULL);
	strlist_add(&check->site->webui.merged, "WEBSOCKET_REDIS_URL=redis://127.0.0.1");
	finds(check, check_workers, FINDING_WARNING, "Redis is configured", NULL);
	check->site->webui.workers = 4;
	finds(check, check_workers, FINDING_WARNING, "4 workers serve this site", NULL);
}

static void no_secret_key(void **state)
{
	CheckSite *check = *state;

	finds(check, check_secret_key, FINDING_OK, NULL, NULL);
	check->site->webui.key_source = KEY_NONE;
	finds(check, check_secret_key, FINDING_REFUSED, "neither WEBUI_SECRET_KEY nor a file",
		"a new one ends all sessions");
}

static void an_environment_that_cannot_become_a_link(void **state)
{
	CheckSite *check = *state;

	finds(check, check_environment_link, FINDING_OK, NULL, NULL);
	str_replace(&check->site->environment, "/proc");
	finds(check, check_environment_link, FINDING_REFUSED, "is a mount point",
		"into a folder below it");
	str_replace(&check->site->environment, "/nowhere/env");
	finds(check, check_environment_link, FINDING_REFUSED, "neither an environment nor a link",
		NULL);
}

static void a_folder_that_nothing_can_be_exchanged_in(void **state)
{
	CheckSite *check = *state;

	finds(check, check_exchange, FINDING_OK, NULL, NULL);
	str_replace(&check->site->environment, "/proc/env");
	finds(check, check_exchange, FINDING_REFUSED, "/proc", NULL);
}

/* ---- the system's Python ---- */

static void be_a_system_site(CheckSite *check)
{
	Site *site = check->site;
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove(site->environment, &err), &err);
	site->system_script = str_dup("/usr/local/bin/open-webui");
	site->start_script = path_join(check->fixture->root, "start/start_openwebui.sh");
}

static void the_line_that_the_start_script_needs(void **state)
{
	CheckSite *check = *state;
	Site *site = check->site;
	AUTO(free_auto) char *line = system_path_line(site);
	AUTO(free_auto) char *good = str_format("#!/bin/bash\n%s\nopen-webui serve\n", line);
	AUTO(free_auto)
	char *other = str_format("#!/bin/bash\n%s\n/usr/local/bin/open-webui serve\n", line);

	finds(check, check_path_line, FINDING_OK, NULL, NULL);
	be_a_system_site(check);
	finds(check, check_path_line, FINDING_REFUSED, "no start script is known", line);
	site->service = SERVICE_SCRIPT;
	finds(check, check_path_line, FINDING_UNKNOWN, "start_openwebui.sh", NULL);
	put(check->fixture, "start/start_openwebui.sh", "#!/bin/bash\nopen-webui serve\n", 0755);
	finds(check, check_path_line, FINDING_REFUSED, "has to look into", line);
	put(check->fixture, "start/start_openwebui.sh", other, 0755);
	finds(check, check_path_line, FINDING_REFUSED, "write 'open-webui' alone", line);
	put(check->fixture, "start/start_openwebui.sh", good, 0755);
	finds(check, check_path_line, FINDING_OK, NULL, NULL);
}

static void data_in_the_systems_python(void **state)
{
	CheckSite *check = *state;

	check->site->webui.data_inside_environment = true;
	finds(check, check_data_folder, FINDING_OK, NULL, NULL);
	be_a_system_site(check);
	finds(check, check_data_folder, FINDING_REFUSED, "move it to", "export DATA_DIR=");
	check->site->webui.data_inside_environment = false;
	finds(check, check_data_folder, FINDING_OK, NULL, NULL);
}

/* ---- the target ---- */

static void a_python_that_does_not_fit(void **state)
{
	CheckSite *check = *state;
	AUTO(free_auto) char *package = path_join(check->fixture->root, "p/open_webui");

	check->ctx.package_dir = package;
	finds(check, check_python, FINDING_UNKNOWN, "", NULL);
	put(check->fixture, "p/open_webui/__init__.py", "", 0644);
	put(check->fixture, "p/open_webui-0.12.4.dist-info/METADATA",
		"Name: open-webui\nRequires-Python: <3.13.0a1,>=3.12\n", 0644);
	finds(check, check_python, FINDING_REFUSED,
		"version 0.12.4 needs Python <3.13.0a1,>=3.12, this environment has 3.11", NULL);
	str_replace(&check->fixture->release.python_version, "3.12");
	finds(check, check_python, FINDING_OK, NULL, NULL);
}

static void a_downgrade(void **state)
{
	CheckSite *check = *state;

	finds(check, check_direction, FINDING_OK, NULL, NULL);
	check->ctx.version = "0.7.0";
	finds(check, check_direction, FINDING_REFUSED, "that would be a downgrade",
		"belay rollback");
	check->ctx.version = "0.12.4";
	check->ctx.revision = "0123456789ab";
	finds(check, check_direction, FINDING_REFUSED, "revision '0123456789ab'", NULL);
	check->ctx.revision = NULL;
	finds(check, check_direction, FINDING_UNKNOWN, "names no revision", NULL);
}

static void a_release_that_is_known_to_be_bad(void **state)
{
	CheckSite *check = *state;

	finds(check, check_known_bad, FINDING_OK, NULL, NULL);
	check->ctx.version = "0.8.0";
	finds(check, check_known_bad, FINDING_WARNING, "version 0.8.0: it loads every chat", NULL);
	check->ctx.version = "0.11.2";
	finds(check, check_known_bad, FINDING_REFUSED, "version 0.11.2: it cannot migrate", NULL);
}

/* ---- all of them ---- */

/* What cannot be asked is no yes; the first reason is what the run is refused with. */
static void the_sum(void **state)
{
	CheckSite *check = *state;
	AUTO(check_summary_clear) CheckSummary summary = {0};
	AUTO(err_clear) Err err = {0};

	check->site->service = SERVICE_SCRIPT;
	check->site->start_script = str_dup("/nowhere/start.sh");
	check->site->webui.key_source = KEY_NONE;
	check->ctx.revision = NULL;
	check->ctx.package_dir = "/nowhere/open_webui";
	assert_done(checks_run(&check->ctx, &summary, &err), &err);
	/* start-script, secret-key; python and direction could not be asked. */
	assert_int_equal(summary.refusals, 4);
	assert_part(summary.first_refusal, "the start script '/nowhere/start.sh' cannot be read");
	assert_part(summary.first_hint, "belay adopt --start-script");
	assert_true(summary.warnings >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(a_server_that_does_not_run),
		CHECK_TEST(another_program_on_the_port),
		CHECK_TEST(a_start_script_that_is_gone),
		CHECK_TEST(more_than_one_worker),
		CHECK_TEST(no_secret_key),
		CHECK_TEST(an_environment_that_cannot_become_a_link),
		CHECK_TEST(a_folder_that_nothing_can_be_exchanged_in),
		CHECK_TEST(the_line_that_the_start_script_needs),
		CHECK_TEST(data_in_the_systems_python),
		CHECK_TEST(a_python_that_does_not_fit),
		CHECK_TEST(a_downgrade),
		CHECK_TEST(a_release_that_is_known_to_be_bad),
		CHECK_TEST(the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
