#include "docker/docker_program.h"

#include <stdlib.h>

#include "base/text.h"

bool docker_program(char **ret, Err *err)
{
	*ret = proc_find("docker", NULL);
	if (*ret)
		return true;
	err_fail(err, ERR_REFUSED, "there is no docker program on this machine");
	return err_hint(err, "apt install docker.io (or docker-cli)");
}

void docker_program_env(StrList *ret)
{
	static const char *const names[] = {"PATH", "HOME", "TMPDIR", "DOCKER_HOST",
		"DOCKER_CONFIG", "XDG_RUNTIME_DIR", "http_proxy", "https_proxy", "no_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (!str_empty(value))
			env_set(ret, names[i], value);
	}
	env_set(ret, "LC_ALL", "C.UTF-8");
}
