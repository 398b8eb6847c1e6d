#include "docker/docker_program.h"

#include <stdlib.h>

#include "base/text.h"
#include "docker/engine_address.h"

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
	static const char *const names[] = {"PATH", "HOME", "TMPDIR", "DOCKER_CONFIG",
		"XDG_RUNTIME_DIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
		"HTTPS_PROXY", "NO_PROXY"};

	AUTO(engine_address_clear) EngineAddress address = {0};
	AUTO(err_clear) Err refused = {0};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (!str_empty(value))
			env_set(ret, names[i], value);
	}
	/* Nothing is asked of the program where the engine's address was refused. */
	if (engine_address(&address, &refused))
		env_set(ret, "DOCKER_HOST", address.host);
	if (address.certs) {
		env_set(ret, "DOCKER_TLS_VERIFY", "1");
		env_set(ret, "DOCKER_CERT_PATH", address.certs);
	}
	env_set(ret, "LC_ALL", "C.UTF-8");
}
