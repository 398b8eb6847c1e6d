#include "docker/engine_address.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "docker/docker_program.h"
#include "os/file.h"
#include "os/proc.h"
#include "unit.h"

static char folder[] = "/tmp/belay-certs-XXXXXX";

static const struct {
	const char *host, *verify;
	bool certs;
	ErrKind kind; /* ERR_NONE: `text` is where questions go */
	const char *text;
} rows[] = {
	{NULL, NULL, false, ERR_NONE, "http://docker /var/run/docker.sock"},
	{"", "1", false, ERR_NONE, "http://docker /var/run/docker.sock"},
	{"unix:///run/other.sock", "1", false, ERR_NONE, "http://docker /run/other.sock"},
	{"tcp://127.0.0.1:2376", "1", true, ERR_NONE, "https://127.0.0.1:2376"},
	{"tcp://localhost:2376", "1", true, ERR_NONE, "https://localhost:2376"},
	{"tcp://[::1]:2376", "1", true, ERR_NONE, "https://[::1]:2376"},
	{"tcp://127.0.0.1:2376", "1", false, ERR_REFUSED, "ca.pem"},
	{"tcp://127.0.0.1:2376", NULL, true, ERR_REFUSED, "without TLS"},
	{"tcp://127.0.0.1:2376", "", true, ERR_REFUSED, "without TLS"},
	{"tcp://10.0.0.1:2376", "1", true, ERR_REFUSED, "tcp://10.0.0.1:2376"},
	{"tcp://127.0.0.1.example.com:2376", "1", true, ERR_REFUSED, "of this machine"},
	{"tcp://127.0.0.1:1@evil:2", "1", true, ERR_REFUSED, "of this machine"},
	{"tcp://127.0.0.1:", "1", true, ERR_REFUSED, "of this machine"},
	{"ssh://root@localhost", "1", true, ERR_REFUSED, "of this machine"},
	{"unix://relative.sock", NULL, false, ERR_REFUSED, "of this machine"},
};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void make_certs(bool there)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *path = path_join(folder, names[i]);
		Err err = {0};

		unlink(path);
		if (there)
			assert_done(file_write_text(path, "x", 0600, &err), &err);
	}
}

static void test_as_the_docker_program_decides(void **state)
{
	(void)state;
	set("DOCKER_CERT_PATH", folder);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(engine_address_clear) EngineAddress got = {0};
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *where = NULL;

		set("DOCKER_HOST", rows[i].host);
		set("DOCKER_TLS_VERIFY", rows[i].verify);
		make_certs(rows[i].certs);
		if (rows[i].kind != ERR_NONE) {
			assert_error(engine_address(&got, &err), &err, rows[i].kind);
			assert_part(err.text, rows[i].text);
			assert_non_null(err.hint);
			continue;
		}
		assert_done(engine_address(&got, &err), &err);
		where = got.socket ? str_format("%s %s", got.base, got.socket) : str_dup(got.base);
		assert_string_equal(where, rows[i].text);
		assert_true(got.certs ? str_is(got.certs, folder) : got.socket != NULL);
	}
}

static void test_the_program_is_told_the_same(void **state)
{
	AUTO(strlist_clear) StrList usual = {0};
	AUTO(strlist_clear) StrList tls = {0};

	(void)state;
	make_certs(true);
	set("DOCKER_HOST", NULL);
	docker_program_env(&usual);
	assert_string_equal(env_get(&usual, "DOCKER_HOST"), "unix:///var/run/docker.sock");
	assert_null(env_get(&usual, "DOCKER_TLS_VERIFY"));
	engine_use("tcp://127.0.0.1:1", folder);
	docker_program_env(&tls);
	assert_string_equal(env_get(&tls, "DOCKER_HOST"), "tcp://127.0.0.1:1");
	assert_string_equal(env_get(&tls, "DOCKER_TLS_VERIFY"), "1");
	assert_string_equal(env_get(&tls, "DOCKER_CERT_PATH"), folder);
}

static void test_the_site_wins_over_the_environment(void **state)
{
	AUTO(engine_address_clear) EngineAddress got = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	set("DOCKER_HOST", "tcp://10.0.0.1:1");
	set("DOCKER_TLS_VERIFY", "1");
	engine_use(NULL, NULL);
	assert_error(engine_address(&got, &err), &err, ERR_REFUSED);
	err_clear(&err);
	engine_use("unix:///run/of-the-site.sock", NULL);
	assert_done(engine_address(&got, &err), &err);
	assert_string_equal(got.socket, "/run/of-the-site.sock");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	make_certs(false);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_docker_program_decides),
		cmocka_unit_test(test_the_program_is_told_the_same),
		cmocka_unit_test(test_the_site_wins_over_the_environment),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
