#include "engine/run.h"

#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/text.h"
#include "os/signals.h"

/* ---- events ---- */

static void say(const StepDef *step, const char *state, int64_t ms, const Err *why)
{
	const Event event = {
		.kind = EVENT_STEP,
		.id = step->id,
		.state = state,
		.text = why ? why->text : step->title,
		.local = why ? why->local : _(step->title),
		.ms = ms,
	};

	event_emit(&event);
}

static bool is_needed(const Engine *engine, const StepDef *step)
{
	return !step->needed || step->needed(engine->ctx);
}

/* ---- what users have ---- */

static void users_have(Engine *engine, Serves serves)
{
	int64_t now = clock_mono_ms();

	if (engine->serves == SERVES_NOBODY)
		engine->dark_ms += now - engine->since_ms;
	else if (engine->serves == SERVES_READERS)
		engine->read_only_ms += now - engine->since_ms;
	engine->since_ms = now;
	if (engine->serves == serves)
		return;
	engine->serves = serves;
	if (engine->on_serves)
		engine->on_serves(engine->arg, serves);
}

/* ---- forward ---- */

static bool observe(const Engine *engine, const StepDef *step, Seen *ret_seen, Err *err)
{
	*ret_seen = SEEN_BEFORE;
	if (step->observe && !step->observe(engine->ctx, ret_seen, err))
		return err_wrap(err, "looking at step '%s'", step->id);
	return true;
}

static bool interrupted(Err *err)
{
	int signal = signals_pending();

	if (!signal)
		return false;
	err_fail(err, ERR_INTERRUPTED, "ended by %s", strsignal(signal));
	err->sys = signal;
	return true;
}

static bool do_step(Engine *engine, const StepDef *step, Err *err)
{
	if (step->check && !step->check(engine->ctx, err))
		return false;
	if (!journal_note(engine->journal, engine->run, step->id, PHASE_INTENT, 0, err))
		return false;
	if (!FAULT(err, "after-intent"))
		return false;
	if (!step->apply(engine->ctx, err))
		return false;
	return FAULT(err, "after-apply");
}

/* The order of the lines is the argument for crash safety: look, write down the intent, act, look
 * again, write down the end. What the journal says never replaces the look. */
static bool step_forward(Engine *engine, const StepDef *step, Err *err)
{
	int64_t began = clock_mono_ms();
	Phase phase;
	Seen seen;

	if (!journal_phase(engine->journal, engine->run, step->id, &phase, err) ||
		!observe(engine, step, &seen, err))
		return false;
	if (seen == SEEN_FOREIGN) {
		err_fail(err, ERR_FOREIGN, "step '%s': someone else changed what it works on",
			step->id);
		return false;
	}
	/* Without an intent of ours the effect is not our work: an undo must leave it alone. */
	if (seen == SEEN_AFTER && phase == PHASE_NONE) {
		say(step, "skipped", 0, NULL);
		return journal_note(engine->journal, engine->run, step->id, PHASE_ALREADY, 0, err);
	}
	say(step, "started", -1, NULL);
	if (seen != SEEN_AFTER && !do_step(engine, step, err))
		return false;
	if (step->verify && !step->verify(engine->ctx, err))
		return false;
	if (!journal_note(engine->journal, engine->run, step->id, PHASE_DONE,
		    clock_mono_ms() - began, err))
		return false;
	say(step, "done", clock_mono_ms() - began, NULL);
	return true;
}

/* A step that is done and whose effect a later step has begun to replace is history. */
static bool is_history(Engine *engine, const StepDef *step, Phase phase, bool *ret, Err *err)
{
	Phase later = PHASE_NONE;

	if (step->until && !journal_phase(engine->journal, engine->run, step->until, &later, err))
		return false;
	*ret = (phase == PHASE_DONE || phase == PHASE_ALREADY) &&
	       (step->commits || (later != PHASE_NONE && later != PHASE_UNDONE));
	return true;
}

static bool forward_all(Engine *engine, bool *ret_committed, Err *err)
{
	for (size_t i = 0; engine->steps[i]; i++) {
		const StepDef *step = engine->steps[i];
		bool history;
		Phase phase;

		if (!*ret_committed && interrupted(err))
			return false;
		if (!journal_phase(engine->journal, engine->run, step->id, &phase, err) ||
			!is_history(engine, step, phase, &history, err))
			return false;
		/* What is done but not history is looked at again: the world may have changed while
		 * nobody ran, for example by a reboot. */
		if (history || !is_needed(engine, step))
			continue;
		if (step->begins != SERVES_AS_BEFORE)
			users_have(engine, step->begins);
		if (!step_forward(engine, step, err)) {
			say(step, "failed", -1, err);
			if (!*ret_committed)
				return false;
			event_warn_err(
				"after-the-gate", err); /* never undoes what the gate accepted */
		}
		if (step->commits) {
			*ret_committed = true;
			signals_hold(); /* from here on INT and TERM only cut short what follows */
			users_have(engine, SERVES_AS_BEFORE);
		}
	}
	return true;
}

bool engine_committed(Engine *engine, bool *ret, Err *err)
{
	*ret = false;
	for (size_t i = 0; engine->steps[i]; i++) {
		Phase phase;

		if (!engine->steps[i]->commits)
			continue;
		if (!journal_phase(engine->journal, engine->run, engine->steps[i]->id, &phase, err))
			return false;
		*ret = *ret || phase == PHASE_DONE;
	}
	return true;
}

/* ---- back ---- */

static bool must_undo(Phase phase)
{
	return phase == PHASE_INTENT || phase == PHASE_DONE || phase == PHASE_UNDO_INTENT;
}

static bool step_back(Engine *engine, const StepDef *step, Err *err)
{
	int64_t began = clock_mono_ms();
	Seen seen;

	say(step, "undoing", -1, NULL);
	if (!observe(engine, step, &seen, err))
		return false;
	if (seen == SEEN_FOREIGN)
		return err_fail(err, ERR_FOREIGN,
			"step '%s': someone else changed what it works on; it is not undone",
			step->id);
	if (!journal_note(engine->journal, engine->run, step->id, PHASE_UNDO_INTENT, 0, err) ||
		!FAULT(err, "after-undo-intent"))
		return false;
	if (!step->undo(engine->ctx, err))
		return err_wrap(err, "undoing step '%s'", step->id);
	if (!observe(engine, step, &seen, err))
		return false;
	if (step->observe && seen != SEEN_BEFORE)
		return err_fail(
			err, ERR_VERIFY, "step '%s' is not back to its former state", step->id);
	if (!journal_note(engine->journal, engine->run, step->id, PHASE_UNDONE,
		    clock_mono_ms() - began, err))
		return false;
	say(step, "undone", clock_mono_ms() - began, NULL);
	return true;
}

RunEnd engine_back(Engine *engine, Err *err)
{
	size_t count = 0;
	bool back = true;

	while (engine->steps[count])
		count++;
	signals_hold();
	while (back && count-- > 0) {
		const StepDef *step = engine->steps[count];
		Phase phase;

		back = journal_phase(engine->journal, engine->run, step->id, &phase, err);
		if (!back || !must_undo(phase) || !step->undo)
			continue;
		back = step_back(engine, step, err);
		/* Whoever takes service away gives all of it back. */
		if (back && step->begins != SERVES_AS_BEFORE)
			users_have(engine, SERVES_AS_BEFORE);
	}
	signals_release();
	users_have(engine, SERVES_AS_BEFORE);
	return back ? RUN_UNDONE : RUN_STUCK;
}

/* Did anything get an intent whose undo is more than forgetting? */
static bool touched(Engine *engine, bool *ret, Err *err)
{
	*ret = false;
	for (size_t i = 0; engine->steps[i]; i++) {
		Phase phase;

		if (engine->steps[i]->undo_kind == UNDO_NOTHING)
			continue;
		if (!journal_phase(engine->journal, engine->run, engine->steps[i]->id, &phase, err))
			return false;
		*ret = *ret || must_undo(phase);
	}
	return true;
}

RunEnd engine_forward(Engine *engine, Err *ret_cause, Err *err)
{
	bool committed, was_touched;
	RunEnd end;

	if (!engine_committed(engine, &committed, err))
		return RUN_STUCK;
	if (forward_all(engine, &committed, err))
		return RUN_DONE;
	/* Only a journal that cannot be written gets here after the gate's yes. */
	if (committed)
		return RUN_STUCK;
	err_move(ret_cause, err);
	if (!touched(engine, &was_touched, err))
		return RUN_STUCK;
	end = engine_back(engine, err);
	if (end == RUN_STUCK)
		return RUN_STUCK;
	err_move(err, ret_cause);
	return was_touched ? RUN_UNDONE : RUN_UNTOUCHED;
}
