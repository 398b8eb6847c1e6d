/* What answers at the Docker socket: JSON of the Engine API, or anything else. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "docker/engine_api.h"
#include "docker/engine_image.h"
#include "os/file.h"
#include "os/tree.h"
#include "server.h"

#define FILE_MAX 65536

static void must_be_whole(const Container *container)
{
	FUZZ_MUST(container->id && container->name && container->name[0] != '-');
}

/* The same bytes as an archive of a folder: whatever its names say, nothing is written elsewhere.
 */
static void read_tree(void)
{
	AUTO(free_auto) char *folder = str_dup("/tmp/belay-fuzz-XXXXXX");
	AUTO(free_auto) char *to = NULL;
	AUTO(strlist_clear) StrList names = {0};
	AUTO(err_clear) Err err = {0};
	bool found = false;

	if (!mkdtemp(folder))
		return;
	to = path_join(folder, "tree");
	if (!docker_read_tree("db", "/app/x", to, FILE_MAX, &found, &err))
		err_clear(&err);
	FUZZ_MUST(dir_list(folder, &names, &err));
	FUZZ_MUST(names.len == 0 || (names.len == 1 && strcmp(names.items[0], "tree") == 0));
	FUZZ_MUST(tree_remove(folder, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(container_clear) Container one = {0};
	AUTO(container_clear) Container two = {0};
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *host = NULL;
	AUTO(free_auto) char *file = NULL;
	AUTO(free_auto) char *log = NULL;
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
	if (docker_log_tail("db", 6, &log, &err))
		FUZZ_MUST(log && strlen(log) <= len);
	err_clear(&err);
	read_tree();
	if (docker_image("db", &image, &found, &err) && found)
		FUZZ_MUST(image.id && strncmp(image.id, "sha256:", 7) == 0);
	err_clear(&err);
	if (docker_inspect("db", &one, &err))
		must_be_whole(&one);
	err_clear(&err);
	if (docker_find_by_port(5432, &two, &found, &err) && found)
		must_be_whole(&two);
	return 0;
}
