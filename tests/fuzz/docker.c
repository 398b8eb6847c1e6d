/* What answers at the Docker socket: JSON of the Engine API, or anything else. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "docker/engine_api.h"
#include "server.h"

#define FILE_MAX 65536

static void must_be_whole(const Container *container)
{
	FUZZ_MUST(container->id && container->name && container->name[0] != '-');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(container_clear) Container one = {0};
	AUTO(container_clear) Container two = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *host = NULL;
	AUTO(free_auto) char *file = NULL;
	bool found = false;

	server_answers(bytes, len, false);
	host = str_format("unix://%s", server_socket());
	setenv("DOCKER_HOST", host, 1);
	if (!docker_ping(&err))
		err_clear(&err);
	/* The same bytes as an archive with one file in it. */
	if (docker_read_file("db", "/app/x", FILE_MAX, &file, &err) && file)
		FUZZ_MUST(strlen(file) <= len);
	err_clear(&err);
	if (docker_inspect("db", &one, &err))
		must_be_whole(&one);
	err_clear(&err);
	if (docker_find_by_port(5432, &two, &found, &err) && found)
		must_be_whole(&two);
	return 0;
}
