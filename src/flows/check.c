/* check: every question of an upgrade, without the upgrade. */
#include "base/clock.h"
#include "flows/prepare.h"

bool flow_check(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	Session session = {
		.site = site,
		.command = "check",
		.began_ms = clock_mono_ms(),
	};
	bool ready = wish->version ? prepare_target(site, wish->version, &prepared, err)
				   : prepare_site(site, &prepared, err);

	if (ready && !prepare_check(site, &prepared, err))
		ready = false;
	return session_result(&session, ready ? "checked" : NULL, NULL, ret, err);
}
