#include "unit.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "adopt/adopt.h"
#include "base/text.h"
#include "os/process_table.h"

#define PACKAGES "env/lib/python3.11/site-packages"

/* A process with the words, the environment and the socket of a server; nothing else is looked at.
 */
static const char server_py[] = "import socket, sys, time\n"
				"port = int(sys.argv[sys.argv.index('--port') + 1])\n"
				"s = socket.create_server(('127.0.0.1', port))\n"
				"time.sleep(60)\n";

typedef struct World {
	char *root;
	char *site_file;
	int port;
	pid_t pid;
} World;

static int free_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(any);
	AUTO(close_auto) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&any, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&any, &len) < 0)
		abort();
	return ntohs(any.sin_port);
}

static int make_world(void **state)
{
	World *world = NEW(World);

	world->root = scratch_new();
	world->site_file = path_join(world->root, "team.conf");
	world->port = free_port();
	setenv("BELAY_STATE_DIR", world->root, 1);
	setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1);
	scratch_file(world->root, "env/pyvenv.cfg", "home = /usr/bin\n", 0644);
	scratch_file(world->root, "env/bin/open-webui", server_py, 0755);
	scratch_file(world->root, PACKAGES "/open_webui/__init__.py", "", 0644);
	scratch_file(world->root, PACKAGES "/open_webui/data/webui.db", "", 0644);
	scratch_file(world->root, PACKAGES "/open_webui-0.7.2.dist-info/METADATA",
		"Metadata-Version: 2.4\nName: open-webui\nVersion: 0.7.2\n", 0644);
	scratch_file(world->root, PACKAGES "/open_webui-0.7.2.dist-info/RECORD", "", 0644);
	scratch_file(world->root, ".webui_secret_key", "the-key-of-it", 0600);
	AUTO(free_auto) char *python = path_join(world->root, "env/bin/python");
	assert_int_equal(symlink("/usr/bin/python3", python), 0);
	*state = world;
	return 0;
}

static void end_server(World *world)
{
	if (!world->pid)
		return;
	kill(world->pid, SIGKILL);
	waitpid(world->pid, NULL, 0);
	world->pid = 0;
}

static int drop_world(void **state)
{
	World *world = *state;

	end_server(world);
	scratch_free(&world->root);
	free(world->site_file);
	free(world);
	return 0;
}

static void wait_listening(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		AUTO(free_auto) int *ports = NULL;

		if (process_ports(pid, &ports, NULL))
			return;
		poll(NULL, 0, 5);
	}
	fail_msg("the server never listened");
}

static void start_server(World *world, const char *variable)
{
	AUTO(free_auto) char *python = path_join(world->root, "env/bin/python");
	AUTO(free_auto) char *script = path_join(world->root, "env/bin/open-webui");
	AUTO(free_auto) char *port = str_format("%d", world->port);

	world->pid = fork();
	if (world->pid == 0) {
		const char *const env[] = {"PATH=/usr/bin", variable, NULL};

		if (chdir(world->root) == 0)
			execle(python, python, script, "serve", "--port", port, NULL, env);
		_exit(127);
	}
	wait_listening(world->pid);
}

static const Finding *finding(const Adoption *adoption, const char *key)
{
	for (size_t i = 0; i < adoption->len; i++)
		if (str_is(adoption->findings[i].key, key))
			return &adoption->findings[i];
	fail_msg("nothing was found about '%s'", key);
	return NULL;
}

static bool look(World *world, const char *const *settings, Adoption *ret, Err *err)
{
	const AdoptWish wish = {.pid = world->pid, .name = world->site_file, .settings = settings};

	return adopt_look(&wish, ret, err);
}

static void a_running_server_becomes_a_site(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(adoption_clear) Adoption seen = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(free_auto) char *environment = path_join(world->root, "env");
	AUTO(free_auto)
	char *database = path_join(world->root, PACKAGES "/open_webui/data/webui.db");
	AUTO(free_auto) char *key = path_join(world->root, ".webui_secret_key");

	scratch_file(world->root, "start_it.sh", "exec env/bin/open-webui serve\n", 0755);
	start_server(world, NULL);
	assert_done(look(world, NULL, &seen, &err), &err);
	assert_string_equal(finding(&seen, "version")->value, "0.7.2");
	assert_string_equal(finding(&seen, "secret-key")->value, key);
	assert_string_equal(finding(&seen, "service")->value, "script");
	for (size_t i = 0; i < seen.len; i++)
		assert_false(str_empty(seen.findings[i].how));
	assert_done(adopt_save(&seen, &err), &err);
	end_server(world);

	assert_done(site_load(world->site_file, &site, &err), &err);
	assert_string_equal(site.environment, environment);
	assert_int_equal(site.port, world->port);
	assert_int_equal(site.service, SERVICE_SCRIPT);
	assert_string_equal(site.database.name, database);
	assert_string_equal(site.start_directory, world->root);
	assert_true(site.webui.data_inside_environment);
	assert_int_equal(site.recipe.argv.len, 5);
}

static void no_finding_shows_a_secret(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(adoption_clear) Adoption seen = {0};

	start_server(world, "DATABASE_URL=postgresql://owui:hidden-pass@db.example/webui");
	assert_done(look(world, NULL, &seen, &err), &err);
	assert_string_equal(
		finding(&seen, "database")->value, "postgresql://owui:***@db.example:5432/webui");
	assert_string_equal(finding(&seen, "service")->value, "recipe");
	for (size_t i = 0; i < seen.len; i++) {
		assert_null(strstr(seen.findings[i].value, "hidden-pass"));
		assert_null(strstr(seen.findings[i].how, "hidden-pass"));
	}
	assert_string_equal(seen.site.database.password, "hidden-pass");
	AUTO(free_auto) char *text = site_format(&seen.site);
	assert_null(strstr(text, "hidden-pass"));
}

static void what_an_option_says_is_kept(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(adoption_clear) Adoption seen = {0};
	static const char *const settings[] = {
		"service=systemd", "unit=web.service", "extras=all", "stop_timeout=7", NULL};

	start_server(world, NULL);
	assert_done(look(world, settings, &seen, &err), &err);
	assert_int_equal(seen.site.service, SERVICE_SYSTEMD);
	assert_string_equal(seen.site.unit, "web.service");
	assert_string_equal(seen.site.extras, "all");
	assert_int_equal(seen.site.stop_timeout_ms, 7000);
	assert_int_equal(seen.site.port, world->port);
}

static void other_processes_are_refused(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	Adoption seen = {0};
	AdoptWish wish = {.pid = getpid(), .name = world->site_file};

	assert_error(adopt_look(&wish, &seen, &err), &err, ERR_REFUSED);
	assert_part(err.text, "no Open WebUI server");
}

/* The data would have to move out of a folder that is never changed. */
static void data_in_the_systems_python_is_refused(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	Adoption seen = {0};
	AUTO(free_auto) char *mark = path_join(world->root, "env/pyvenv.cfg");

	start_server(world, NULL);
	assert_int_equal(unlink(mark), 0);
	assert_error(look(world, NULL, &seen, &err), &err, ERR_REFUSED);
	assert_part(err.text, "inside the system's Python");
	assert_part(err.hint, "export DATA_DIR=");
}

static void the_systems_python_gets_an_environment_beside_the_start(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(adoption_clear) Adoption seen = {0};
	AUTO(free_auto) char *mark = path_join(world->root, "env/pyvenv.cfg");
	AUTO(free_auto) char *script = path_join(world->root, "env/bin/open-webui");
	AUTO(free_auto) char *own = path_join(world->root, "openwebui-env");
	AUTO(free_auto) char *line = str_format("PATH=%s/bin:$PATH; export PATH", own);
	AUTO(free_auto) char *data = str_format("DATA_DIR=%s", world->root);

	start_server(world, data);
	assert_int_equal(unlink(mark), 0);
	scratch_file(world->root, "start.sh", "exec open-webui serve\n", 0755);
	assert_done(look(world, NULL, &seen, &err), &err);
	assert_string_equal(seen.site.system_script, script);
	assert_string_equal(seen.site.environment, own);
	assert_string_equal(finding(&seen, "version")->value, "0.7.2");
	assert_int_equal(seen.warnings.len, 1);
	assert_part(seen.warnings.items[0], line);
	assert_false(file_exists(own));
}

static void a_folder_in_the_way_of_that_environment_is_left_alone(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	Adoption seen = {0};
	AUTO(adoption_clear) Adoption elsewhere = {0};
	AUTO(free_auto) char *mark = path_join(world->root, "env/pyvenv.cfg");
	AUTO(free_auto) char *data = str_format("DATA_DIR=%s", world->root);
	AUTO(free_auto) char *other = str_format("environment=%s/other", world->root);

	start_server(world, data);
	assert_int_equal(unlink(mark), 0);
	scratch_file(world->root, "openwebui-env/thesis.txt", "", 0644);
	assert_error(look(world, NULL, &seen, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "--environment");
	err_clear(&err);
	assert_done(look(world, (const char *const[]){other, NULL}, &elsewhere, &err), &err);
	assert_string_equal(elsewhere.site.environment, other + strlen("environment="));
}

static void a_misspelt_option_is_named(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	Adoption seen = {0};
	static const char *const settings[] = {"enviroment=/e", NULL};

	assert_error(look(world, settings, &seen, &err), &err, ERR_USAGE);
	assert_part(err.hint, "environment");
}

static void without_a_server_options_are_enough(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(adoption_clear) Adoption seen = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(free_auto) char *environment = str_format("environment=%s/env", world->root);
	AUTO(free_auto) char *folder = str_format("start_directory=%s", world->root);
	AUTO(free_auto) char *port = str_format("port=%d", world->port);
	const char *const settings[] = {environment, port, folder, "host=0.0.0.0", NULL};
	const char *const too_few[] = {environment, NULL};

	assert_error(look(world, too_few, &seen, &err), &err, ERR_CONFIG);
	assert_part(err.text, "start_directory, port");
	err_clear(&err);
	assert_done(look(world, settings, &seen, &err), &err);
	assert_done(adopt_save(&seen, &err), &err);
	assert_done(site_load(world->site_file, &site, &err), &err);
	assert_string_equal(site.host, "127.0.0.1");
	AUTO(free_auto) char *argv = strlist_join(&site.recipe.argv, " ");
	assert_part(argv, "env/bin/open-webui serve --host 0.0.0.0 --port");
	assert_int_equal(site.webui.key_source, KEY_IN_FILE);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_running_server_becomes_a_site),
		IN_WORLD(no_finding_shows_a_secret),
		IN_WORLD(what_an_option_says_is_kept),
		IN_WORLD(other_processes_are_refused),
		IN_WORLD(data_in_the_systems_python_is_refused),
		IN_WORLD(the_systems_python_gets_an_environment_beside_the_start),
		IN_WORLD(a_folder_in_the_way_of_that_environment_is_left_alone),
		IN_WORLD(without_a_server_options_are_enough),
		IN_WORLD(a_misspelt_option_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
