#include "docker/engine_address.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define UNIX_SCHEME "unix://"
#define TCP_SCHEME  "tcp://"
#define USUAL       UNIX_SCHEME "/var/run/docker.sock"

void engine_use(const char *host, const char *certs)
{
	if (host) {
		setenv("DOCKER_HOST", host, 1);
		unsetenv("DOCKER_TLS_VERIFY");
	}
	if (certs) {
		setenv("DOCKER_CERT_PATH", certs, 1);
		setenv("DOCKER_TLS_VERIFY", "1", 1);
	}
}

static bool is_here(const char *authority)
{
	static const char *const names[] = {"127.0.0.1:", "localhost:", "[::1]:"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *port = authority + strlen(names[i]);

		if (str_starts(authority, names[i]) && *port &&
			strspn(port, "0123456789") == strlen(port))
			return true;
	}
	return false;
}

static char *certs_folder(void)
{
	const char *named = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");

	return str_empty(named) ? path_join(str_empty(home) ? "/root" : home, ".docker")
				: str_dup(named);
}

static bool check_certs(const char *folder, Err *err)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *path = path_join(folder, names[i]);

		if (access(path, R_OK) == 0)
			continue;
		err_fail_sys(err, "'%s', for an engine that is reached over TLS", path);
		err->kind = ERR_REFUSED;
		return err_hint(err, "DOCKER_CERT_PATH=DIR, with ca.pem, cert.pem and key.pem");
	}
	return true;
}

static bool over_tls(const char *host, EngineAddress *ret, Err *err)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY");
	AUTO(free_auto) char *certs = certs_folder();

	if (str_empty(verify)) {
		err_fail(err, ERR_REFUSED,
			"DOCKER_HOST is '%.200s', without TLS: whoever reaches that port is root here",
			host);
		return err_hint(err,
			"without DOCKER_HOST its Unix socket is asked; for TLS: DOCKER_TLS_VERIFY=1");
	}
	if (!check_certs(certs, err))
		return false;
	ret->host = str_dup(host);
	ret->base = str_format("https://%s", host + strlen(TCP_SCHEME));
	ret->certs = TAKE(certs);
	return true;
}

bool engine_address(EngineAddress *ret, Err *err)
{
	const char *named = getenv("DOCKER_HOST");
	const char *host = str_empty(named) ? USUAL : named;

	if (str_starts(host, UNIX_SCHEME "/")) {
		ret->host = str_dup(host);
		ret->socket = str_dup(host + strlen(UNIX_SCHEME));
		ret->base = str_dup("http://docker");
		return true;
	}
	if (str_starts(host, TCP_SCHEME) && is_here(host + strlen(TCP_SCHEME)))
		return over_tls(host, ret, err);
	/* Asking the local engine instead would describe other containers than `docker ps` shows.
	 */
	err_fail(err, ERR_REFUSED,
		"DOCKER_HOST is '%.200s': only an engine of this machine is handled, over its Unix "
		"socket or with TLS",
		host);
	return err_hint(err, "run belay on the machine of the engine, without DOCKER_HOST");
}

void engine_address_clear(EngineAddress *address)
{
	free(address->host);
	free(address->socket);
	free(address->base);
	free(address->certs);
	*address = (EngineAddress){0};
}
