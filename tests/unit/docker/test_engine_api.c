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

#define WEBUI_NETWORKS                                                                                           \
	"\"NetworkSettings\": {\"Ports\": {\"8080/tcp\": [{\"HostIp\": \"127.0.0.1\", \"HostPort\": \"3000\"}]," \
	" \"9/tcp\": null}, \"Networks\": {\"chat_default\": {\"IPAddress\": \"172.18.0.3\", \"Gateway\":"       \
	" \"172.18.0.1\", \"Aliases\": [\"webui\"]}}}"

static const Canned canned[] = {
	{"/version", "{\"ApiVersion\": \"1.41\"}", 200},
	{"/info", "{\"SecurityOptions\": [\"name=seccomp,profile=default\"]}", 200},
	{"/containers/json",
		"[{\"Id\": \"aa11\", \"Ports\": [{\"PublicPort\": 5433, \"PrivatePort\": 5432, \"Type\": \"udp\"}]},"
		" {\"Id\": \"bb22\", \"Ports\": [{\"PrivatePort\": 5432, \"Type\": \"tcp\"},"
		" {\"IP\": \"0.0.0.0\", \"PublicPort\": 5433, \"PrivatePort\": 5432, \"Type\": \"tcp\"}]}]",
		200},
	{"/containers/json?all=1",
		"[{\"Id\": \"cc33\", \"Labels\": {\"com.docker.compose.project\": \"chat\","
		" \"com.docker.compose.service\": \"webui\"}},"
		" {\"Id\": \"aa11\", \"Labels\": {\"com.docker.compose.project\": \"chat\","
		" \"com.docker.compose.service\": \"webui\"}},"
		" {\"Id\": \"odd\", \"Labels\": {\"com.docker.compose.project\": \"chat\","
		" \"com.docker.compose.service\": \"webui\", \"com.docker.compose.oneoff\": \"True\"}},"
		" {\"Id\": \"bb22\", \"Labels\": {\"com.docker.compose.project\": \"chat\","
		" \"com.docker.compose.service\": \"db\"}}, {\"Id\": \"odd\", \"Labels\": null}]",
		200},
	{"/containers/bb22/json",
		"{\"Id\": \"bb22\", \"Name\": \"/openwebui-db\", \"State\": {\"Running\": true}, \"Config\":"
		" {\"Image\": \"postgres:15\", \"Env\": [\"POSTGRES_USER=owui\", 7], \"Labels\":"
		" {\"com.docker.compose.project\": \"chat\"}}, \"Mounts\": [{\"Source\": \"/srv/pg\","
		" \"Destination\": \"/var/lib/postgresql/data\"}, {}], \"NetworkSettings\": {\"Networks\":"
		" {\"a\": {\"IPAddress\": \"\"}, \"chat_default\": {\"IPAddress\": \"172.18.0.2\","
		" \"Aliases\": [\"db\", 7]}, \"bridge\": {\"IPAddress\": \"172.17.0.2\", \"Aliases\": [\"no\"]}}}}",
		200},
	{"/containers/cc33/json",
		"{\"Id\": \"cc33\", \"Name\": \"/chat-webui-1\", \"Image\": \"sha256:77\", \"Path\": \"bash\","
		" \"Args\": [\"start.sh\"], \"State\": {\"Running\": true, \"Status\": \"running\", \"Pid\": 4711,"
		" \"Health\": {\"Status\": \"healthy\"}}, \"HostConfig\": {\"NetworkMode\": \"chat_default\","
		" \"RestartPolicy\": {\"Name\": \"always\"}}, \"Config\": {\"WorkingDir\": \"/app/backend\","
		" \"Labels\": {\"com.docker.compose.project\": \"chat\", \"com.docker.compose.service\": \"webui\","
		" \"com.docker.compose.project.config_files\": \"/srv/chat/compose.yaml\","
		" \"com.docker.compose.project.working_dir\": \"/srv/chat\"}}, \"Mounts\": [{\"Type\": \"volume\","
		" \"Name\": \"chat_data\", \"Source\": \"/v/chat_data\", \"Destination\": \"/app/backend/data\"}],"
		" " WEBUI_NETWORKS "}",
		200},
	{"/containers/odd/json", "{}", 200},
	{"/containers/broken/json", "{\"Id\": ", 200},
	{"/containers/angry/json", "{\"message\": \"out of order\"}", 500},
};

/* What the archive call answers for each path. */
enum { TAR_MAX = 4096 };
static struct {
	const char *path;
	char body[TAR_MAX];
	size_t len;
} tars[8];
static size_t tar_count;

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
	for (size_t i = 0; got > 0 && i < tar_count; i++) {
		AUTO(free_auto)
		char *line = str_format("GET /containers/web/archive?path=%s HTTP", tars[i].path);

		if (!str_starts(request, line))
			continue;
		dprintf(fd, "HTTP/1.1 200 x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
			tars[i].len);
		(void)!write(fd, tars[i].body, tars[i].len);
		close(fd);
		return;
	}
	dprintf(fd,
		"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		found->status, strlen(found->body), found->body);
	close(fd);
}

static void add_tar(const char *path, char type, const char *size, const char *content)
{
	char *body = tars[tar_count].body;

	tars[tar_count].path = path;
	strcpy(body, "name");
	strcpy(body + 124, size);
	body[156] = type;
	memcpy(body + 512, content, strlen(content));
	tars[tar_count++].len = 512 + (*content ? 512 : 0) + 1024;
}

static void make_tars(void)
{
	add_tar("/app/package.json", '0', "00000000007", "{\"a\":1}");
	add_tar("/app/old", '\0', "00000000002", "ok");
	add_tar("/app/folder", '5', "00000000000", "");
	add_tar("/app/link", '2', "00000000000", "");
	/* More than was sent, and a number that is none. */
	add_tar("/app/short", '0', "00000077777", "abc");
	add_tar("/app/odd", '0', "77777777777", "abc");
	add_tar("/app/a%20b", '0', "00000000001", "x");
}

static int start_engine(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	make_tars();

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

static void test_another_engine_is_not_asked_instead(void **state)
{
	AUTO(free_auto) char *host = str_dup(getenv("DOCKER_HOST"));
	Err err = {0};

	(void)state;
	setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
	assert_error(docker_ping(&err), &err, ERR_REFUSED);
	assert_part(err.text, "tcp://10.0.0.1:2375");
	err_clear(&err);
	setenv("DOCKER_HOST", host, 1);
}

/* What another machine calls 4711, or this test, is no container of that id here. */
static void test_a_process_of_another_machine_is_not_taken_for_it(void **state)
{
	const pid_t pids[] = {getpid(), 0x7ffffff};
	char id[] = "cc33cc33cc33cc33", name[] = "webui";
	Container container = {.id = id, .name = name};
	Err err = {0};

	(void)state;
	assert_done(docker_is_here(&container, &err), &err); /* it does not run */
	for (size_t i = 0; i < COUNT_OF(pids); i++) {
		container.pid = pids[i];
		assert_error(docker_is_here(&container, &err), &err, ERR_REFUSED);
		assert_part(err.text, "does not run on this machine");
		err_clear(&err);
	}
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

/* One that was removed between the list and its inspection ("aa11"), and one that a person runs
 * once, are not the service's. */
static void test_of_project(void **state)
{
	AUTO(container_list_clear) ContainerList list = {0};
	AUTO(container_list_clear) ContainerList none = {0};
	Err err = {0};

	(void)state;
	assert_done(docker_of_project("chat", "webui", &list, &err), &err);
	assert_int_equal(list.len, 1);
	assert_string_equal(list.items[0].name, "chat-webui-1");
	assert_string_equal(list.items[0].state, "running (healthy)");
	assert_string_equal(list.items[0].image_id, "sha256:77");
	assert_string_equal(list.items[0].restart, "always");
	assert_string_equal(list.items[0].compose_files, "/srv/chat/compose.yaml");
	assert_string_equal(list.items[0].compose_dir, "/srv/chat");
	assert_string_equal(list.items[0].gateway, "172.18.0.1");
	assert_string_equal(list.items[0].argv.items[1], "start.sh");
	assert_string_equal(list.items[0].published.items[0], "8080/tcp=127.0.0.1:3000");
	assert_int_equal(list.items[0].published.len, 1);
	assert_string_equal(list.items[0].volumes.items[0], "chat_data:/app/backend/data");
	assert_int_equal(list.items[0].pid, 4711);
	assert_done(docker_of_project("chat", "other", &none, &err), &err);
	assert_int_equal(none.len, 0);
}

static void test_find_by_name_inside(void **state)
{
	static const struct {
		const char *host;
		bool found;
	} cases[] = {{"db", true}, {"openwebui-db", true}, {"webui", false}, {"no", false},
		{"", false}, {"5432", false}};
	AUTO(container_clear) Container webui = {0};
	Err err = {0};

	(void)state;
	assert_done(docker_inspect("cc33", &webui, &err), &err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(container_clear) Container found = {0};
		bool any = !cases[i].found;

		assert_done(docker_find_by_name_inside(&webui, cases[i].host, &found, &any, &err),
			&err);
		assert_int_equal(any, cases[i].found);
		if (any)
			assert_string_equal(found.name, "openwebui-db");
	}
}

static void test_read_file(void **state)
{
	static const struct {
		const char *path, *content, *text;
	} cases[] = {
		{"/app/package.json", "{\"a\":1}", NULL},
		{"/app/old", "ok", NULL},
		{"/app/a b", "x", NULL},
		{"/app/absent", NULL, NULL},
		{"/app/folder", NULL, "no regular file"},
		{"/app/link", NULL, "no regular file"},
		{"/app/short", NULL, "no regular file"},
		{"/app/odd", NULL, "no regular file"},
	};
	Err err = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free_auto) char *text = NULL;

		if (cases[i].text) {
			assert_error(docker_read_file("web", cases[i].path, 4096, &text, &err),
				&err, ERR_VERIFY);
			assert_part(err.text, cases[i].text);
			err_clear(&err);
			continue;
		}
		assert_done(docker_read_file("web", cases[i].path, 4096, &text, &err), &err);
		assert_true(str_is(text, cases[i].content));
	}
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
	/* Without id and name it is no container, and its name would go into command lines. */
	assert_error(docker_inspect("odd", &container, &err), &err, ERR_NETWORK);
	assert_null(container.name);
	err_clear(&err);
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
		cmocka_unit_test(test_another_engine_is_not_asked_instead),
		cmocka_unit_test(test_a_process_of_another_machine_is_not_taken_for_it),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_find_by_port),
		cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_of_project),
		cmocka_unit_test(test_find_by_name_inside),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_exec_prefix),
	};

	return cmocka_run_group_tests(tests, start_engine, stop_engine);
}
