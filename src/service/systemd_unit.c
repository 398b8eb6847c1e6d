#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"
#include "service/log_tail.h"
#include "service/service_owner.h"

#define ASK_MS      10000
#define INACTIVE_MS 15000
#define TICK_MS     100
#define SHOWN_LINES 5

typedef struct Unit {
	pid_t main;
	char *load, *active, *sub, *result;
} Unit;

static void unit_clear(Unit *unit)
{
	free(unit->load);
	free(unit->active);
	free(unit->sub);
	free(unit->result);
	*unit = (Unit){0};
}

/* A user's manager is reached through the user's own bus; as root, as that user. */
static bool systemctl(const Site *site, const char *const *words, ProcResult *ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	ProcSpec spec = {.timeout_ms = ASK_MS, .exit_is_answer = true, .ignore_signals = true};

	strlist_add(&argv, "systemctl");
	if (site->user_unit)
		strlist_add(&argv, "--user");
	strlist_add_array(&argv, words);
	strlist_addf(&env, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	strlist_add(&env, "LC_ALL=C");
	if (site->user_unit) {
		strlist_addf(&env, "XDG_RUNTIME_DIR=/run/user/%u", (unsigned)site->recipe.uid);
		strlist_addf(&env, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%u/bus",
			(unsigned)site->recipe.uid);
		if (geteuid() == 0 && site->recipe.uid != 0)
			spec.user = site->user;
	}
	spec.argv = strlist_argv(&argv);
	spec.env = strlist_argv(&env);
	spec.quiet = str_is(words[0], "show");
	return proc_run(&spec, ret, err);
}

static bool systemctl_do(const Site *site, const char *const *words, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};

	if (!FAULT(err, "systemctl") || !systemctl(site, words, &result, err))
		return false;
	if (result.exit_code == 0)
		return true;
	result.err_tail[strcspn(result.err_tail, "\n")] = '\0';
	return err_fail(err, ERR_EXEC, "'systemctl %s %s' failed: %s", words[0], site->unit,
		result.err_tail);
}

static void take_property(Unit *unit, const char *line)
{
	const struct {
		const char *name;
		char **slot;
	} texts[] = {
		{"LoadState=", &unit->load},
		{"ActiveState=", &unit->active},
		{"SubState=", &unit->sub},
		{"Result=", &unit->result},
	};

	if (str_starts(line, "MainPID="))
		unit->main = (pid_t)atoi(line + strlen("MainPID="));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (str_starts(line, texts[i].name))
			str_replace(texts[i].slot, line + strlen(texts[i].name));
	}
}

static bool unit_show(const Site *site, Unit *ret, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(unit_clear) Unit unit = {0};

	if (!systemctl(site,
		    ARGV("show", site->unit,
			    "--property=MainPID,LoadState,ActiveState,SubState,Result"),
		    &result, err))
		return err_wrap(err, "asking for unit '%s'", site->unit);
	strlist_split(&lines, result.out, "\n");
	for (size_t i = 0; i < lines.len; i++)
		take_property(&unit, lines.items[i]);
	if (result.exit_code != 0 || !unit.active) {
		result.err_tail[strcspn(result.err_tail, "\n")] = '\0';
		return err_fail(
			err, ERR_EXEC, "asking for unit '%s': %s", site->unit, result.err_tail);
	}
	if (str_is(unit.load, "not-found")) {
		err_fail(err, ERR_CONFIG, "systemd knows no unit '%s'", site->unit);
		return err_hint(
			err, "correct 'unit' in %s", site->file ? site->file : "the site file");
	}
	*ret = unit;
	unit = (Unit){0};
	return true;
}

bool unit_state(const Site *site, ServiceState *ret, Err *err)
{
	AUTO(unit_clear) Unit unit = {0};
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!unit_show(site, &unit, err))
		return false;
	ret->unit_state = str_format("%s (%s)", unit.active, unit.sub ? unit.sub : "");
	if (unit.main > 0 && process_read(unit.main, &process, &ignored)) {
		ret->pid = process.pid;
		ret->start_ticks = process.start_ticks;
	}
	return true;
}

static bool is_down(const Unit *unit)
{
	return str_is(unit->active, "inactive") || str_is(unit->active, "failed");
}

static bool wait_until_down(const Site *site, Err *err)
{
	const Deadline deadline = deadline_in(INACTIVE_MS);

	for (;;) {
		AUTO(unit_clear) Unit unit = {0};

		if (!unit_show(site, &unit, err))
			return false;
		/* A unit that was killed counts as failed; it must not count against its start
		 * limit. */
		if (str_is(unit.active, "failed"))
			return systemctl_do(site, ARGV("reset-failed", site->unit), err);
		if (is_down(&unit))
			return true;
		if (deadline_left_ms(deadline) == 0)
			return err_fail(err, ERR_TIMEOUT,
				"unit '%s' is still '%s' after it was stopped", site->unit,
				unit.active);
		wait_moment(-1, TICK_MS);
	}
}

/* systemd would wait TimeoutStopSec, 90 s by default, before it uses force; users wait with it. */
bool unit_stop(const Site *site, Err *err)
{
	AUTO(unit_clear) Unit unit = {0};
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};
	AUTO(close_auto) int pidfd = -1;

	if (!unit_show(site, &unit, err))
		return false;
	if (is_down(&unit))
		return true;
	if (unit.main > 0 && process_read(unit.main, &process, &ignored))
		pidfd = process_open(process.pid, process.start_ticks);
	if (!systemctl_do(site, ARGV("stop", "--no-block", site->unit), err))
		return false;
	if (pidfd >= 0 && !process_wait_gone(pidfd, site->stop_timeout_ms) &&
		!systemctl_do(site, ARGV("kill", "--signal=KILL", site->unit), err))
		return false;
	return wait_until_down(site, err);
}

static bool start_failed(const Site *site, const Unit *unit, int64_t log_from, Err *err)
{
	AUTO(free_auto) char *words = log_words_since(site->log_file, log_from, SHOWN_LINES);

	err_fail(err, ERR_EXEC, "unit '%s' did not start (%s): %s", site->unit,
		unit->result ? unit->result : unit->active,
		words[0] ? words : "its log is in the journal");
	return err_hint(
		err, "see: journalctl %s-u %s", site->user_unit ? "--user " : "", site->unit);
}

/* Not waited for by systemctl: a unit of Type=notify may take longer than its own time limit allows
 * us to see, and the gate asks the better questions. */
bool unit_start(const Site *site, Err *err)
{
	const Deadline deadline = deadline_in(site->start_timeout_ms);
	const int64_t log_from = log_size(site->log_file);
	AUTO(err_clear) Err ignored = {0};

	/* Fails when there is nothing to reset; then nothing is lost. */
	if (!systemctl_do(site, ARGV("reset-failed", site->unit), &ignored))
		err_clear(&ignored);
	if (!systemctl_do(site, ARGV("start", "--no-block", site->unit), err))
		return false;
	for (;;) {
		AUTO(unit_clear) Unit unit = {0};

		if (!unit_show(site, &unit, err))
			return false;
		if (unit.main > 0)
			return true;
		if (str_is(unit.active, "failed"))
			return start_failed(site, &unit, log_from, err);
		if (deadline_left_ms(deadline) == 0)
			return err_fail(err, ERR_TIMEOUT, "unit '%s' is still '%s'", site->unit,
				unit.active);
		wait_moment(-1, TICK_MS);
	}
}
