/* Checks on a server in a container. */
#include <string.h>

#include "base/text.h"
#include "checks/check_table.h"
#include "release/site_container.h"

FindingKind check_container(const CheckCtx *ctx, Err *why)
{
	site_refuse_container(ctx->site, why);
	return FINDING_REFUSED;
}

/* A volume that was removed and made again is empty, and has the same name. */
FindingKind check_data_mount(const CheckCtx *ctx, Err *why)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(ctx->site, &container, why))
		return FINDING_UNKNOWN;
	for (size_t i = 0; i < container.mounts.len; i++) {
		const char *mount = container.mounts.items[i];
		const size_t len = strcspn(mount, ":");

		if (strncmp(mount, ctx->site->data_dir, len) == 0 &&
			(ctx->site->data_dir[len] == '\0' || ctx->site->data_dir[len] == '/'))
			return FINDING_OK;
	}
	err_fail(why, ERR_REFUSED, "container '%s' has no mount of '%s', where the site's data is",
		container.name, ctx->site->data_dir);
	err_hint(why, "belay adopt");
	return FINDING_REFUSED;
}
