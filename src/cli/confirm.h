/* confirm.h - the plan and the one question before something changes. */
#pragma once
#include "base/json.h"
#include "report/terminal.h"

/* FlowWish.confirm; `arg` is the Cli. No answer within 15 minutes, end of file and INT are a no;
 * without a terminal at both ends ERR_USAGE. */
bool confirm_plan(void *arg, const json_t *plan, Err *err);
/* The members of a plan (docs/json.md) as people read them. */
void plan_show(const json_t *plan, Out *out);
