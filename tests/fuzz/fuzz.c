#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

void fuzz_broken(const char *promise, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
	abort();
}

char *fuzz_text(const uint8_t *bytes, size_t len)
{
	const size_t end = strnlen((const char *)bytes, len);

	return str_dup_n((const char *)bytes, end);
}

void fuzz_parts(const uint8_t *bytes, size_t len, size_t least, StrList *ret)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	const char *begin = text;

	while (begin) {
		const char *end = strstr(begin, "\n%%\n");
		AUTO(free_auto)
		char *part = end ? str_dup_n(begin, (size_t)(end - begin)) : str_dup(begin);

		strlist_add(ret, part);
		begin = end ? end + strlen("\n%%\n") : NULL;
	}
	while (ret->len < least)
		strlist_add(ret, "");
}

static char folder[64];
static pid_t owner;

static void remove_folder(void)
{
	Err err = {0};

	/* A child that was forked ends through here, too. */
	if (getpid() == owner && !tree_remove(folder, &err))
		err_clear(&err);
}

const char *fuzz_folder(void)
{
	if (folder[0])
		return folder;
	strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/belay-fuzz-XXXXXX"
						     : "/tmp/belay-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(folder));
	owner = getpid();
	atexit(remove_folder);
	return folder;
}

char *fuzz_path(const char *below)
{
	return path_join(fuzz_folder(), below);
}

char *fuzz_file(const char *below, const void *bytes, size_t len)
{
	char *path = fuzz_path(below);
	AUTO(free_auto) char *parent = path_folder(path);
	AUTO(err_clear) Err err = {0};
	int fd;

	FUZZ_MUST(dir_make(parent, 0700, &err));
	/* Not file_write(): its syncs are what a target would spend its time on. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
	return path;
}

void fuzz_remove(const char *below)
{
	AUTO(free_auto) char *path = fuzz_path(below);
	AUTO(err_clear) Err err = {0};

	FUZZ_MUST(tree_remove(path, &err));
}
