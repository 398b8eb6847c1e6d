/* flows.h - the procedures as commands call them. Each takes the run lock, runs, emits its events
 * (the last one is EVENT_RESULT) and fills FlowEnd, whatever happened; err says why when the
 * outcome is a failure. Policy lives here: which outcome, which exit status (docs/exit-status.md).
 */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "config/site.h"

typedef struct FlowWish {
	const char *version;  /* upgrade: target or "latest"; NULL: latest */
	const char *run;      /* rollback: which upgrade; NULL: the last */
	const char *set;      /* restore, verify: which set */
	bool all, newest;     /* verify: every set; the newest one (also when neither is given) */
	const char *way_back; /* prune: the run whose way back is given up; NULL: none */
	bool plan_only;
	bool accept_loss;    /* rollback: rows written since are given up (they stay in the kept
				database) */
	bool skip_rehearsal; /* upgrade: a person typed it */
	bool finish, undo;   /* resume: which way; neither: what belay would do */
	/* Shows the plan and asks; NULL: go on. false: the person said no, or with err set could
	 * not be asked. The plan's members are those of the result's `plan` (docs/json.md). */
	bool (*confirm)(void *arg, const json_t *plan, Err *err);
	void *arg;
} FlowWish;

typedef struct FlowEnd {
	char *outcome; /* upgraded, rolled-back, backed-up, restored, resumed, refused, undone,
			  failed, stuck, nothing-to-do, planned, declined */
	int exit_status;
	json_t *result; /* members of the result event */
} FlowEnd;

bool flow_upgrade(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_check(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_rollback(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_rehearse(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_backup(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_restore(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
/* `site` is made from the set (backup/site_of_set.h) and is nowhere on disk yet. */
bool flow_restore_empty(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_verify(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_prune(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
bool flow_resume(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
void flow_end_clear(FlowEnd *end);
/* The title of a step of any flow, to be translated with _(); the id itself when it is unknown. */
const char *flow_step_title(const char *id);
