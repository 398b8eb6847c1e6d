/* room.h - the disk and memory that an upgrade takes, against what there is.
 *
 *     room_estimate   before anything is made, from sizes (for the checks and the plan)
 *     room_measured   after a rehearsal, what the upgrade itself will still take
 *     room_judge      is it there?
 *
 * Paths on one file system are one place. The database server's disk is a place too, and that of
 * the server on which upgrades are rehearsed: on this
 * machine, or where its container keeps a folder of this machine; else its path is NULL and nobody
 * can say what is free there. */
#pragma once
#include "checks/checks.h"
#include "os/disk.h"

typedef enum {
	ROOM_RELEASE,
	ROOM_BACKUP,
	ROOM_VECTORS,
	ROOM_LOG,       /* the database server's, as far as it keeps it */
	ROOM_PROOF,     /* the dump, unpacked for several workers */
	ROOM_REHEARSAL, /* the scratch database, migrated */
	ROOM_COPY,      /* the copy, migrated; by then proof and rehearsal are gone */
	ROOM_USES,
} RoomUse;

typedef struct RoomPlace {
	char *path;     /* NULL: cannot be asked from here */
	bool rehearses; /* it is the disk of the rehearsal_server */
	DiskFree disk;
	int64_t bytes[ROOM_USES];
} RoomPlace;

#define ROOM_PLACES_MAX 8
typedef struct Room {
	RoomPlace places[ROOM_PLACES_MAX];
	size_t len;
	char *restore_how; /* "pg_restore 15.18 -j 2"; NULL: cannot be told */
} Room;

/* Without ctx->version: what a backup and its proof take. */
bool room_estimate(const CheckCtx *ctx, Room *ret, Err *err) NODISCARD;

typedef struct RoomMeasured {
	int64_t database_bytes;              /* after the migrations, or at its largest */
	int64_t log_bytes;                   /* written to the server's log */
	int64_t migrate_kb, serve_kb;        /* memory of the migrations, of the started server */
	int64_t available_kb, serves_now_kb; /* memory: free, and of the server that will end */
} RoomMeasured;
bool room_measured(const Site *site, Database *db, const RoomMeasured *measured, Room *ret,
	Err *err) NODISCARD;
/* false: ERR_REFUSED with the reason. */
bool room_memory_judge(const RoomMeasured *measured, Err *err) NODISCARD;

int64_t room_peak(const RoomPlace *place); /* of its uses, not all of which are at one time */
/* OK and WARNING (a disk that cannot be asked) have the figures in `why`. */
FindingKind room_judge(const Room *room, Err *why);
/* [{"path", "bytes", "free_bytes", "uses": {"backup": n, …}}] */
json_t *room_json(const Room *room);
void room_clear(Room *room);
