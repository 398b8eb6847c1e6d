/* Disk space on each file system, from measured sizes. */
#include "checks/check_table.h"
#include "checks/room.h"

FindingKind check_disk(const CheckCtx *ctx, Err *why)
{
	AUTO(room_clear) Room room = {0};

	return room_estimate(ctx, &room, why) ? room_judge(&room, why) : FINDING_UNKNOWN;
}
