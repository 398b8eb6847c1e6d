/* flow_end.h - calls a flow that must not begin a run, and looks at what it says. */
#pragma once
#include "flow_site.h"
#include "flows/flows.h"

typedef bool Flow(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);

typedef struct Wanted {
	const char *outcome;
	int status;
	const char *text, *hint; /* parts of them; NULL: none is looked at */
} Wanted;

/* The caller clears `ret`. */
UNUSED static void ends(
	FlowSite *flow, Flow *call, const FlowWish *wish, const Wanted *wanted, FlowEnd *ret)
{
	AUTO(err_clear) Err err = {0};
	const size_t runs = count_runs(flow);
	const bool fine = call(flow->site, wish, ret, &err);

	if (err.text)
		print_message("# %s (%s)\n", err.text, err.hint ? err.hint : "no hint");
	assert_string_equal(ret->outcome, wanted->outcome);
	assert_int_equal(ret->exit_status, wanted->status);
	assert_int_equal(fine, wanted->status == 0);
	if (wanted->text)
		assert_part(err.text, wanted->text);
	if (wanted->hint)
		assert_part(err.hint, wanted->hint);
	assert_int_equal(count_runs(flow), runs);
}

UNUSED static void refuses(FlowSite *flow, Flow *call, const FlowWish *wish, const Wanted *wanted)
{
	AUTO(flow_end_clear) FlowEnd end = {0};

	ends(flow, call, wish, wanted, &end);
}

UNUSED static bool says_no(void *arg UNUSED, const json_t *plan, Err *err UNUSED)
{
	assert_non_null(plan);
	return false;
}
