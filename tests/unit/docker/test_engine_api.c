#include "docker/engine_api.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "unit.h"

/* A stand-in for the Engine: one canned answer a path. */
typedef struct Canned {
	const char *path, *body;
	int status;
} Canned;

static const Canned canned[] = {
	{"/version", "{\"ApiVersion\": \"1.41\"}", 200},
	{"/containers/json",
		"[{\"Id\": \"aa11\", \"Ports\": [{\"PublicPort\": 5433, \"PrivatePort\": 5432, \"Type\": \"udp\"}]},"
		" {\"Id\": \"bb22\", \"Ports\": [{\"PrivatePort\": 5432, \"Type\": \"tcp\"},"
		" {\"IP\": \"0.0.0.0\", \"PublicPort\": 5433, \"PrivatePort\": 5432, \"Type\": \"tcp\"}]}]",
		200},
	{"/containers/bb22/json",
		"{\"Id\": \"bb22\", \"Name\": \"/openwebui-db\", \"State\": {\"Running\": true}, \"Config\":"
		" {\"Image\": \"postgres:15\", \"Env\": [\"POSTGRES_USER=owui\", 7], \"Labels\":"
		" {\"com.docker.compose.project\": \"chat\"}}, \"Mounts\": [{\"Source\": \"/srv/pg\","
		" \"Destination\": \"/var/lib/postgresql/data\"}, {}], \"NetworkSettings\": {\"Networks\":"
		" {\"a\": {\"IPAddress\": \"\"}, \"b\": {\"IPAddress\": \"172.18.0.2\"}}}}",
		200},
	{"/containers/odd/json", "{}", 200},
	{"/containers/broken/json", "{\"Id\": ", 200},
	{"/containers/angry/json", "{\"message\": \"out of order\"}", 500},
};

static char folder[] = "/tmp/belay-docker-XXXXXX";
static char *socket_path;
static pid_t engine;

static void answer(int fd)
{
	char request[4096] = "";
	const Canned none = {.body = "{\"message\": \"No such container\"}", .status = 404};
	const Canned *found = &none;
	ssize_t got = read(fd, request, sizeof(request) - 1);

	for (size_t i = 0; got > 0 && i < COUNT_OF(canned); i++) {
		AUTO(free_auto) char *line = str_format("GET %s HTTP", canned[i].path);

		if (str_starts(request, line))
			found = &canned[i];
	}
	dprintf(fd,
		"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		found->status, strlen(found->body), found->body);
	close(fd);
}

static int start_engine(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	socket_path = str_format("%s/sock", folder);
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	engine = fork();
	if (engine == 0) {
		for (int client; (client = accept(fd, NULL, NULL)) >= 0;)
			answer(client);
		_exit(0);
	}
	close(fd);
	AUTO(free_auto) char *host = str_format("unix://%s", socket_path);
	setenv("DOCKER_HOST", host, 1);
	return 0;
}

static int stop_engine(void **state)
{
	(void)state;
	kill(engine, SIGKILL);
	waitpid(engine, NULL, 0);
	unlink(socket_path);
	rmdir(folder);
	free(socket_path);
	return 0;
}

static void test_socket(void **state)
{
	(void)state;
	AUTO(free_auto) char *named = docker_socket();
	AUTO(free_auto) char *host = str_dup(getenv("DOCKER_HOST"));
	assert_string_equal(named, socket_path);
	setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
	AUTO(free_auto) char *usual = docker_socket();
	assert_string_equal(usual, "/var/run/docker.sock");
	setenv("DOCKER_HOST", host, 1);
}

static void test_ping(void **state)
{
	AUTO(free_auto) char *host = str_dup(getenv("DOCKER_HOST"));
	Err err = {0};

	(void)state;
	assert_done(docker_ping(&err), &err);
	setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1);
	assert_error(docker_ping(&err), &err, ERR_NETWORK);
	assert_part(err.text, "/nowhere/docker.sock");
	err_clear(&err);
	setenv("DOCKER_HOST", host, 1);
}

static void test_find_by_port(void **state)
{
	Container container = {0};
	bool found = true;
	Err err = {0};

	(void)state;
	assert_done(docker_find_by_port(5432, &container, &found, &err), &err);
	assert_false(found);
	assert_done(docker_find_by_port(5433, &container, &found, &err), &err);
	assert_true(found);
	assert_string_equal(container.name, "openwebui-db");
	assert_string_equal(container.image, "postgres:15");
	assert_string_equal(container.ip, "172.18.0.2");
	assert_string_equal(container.compose_project, "chat");
	assert_true(container.running);
	assert_int_equal(container.published_port, 5433);
	assert_int_equal(container.container_port, 5432);
	assert_int_equal(container.env.len, 1);
	assert_string_equal(env_get(&container.env, "POSTGRES_USER"), "owui");
	assert_int_equal(container.mounts.len, 1);
	assert_string_equal(container.mounts.items[0], "/srv/pg:/var/lib/postgresql/data");
	container_clear(&container);
}

static void test_inspect(void **state)
{
	static const struct {
		const char *name;
		ErrKind kind;
		const char *text;
	} cases[] = {
		{"absent", ERR_VERIFY, "there is no container 'absent'"},
		{"angry", ERR_NETWORK, "out of order"},
		{"../version", ERR_VERIFY, "no name of a container"},
		{"--privileged", ERR_VERIFY, "no name of a container"},
		{"", ERR_VERIFY, "no name of a container"},
	};
	Container container = {0};
	Err err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_error(docker_inspect(cases[i].name, &container, &err), &err, cases[i].kind);
		assert_part(err.text, cases[i].text);
		err_clear(&err);
	}
	assert_false(docker_inspect("broken", &container, &err));
	err_clear(&err);
	/* Members that are missing are empty, not a crash. */
	assert_done(docker_inspect("odd", &container, &err), &err);
	assert_null(container.name);
	assert_false(container.running);
	container_clear(&container);
}

/* The password's value is never among the words. */
static void test_exec_prefix(void **state)
{
	AUTO(free_auto) char *path = str_dup(getenv("PATH"));
	AUTO(free_auto) char *program = str_format("%s/docker", folder);
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList none = {0};
	Err err = {0};
	FILE *file = fopen(program, "w");

	(void)state;
	fputs("#!/bin/sh\n", file);
	fclose(file);
	assert_int_equal(chmod(program, 0755), 0);
	setenv("PATH", folder, 1);
	assert_done(docker_exec_prefix("db", true, &argv, &err), &err);
	AUTO(free_auto) char *words = strlist_join(&argv, " ");
	AUTO(free_auto) char *wanted = str_format("%s exec -i -e PGPASSWORD db", program);
	assert_string_equal(words, wanted);
	unlink(program);
	assert_error(docker_exec_prefix("db", false, &none, &err), &err, ERR_EXEC);
	err_clear(&err);
	setenv("PATH", path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_find_by_port),
		cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_exec_prefix),
	};

	return cmocka_run_group_tests(tests, start_engine, stop_engine);
}
