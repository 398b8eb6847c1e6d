/* The engine on a toy world: three switches that steps turn on. Every promise of engine/run.h. */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/run.h"
#include "os/file.h"
#include "os/signals.h"
#include "os/sql.h"
#include "os/tree.h"

struct RunCtx {
	Seen world[3];
	bool fail_apply[3], fail_undo[3];
	int interrupts_in, loses_journal_in; /* the n-th apply, from 1 */
	bool blind;                          /* nothing can be looked at */
	char done[64];                       /* what was applied and undone, in order: "ABc" */
};

static char folder[] = "/tmp/belay-engine-XXXXXX";
static Journal *journal;
static char *run_id;

static bool look(RunCtx *ctx, int n, Seen *ret, Err *err)
{
	*ret = ctx->world[n];
	return !ctx->blind || err_fail(err, ERR_IO, "cannot see %d", n);
}

/* Behind its back: what it asks afterwards cannot be answered. */
static void rename_phases(const char *from, const char *to)
{
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(free_auto) char *path = path_join(folder, "journal.db");
	AUTO(free_auto) char *text = str_format("ALTER TABLE %s RENAME TO %s", from, to);

	assert_done(sql_open(path, SQL_WRITE, 1000, &sql, &err), &err);
	assert_done(sql_script(sql, text, &err), &err);
}

static void note(RunCtx *ctx, char what)
{
	size_t len = strlen(ctx->done);

	ctx->done[len] = what;
	ctx->done[len + 1] = '\0';
}

static bool turn_on(RunCtx *ctx, int n, Err *err)
{
	note(ctx, (char)('A' + n));
	if (ctx->interrupts_in == n + 1)
		assert_int_equal(raise(SIGTERM), 0);
	if (ctx->loses_journal_in == n + 1)
		rename_phases("phase", "lost");
	ctx->world[n] = ctx->fail_apply[n] ? SEEN_PARTIAL : SEEN_AFTER;
	return !ctx->fail_apply[n] || err_fail(err, ERR_IO, "cannot turn on %d", n);
}

static bool turn_off(RunCtx *ctx, int n, Err *err)
{
	note(ctx, (char)('a' + n));
	if (ctx->fail_undo[n])
		return err_fail(err, ERR_IO, "cannot turn off %d", n);
	ctx->world[n] = SEEN_BEFORE;
	return true;
}

#define TOY(n)                                                                                     \
	static bool observe_##n(RunCtx *ctx, Seen *ret, Err *err)                                  \
	{                                                                                          \
		return look(ctx, n, ret, err);                                                     \
	}                                                                                          \
	static bool apply_##n(RunCtx *ctx, Err *err)                                               \
	{                                                                                          \
		return turn_on(ctx, n, err);                                                       \
	}                                                                                          \
	static bool undo_##n(RunCtx *ctx, Err *err)                                                \
	{                                                                                          \
		return turn_off(ctx, n, err);                                                      \
	}
TOY(0)
TOY(1)
TOY(2)

static const StepDef toy_a = {.id = "a",
	.title = "a",
	.undo_kind = UNDO_EXACT,
	.until = "c",
	.observe = observe_0,
	.apply = apply_0,
	.undo = undo_0};
static const StepDef toy_b = {.id = "b",
	.title = "b",
	.undo_kind = UNDO_EXACT,
	.observe = observe_1,
	.apply = apply_1,
	.undo = undo_1};
static const StepDef toy_c = {.id = "c",
	.title = "c",
	.undo_kind = UNDO_EXACT,
	.observe = observe_2,
	.apply = apply_2,
	.undo = undo_2};
static const StepDef toy_gate = {.id = "c",
	.title = "c",
	.undo_kind = UNDO_NOTHING,
	.commits = true,
	.observe = observe_2,
	.apply = apply_2};
static const StepDef toy_light = {
	.id = "a", .title = "a", .undo_kind = UNDO_NOTHING, .observe = observe_0, .apply = apply_0};
static const StepDef *const all[] = {&toy_a, &toy_b, &toy_c, NULL};
static const StepDef *const gated[] = {&toy_a, &toy_b, &toy_gate, NULL};
static const StepDef *const light_first[] = {&toy_light, &toy_b, NULL};

static int open_journal(void **state UNUSED)
{
	AUTO(free_auto) char *path = NULL;
	Err err = {0};

	strcpy(folder, "/tmp/belay-engine-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path = path_join(folder, "journal.db");
	return journal_open(path, "toy", &journal, &err) &&
			       journal_run_begin(journal, "toy", &run_id, &err)
		       ? 0
		       : -1;
}

static int close_journal(void **state UNUSED)
{
	Err err = {0};

	journal_close(journal);
	free(run_id);
	return tree_remove(folder, &err) ? 0 : -1;
}

static RunEnd forward(RunCtx *ctx, const StepDef *const *steps, Err *cause, Err *err)
{
	Engine engine = {.journal = journal, .run = run_id, .steps = steps, .ctx = ctx};

	return engine_forward(&engine, cause, err);
}

static Phase phase_of(const char *step)
{
	Phase phase = PHASE_NONE;
	Err err = {0};

	assert_done(journal_phase(journal, run_id, step, &phase, &err), &err);
	return phase;
}

static void steps_run_in_order(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {0};

	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_DONE);
	assert_string_equal(ctx.done, "ABC");
	assert_int_equal(phase_of("c"), PHASE_DONE);
}

static void a_failure_undoes_newest_first(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.fail_apply = {[2] = true}};

	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_UNDONE);
	assert_string_equal(ctx.done, "ABCcba");
	assert_part(err.text, "cannot turn on 2");
	assert_int_equal(phase_of("a"), PHASE_UNDONE);
}

static void what_was_there_before_is_left_alone(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.world = {SEEN_AFTER}, .fail_apply = {[1] = true}};

	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_UNDONE);
	assert_string_equal(ctx.done, "Bb");
	assert_int_equal(ctx.world[0], SEEN_AFTER);
	assert_int_equal(phase_of("a"), PHASE_ALREADY);
}

/* What the listener of the account heard: W(ork), R(ead), N(obody). */
static void hear(void *arg, Serves serves)
{
	char *heard = arg;

	heard[strlen(heard)] = "WRN"[serves];
}

static void whoever_takes_service_is_said_to_give_it_back(void **state UNUSED)
{
	StepDef freeze = toy_a, stop = toy_b, last = toy_c;
	const StepDef *const steps[] = {&freeze, &stop, &last, NULL};
	const struct {
		bool fails, commits;
		const char *heard;
	} rows[] = {{false, true, "RNW"}, {true, true, "RNW"}, {false, false, "RN"}};

	freeze.begins = SERVES_READERS;
	stop.begins = SERVES_NOBODY;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0}, cause = {0};
		RunCtx ctx = {.fail_apply = {[2] = rows[i].fails}};
		char heard[16] = "";
		Engine engine = {.journal = journal,
			.run = run_id,
			.steps = steps,
			.ctx = &ctx,
			.on_serves = hear,
			.arg = heard};

		last.commits = rows[i].commits;
		assert_int_equal(engine_forward(&engine, &cause, &err),
			rows[i].fails ? RUN_UNDONE : RUN_DONE);
		assert_string_equal(heard, rows[i].heard);
		if (i + 1 < COUNT_OF(rows)) {
			assert_int_equal(close_journal(NULL), 0);
			assert_int_equal(open_journal(NULL), 0);
		}
	}
}

static void a_foreign_change_stops_the_run(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.world = {[1] = SEEN_FOREIGN}};

	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_UNDONE);
	assert_int_equal(err.kind, ERR_FOREIGN);
	assert_string_equal(ctx.done, "Aa");
}

static void an_undo_that_fails_leaves_the_run_for_resume(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.fail_apply = {[2] = true}, .fail_undo = {[1] = true}};

	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_STUCK);
	assert_part(cause.text, "cannot turn on 2");
	assert_part(err.text, "cannot turn off 1");
	assert_int_equal(phase_of("b"), PHASE_UNDO_INTENT);
	assert_int_equal(phase_of("a"), PHASE_DONE);
}

static void nothing_exact_begun_means_untouched(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.fail_apply = {true}};

	assert_int_equal(forward(&ctx, light_first, &cause, &err), RUN_UNTOUCHED);
	assert_string_equal(ctx.done, "A");
}

static void after_the_gate_nothing_is_undone(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	Engine engine = {.journal = journal, .run = run_id, .steps = gated};
	RunCtx ctx = {0};
	bool committed;

	assert_int_equal(forward(&ctx, gated, &cause, &err), RUN_DONE);
	assert_done(engine_committed(&engine, &committed, &err), &err);
	assert_true(committed);
}

/* As after kill -9: the journal has intents, a new process looks at the world. */
static void a_second_run_takes_up_where_the_first_was_killed(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.world = {SEEN_AFTER, SEEN_PARTIAL}};

	assert_done(journal_note(journal, run_id, "a", PHASE_DONE, 1, &err), &err);
	assert_done(journal_note(journal, run_id, "b", PHASE_INTENT, 0, &err), &err);
	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_DONE);
	assert_string_equal(ctx.done, "BC");
}

static void an_effect_without_its_end_is_ours_to_undo(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	Engine engine = {.journal = journal, .run = run_id, .steps = all};
	RunCtx ctx = {.world = {SEEN_AFTER, SEEN_AFTER}};

	engine.ctx = &ctx;
	assert_done(journal_note(journal, run_id, "a", PHASE_DONE, 1, &err), &err);
	assert_done(journal_note(journal, run_id, "b", PHASE_INTENT, 0, &err), &err);
	assert_int_equal(engine_back(&engine, &err), RUN_UNDONE);
	assert_string_equal(ctx.done, "ba");
}

static void a_done_step_is_looked_at_again_until_another_replaces_it(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx rebooted = {.world = {SEEN_BEFORE, SEEN_BEFORE}};
	RunCtx replaced = {.world = {SEEN_BEFORE, SEEN_AFTER, SEEN_PARTIAL}};

	assert_done(journal_note(journal, run_id, "a", PHASE_DONE, 1, &err), &err);
	assert_int_equal(forward(&rebooted, all, &cause, &err), RUN_DONE);
	assert_string_equal(rebooted.done, "ABC");

	assert_done(journal_note(journal, run_id, "c", PHASE_INTENT, 0, &err), &err);
	assert_int_equal(forward(&replaced, all, &cause, &err), RUN_DONE);
	assert_string_equal(replaced.done, "C");
}

static void after_the_gate_a_failure_is_only_told(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	StepDef gate = toy_b;
	const StepDef *const steps[] = {&toy_a, &gate, &toy_c, NULL};
	RunCtx ctx = {.fail_apply = {[2] = true}};

	gate.commits = true;
	assert_int_equal(forward(&ctx, steps, &cause, &err), RUN_DONE);
	assert_string_equal(ctx.done, "ABC");
}

/* The last of the tests: whatever comes after a signal is interrupted, and after a gate it is held.
 */
static void somebody_typed_ctrl_c_before_the_gate(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.interrupts_in = 2};

	for (int gates = 0; gates < 16; gates++)
		signals_release();
	signals_install();
	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_UNDONE);
	assert_string_equal(ctx.done, "ABba");
	assert_int_equal(err.kind, ERR_INTERRUPTED);
	assert_int_equal(err.sys, SIGTERM);
}

static void what_cannot_be_seen_is_not_touched(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	Engine engine = {.journal = journal, .run = run_id, .steps = all};
	RunCtx ctx = {.blind = true, .world = {SEEN_AFTER}};

	engine.ctx = &ctx;
	assert_int_equal(forward(&ctx, all, &cause, &err), RUN_UNTOUCHED);
	assert_part(err.text, "looking at step 'a'");
	err_clear(&err);
	assert_done(journal_note(journal, run_id, "a", PHASE_DONE, 1, &err), &err);
	assert_int_equal(engine_back(&engine, &err), RUN_STUCK);
	assert_part(err.text, "looking at step 'a'");
	assert_string_equal(ctx.done, "");
}

static void somebody_elses_work_is_not_undone(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	Engine engine = {.journal = journal, .run = run_id, .steps = all};
	RunCtx ctx = {.world = {SEEN_AFTER, SEEN_FOREIGN}};

	engine.ctx = &ctx;
	assert_done(journal_note(journal, run_id, "a", PHASE_DONE, 1, &err), &err);
	assert_done(journal_note(journal, run_id, "b", PHASE_DONE, 1, &err), &err);
	assert_int_equal(engine_back(&engine, &err), RUN_STUCK);
	assert_int_equal(err.kind, ERR_FOREIGN);
	assert_string_equal(ctx.done, "");
}

static bool undo_nothing(RunCtx *ctx UNUSED, Err *err UNUSED)
{
	return true;
}

static void an_undo_that_did_nothing_is_noticed(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	StepDef lazy = toy_a;
	const StepDef *const steps[] = {&lazy, &toy_b, NULL};
	RunCtx ctx = {.fail_apply = {[1] = true}};

	lazy.undo = undo_nothing;
	assert_int_equal(forward(&ctx, steps, &cause, &err), RUN_STUCK);
	assert_part(err.text, "step 'a' is not back to its former state");
}

/* Lost before the run, within each of its steps, and when all is undone: nothing is done by heart,
 * and with the journal back the run is taken up. */
static void without_its_journal_it_goes_no_further(void **state UNUSED)
{
	for (int n = 0; n < 4; n++) {
		AUTO(err_clear) Err err = {0}, cause = {0};
		RunCtx ctx = {.loses_journal_in = n};
		Engine engine = {.journal = journal, .run = run_id, .steps = all, .ctx = &ctx};
		const char *const done[] = {"", "A", "AB", "ABC"};

		if (n == 0)
			rename_phases("phase", "lost");
		assert_int_equal(forward(&ctx, all, &cause, &err), RUN_STUCK);
		assert_string_equal(ctx.done, done[n]);
		assert_part(err.text, "journal");
		err_clear(&err);
		assert_int_equal(engine_back(&engine, &err), RUN_STUCK);
		assert_string_equal(ctx.done, done[n]);
		err_clear(&err);
		rename_phases("lost", "phase");
		ctx.loses_journal_in = 0;
		assert_int_equal(forward(&ctx, all, &cause, &err), RUN_DONE);
		assert_int_equal(close_journal(NULL), 0);
		assert_int_equal(open_journal(NULL), 0);
	}
}

static bool all_are(const RunCtx *ctx, Seen seen)
{
	return ctx->world[0] == seen && ctx->world[1] == seen && ctx->world[2] == seen;
}

/* One run, forward or back, whose n-th effect returns an error. False: it was not reached. */
static bool broken_at(const char *fault, int n, bool back)
{
	AUTO(err_clear) Err err = {0}, cause = {0};
	RunCtx ctx = {.fail_apply = {[2] = back}};
	Engine engine = {.journal = journal, .run = run_id, .steps = all, .ctx = &ctx};
	char wish[24];
	bool reached;
	RunEnd end;

	snprintf(wish, sizeof wish, "%s:%d", fault, n);
	setenv("BELAY_FAULT", wish, 1);
	fault_restart();
	end = forward(&ctx, all, &cause, &err);
	unsetenv("BELAY_FAULT");
	reached = err.text && strstr(err.text, "injected");
	if (end == RUN_STUCK) {
		err_clear(&err);
		end = engine_back(&engine, &err);
	}
	if (end == RUN_DONE)
		assert_true(!back && all_are(&ctx, SEEN_AFTER));
	else
		assert_true(end != RUN_STUCK && all_are(&ctx, SEEN_BEFORE));
	return reached;
}

static void an_error_at_any_point_ends_all_old_or_all_new(void **state UNUSED)
{
	static const char *const faults[] = {"fail", "full"};

	for (size_t i = 0; i < COUNT_OF(faults); i++)
		for (int back = 0; back < 2; back++) {
			int n = 1;

			for (; broken_at(faults[i], n, back); n++) {
				assert_int_equal(close_journal(NULL), 0);
				assert_int_equal(open_journal(NULL), 0);
			}
			assert_true(n > 12);
			assert_int_equal(close_journal(NULL), 0);
			assert_int_equal(open_journal(NULL), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, open_journal, close_journal)
		T(steps_run_in_order),
		T(a_failure_undoes_newest_first),
		T(what_was_there_before_is_left_alone),
		T(whoever_takes_service_is_said_to_give_it_back),
		T(a_foreign_change_stops_the_run),
		T(an_undo_that_fails_leaves_the_run_for_resume),
		T(nothing_exact_begun_means_untouched),
		T(after_the_gate_nothing_is_undone),
		T(a_second_run_takes_up_where_the_first_was_killed),
		T(an_effect_without_its_end_is_ours_to_undo),
		T(a_done_step_is_looked_at_again_until_another_replaces_it),
		T(after_the_gate_a_failure_is_only_told),
		T(what_cannot_be_seen_is_not_touched),
		T(somebody_elses_work_is_not_undone),
		T(an_undo_that_did_nothing_is_noticed),
		T(without_its_journal_it_goes_no_further),
		T(an_error_at_any_point_ends_all_old_or_all_new),
		T(somebody_typed_ctrl_c_before_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
