/* Disk space on each file system, from measured sizes. */
#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "os/disk.h"
#include "os/file.h"
#include "os/tree.h"

#define MAX_NEEDS      8
#define RESERVE_BYTES  (256LL << 20) /* what must be left over on every file system */
#define RESERVE_INODES 20000 /* an environment has some 40,000 files, most hard-linked by uv */

typedef struct Need {
	const char *path; /* any path on the file system */
	int64_t bytes;
} Need;

typedef struct Needs {
	Need items[MAX_NEEDS];
	DiskFree disks[MAX_NEEDS];
	size_t len;
} Needs;

/* Needs on one file system add up. */
static bool add(Needs *needs, const char *path, int64_t bytes, Err *why)
{
	DiskFree disk;

	if (!disk_free(path, &disk, why))
		return false;
	for (size_t i = 0; i < needs->len; i++) {
		if (needs->disks[i].device == disk.device) {
			needs->items[i].bytes += bytes;
			return true;
		}
	}
	if (needs->len < MAX_NEEDS) {
		needs->disks[needs->len] = disk;
		needs->items[needs->len++] = (Need){path, bytes};
	}
	return true;
}

/* An image is on the engine's file system, and here before the upgrade. */
static bool environment_size(const CheckCtx *ctx, TreeSize *ret, Err *why)
{
	const Release *current = ctx->current;

	return site_in_container(ctx->site) ||
	       tree_size(current->system ? current->site_packages : current->path, ret, why);
}

static bool measure(const CheckCtx *ctx, Needs *ret, Err *why)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *vectors = site_vector_dir(ctx->site);
	AUTO(free_auto) char *uploads = path_join(ctx->site->webui.data_dir, "uploads");
	TreeSize environment = {0}, vector_size, upload_size;

	if (!database_about(ctx->db, &about, why) || !environment_size(ctx, &environment, why) ||
		!tree_size(vectors, &vector_size, why) || !tree_size(uploads, &upload_size, why))
		return false;
	/* SQLite: the copy, what the migration adds (a heavy one made 455 MB of 64 MB), and the
	 * dump's scratch file lie beside the data; PostgreSQL's data folder is the server's. */
	if (ctx->current->system) /* two: one as the system's, and the target */
		environment.bytes *= 2;
	return (!ctx->site->environment || add(ret, ctx->site->environment,
						   ctx->version ? environment.bytes : 0, why)) &&
	       add(ret, ctx->site->webui.data_dir,
		       vector_size.bytes + (database_is_sqlite(ctx->db) ? about.bytes * 7 : 0),
		       why) &&
	       add(ret, ctx->site->backup_dir, about.bytes + vector_size.bytes + upload_size.bytes,
		       why) &&
	       add(ret, ctx->site->state_dir, database_is_sqlite(ctx->db) ? about.bytes : 0, why);
}

FindingKind check_disk(const CheckCtx *ctx, Err *why)
{
	Needs needs = {0};

	if (!measure(ctx, &needs, why))
		return FINDING_UNKNOWN;
	for (size_t i = 0; i < needs.len; i++) {
		const DiskFree *disk = &needs.disks[i];
		int64_t wanted = needs.items[i].bytes + RESERVE_BYTES;

		if (disk->read_only) {
			err_fail(why, ERR_REFUSED, "the file system of '%s' is read-only",
				needs.items[i].path);
			return FINDING_REFUSED;
		}
		if (disk->free_bytes < wanted) {
			err_fail(why, ERR_REFUSED,
				"the file system of '%s' has %s free, and %s are needed",
				needs.items[i].path,
				str_bytes((unsigned long long)disk->free_bytes),
				str_bytes((unsigned long long)wanted));
			err_hint(why, "make room there: df -h '%s'", needs.items[i].path);
			return FINDING_REFUSED;
		}
		if (disk->free_inodes >= 0 && disk->free_inodes < RESERVE_INODES) {
			err_fail(why, ERR_REFUSED,
				"the file system of '%s' has only %lld free inodes",
				needs.items[i].path, (long long)disk->free_inodes);
			err_hint(why, "df -i '%s'", needs.items[i].path);
			return FINDING_REFUSED;
		}
	}
	return FINDING_OK;
}
