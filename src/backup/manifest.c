#include "backup/manifest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

/* Room for a million uploads. */
#define MANIFEST_MAX_BYTES (256 * 1024 * 1024)
#define CHUNK_BYTES        (256 * 1024)
#define BYTES_MAX          ((int64_t)1 << 60) /* of all files together */

static bool path_is_inside(const char *path)
{
	AUTO(strlist_clear) StrList parts = {0};

	if (str_empty(path) || path[0] == '/')
		return false;
	strlist_split(&parts, path, "/");
	return parts.len > 0 && !str_ends(path, "/") && !strstr(path, "//") &&
	       !strlist_has(&parts, "..") && !strlist_has(&parts, ".");
}

static bool digest_is_one(const char *digest)
{
	return digest && strlen(digest) == SHA256_HEX_SIZE - 1 &&
	       strspn(digest, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

/* A site of that name may be made from the set: its name is a part of paths. */
static bool name_is_plain(const char *name)
{
	return !str_empty(name) && name[0] != '.' && !strchr(name, '/');
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The sorted one that `path` is, or lies below. */
static bool is_below_one(const char *path, const char *const *links, size_t count)
{
	AUTO(free_auto) char *part = str_dup(path);

	for (char *end = part + strlen(part); end; end = strrchr(part, '/')) {
		const char *const key = part;

		*end = '\0';
		if (bsearch(&key, links, count, sizeof *links, by_path))
			return true;
	}
	return false;
}

/* What is written below a link lands where it points to: outside of the set, and of the site. */
static bool check_links(const json_t *files, Err *err)
{
	AUTO(free_auto) const char **links = mem_new(json_array_size(files) + 1, sizeof *links);
	const json_t *file;
	size_t i, count = 0;

	json_array_foreach(files, i, file)
	{
		if (json_str(file, "link"))
			links[count++] = json_str(file, "path");
	}
	qsort(links, count, sizeof *links, by_path);
	for (size_t j = 1; j < count; j++)
		if (str_is(links[j - 1], links[j]))
			return err_fail(err, ERR_VERIFY, "it names '%s' twice", links[j]);
	json_array_foreach(files, i, file)
	{
		const char *path = json_str(file, "path");
		AUTO(free_auto)
		char *above = json_str(file, "link") ? path_folder(path) : str_dup(path);

		if (count && is_below_one(above, links, count))
			return err_fail(
				err, ERR_VERIFY, "it names a file below a link: '%s'", path);
	}
	return true;
}

static bool check_files(const json_t *files, Err *err)
{
	int64_t left = BYTES_MAX;
	const json_t *file;
	size_t i;

	if (!json_is_array(files))
		return err_fail(err, ERR_VERIFY, "it has no list of files");
	json_array_foreach(files, i, file)
	{
		const char *path = json_str(file, "path");

		if (!path_is_inside(path))
			return err_fail(err, ERR_VERIFY, "it names a file outside of the set: '%s'",
				path ? path : "");
		if (!json_str(file, "link") && (json_int(file, "bytes", -1) < 0 ||
						       !digest_is_one(json_str(file, "sha256"))))
			return err_fail(
				err, ERR_VERIFY, "size or SHA-256 of '%s' is missing", path);
		if (json_int(file, "bytes", 0) > left)
			return err_fail(err, ERR_VERIFY, "the size of '%s' is impossible", path);
		left -= json_int(file, "bytes", 0);
	}
	return check_links(files, err);
}

/* Over everything else in it, the verdict too. Not against forgery: whoever can write here can
 * write a seal; against edits and bits that flip where no file's digest looks. */
static void seal_of(const json_t *manifest, char ret_hex[SHA256_HEX_SIZE])
{
	AUTO(json_release_auto) json_t *bare = json_copy((json_t *)manifest);
	AUTO(free_auto) char *line = NULL;

	json_object_del(bare, "seal");
	line = json_line(bare);
	sha256_of(line, strlen(line), ret_hex);
}

static bool check_seal(const json_t *manifest, Err *err)
{
	char seal[SHA256_HEX_SIZE];

	seal_of(manifest, seal);
	return str_is(seal, json_str(manifest, "seal")) ||
	       err_fail(err, ERR_VERIFY, "it was changed after it had been written");
}

static bool check(const json_t *manifest, Err *err)
{
	const json_t *database = json_object_get(manifest, "database");
	const char *file = json_str(database, "file");

	if (json_int(manifest, "schema", 0) > MANIFEST_SCHEMA)
		return err_fail(err, ERR_VERIFY, "it was written by a newer belay");
	if (json_int(manifest, "schema", 0) != MANIFEST_SCHEMA || !json_str(manifest, "version") ||
		!name_is_plain(json_str(manifest, "site")) || !json_str(database, "kind"))
		return err_fail(err, ERR_VERIFY, "it is incomplete");
	if (!check_files(json_object_get(manifest, "files"), err))
		return false;
	if (!file || !manifest_file(manifest, file))
		return err_fail(err, ERR_VERIFY, "it does not list the database");
	return check_seal(manifest, err);
}

bool manifest_read(const char *set_path, json_t **ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(set_path, MANIFEST_NAME);
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(free_auto) char *text = NULL;
	size_t len;

	*ret = NULL;
	if (file_kind(path) == FILE_ABSENT)
		return true;
	if (!file_read(path, MANIFEST_MAX_BYTES, &text, &len, err))
		return false;
	if (!json_parse(text, len, MANIFEST_MAX_BYTES, &manifest, err) || !check(manifest, err)) {
		err->kind = ERR_VERIFY;
		return err_wrap(err, "manifest '%s'", path);
	}
	*ret = TAKE(manifest);
	return true;
}

bool manifest_write(const char *set_path, const json_t *manifest, Err *err)
{
	AUTO(free_auto) char *path = path_join(set_path, MANIFEST_NAME);
	AUTO(json_release_auto) json_t *sealed = json_copy((json_t *)manifest);
	AUTO(free_auto) char *text = NULL;
	char seal[SHA256_HEX_SIZE];

	seal_of(manifest, seal);
	json_put(sealed, "seal", seal);
	text = json_pretty(sealed);
	return file_write_text(path, text, 0600, err);
}

json_t *manifest_file_new(const char *path, const FileSum *sum, int64_t mtime_ns, unsigned mode)
{
	json_t *file = json_object();

	json_put(file, "path", path);
	json_put_int(file, "bytes", sum->bytes);
	json_put(file, "sha256", sum->sha256);
	json_put_int(file, "mtime_ns", mtime_ns);
	json_put_int(file, "mode", mode);
	return file;
}

const json_t *manifest_file(const json_t *manifest, const char *path)
{
	const json_t *file;
	size_t i;

	json_array_foreach(json_object_get(manifest, "files"), i,
		file) if (str_is(json_str(file, "path"), path)) return file;
	return NULL;
}

FileSum manifest_sum(const json_t *file)
{
	FileSum sum = {.bytes = json_int(file, "bytes", -1)};
	const char *digest = json_str(file, "sha256");

	if (digest)
		memcpy(sum.sha256, digest, strnlen(digest, SHA256_HEX_SIZE - 1));
	return sum;
}

int64_t manifest_bytes(const json_t *manifest)
{
	const json_t *file;
	int64_t bytes = 0;
	size_t i;

	json_array_foreach(json_object_get(manifest, "files"), i, file)
		bytes += json_int(file, "bytes", 0);
	return bytes;
}

bool file_sum(const char *path, FileSum *ret, bool *ret_found, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO(free_auto) char *chunk = mem_new(1, CHUNK_BYTES);
	AUTO(sha256_free_auto) Sha256 *sha = sha256_new();
	struct stat now;
	ssize_t got;

	*ret_found = fd >= 0 && fstat(fd, &now) == 0 && S_ISREG(now.st_mode);
	if (!*ret_found)
		return fd >= 0 || errno == ENOENT || errno == ELOOP || errno == ENOTDIR ||
		       err_fail_sys(err, "cannot read '%s'", path);
	ret->bytes = 0;
	while ((got = read(fd, chunk, CHUNK_BYTES)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_fail_sys(err, "cannot read '%s'", path);
		sha256_add(sha, chunk, (size_t)got);
		ret->bytes += got;
	}
	sha256_finish(sha, ret->sha256);
	return true;
}
