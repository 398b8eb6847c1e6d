#include "docker/engine_api.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "unit.h"

typedef struct Engine {
	const char *version, *info;
	ErrKind kind;
	const char *text;
} Engine;

static const Engine engines[] = {
	{"{\"ApiVersion\": \"1.41\", \"Components\": [{\"Name\": \"Engine\"}, {}]}",
		"{\"SecurityOptions\": [\"name=apparmor\", \"name=seccomp\"]}", ERR_NONE, NULL},
	{"{\"ApiVersion\": \"1.41\", \"Components\": [{\"Name\": \"Podman Engine\"}]}", "{}",
		ERR_REFUSED, "Podman"},
	{"{\"ApiVersion\": \"1.41\"}",
		"{\"SecurityOptions\": [\"name=seccomp\", \"name=rootless\"]}", ERR_REFUSED,
		"rootless"},
	{"{\"ApiVersion\": \"1.41\"}", "{\"SecurityOptions\": [\"name=seccomp\", \"name=userns\"]}",
		ERR_REFUSED, "userns-remap"},
	{"{}", "{}", ERR_NETWORK, "no Docker engine"},
	{"<html>", "{}", ERR_NONE, NULL},
};

static void answer(int fd, const Engine *engine)
{
	char request[4096] = "";
	const char *body = engine->info;

	if (read(fd, request, sizeof(request) - 1) > 0 && str_starts(request, "GET /version "))
		body = engine->version;
	dprintf(fd, "HTTP/1.1 200 x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		strlen(body), body);
	close(fd);
}

static pid_t serve(const char *path, const Engine *engine)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	if (pid == 0) {
		for (int client; (client = accept(fd, NULL, NULL)) >= 0;)
			answer(client, engine);
		_exit(0);
	}
	close(fd);
	return pid;
}

static void test_kinds(void **state)
{
	char folder[] = "/tmp/belay-engine-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < COUNT_OF(engines); i++) {
		AUTO(free_auto) char *path = str_format("%s/%zu", folder, i);
		AUTO(free_auto) char *host = str_format("unix://%s", path);
		const pid_t pid = serve(path, &engines[i]);
		Err err = {0};
		bool ordinary;

		setenv("DOCKER_HOST", host, 1);
		ordinary = docker_is_ordinary(&err);
		if (engines[i].kind != ERR_NONE) {
			assert_false(ordinary);
			assert_int_equal(err.kind, engines[i].kind);
			assert_part(err.text, engines[i].text);
		} else {
			assert_int_equal(ordinary, i == 0);
		}
		err_clear(&err);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
