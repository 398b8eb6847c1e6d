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

static bool path_is_inside(const char *path)
{
	AUTO(strlist_clear) StrList parts = {0};

	if (str_empty(path) || path[0] == '/')
		return false;
	strlist_split(&parts, path, "/");
	return parts.len > 0 && !strlist_has(&parts, "..") && !strlist_has(&parts, ".");
}

static bool digest_is_one(const char *digest)
{
	return digest && strlen(digest) == SHA256_HEX_SIZE - 1 &&
	       strspn(digest, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

static bool check_files(const json_t *files, Err *err)
{
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
	}
	return true;
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
		!json_str(manifest, "site") || !json_str(database, "kind"))
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
