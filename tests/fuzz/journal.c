/* A journal that somebody else wrote, or that a disk damaged: read or refused, and never a crash.
 */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/journal.h"

static void read_run(Journal *journal, const Run *run)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *fact = NULL;
	StepTime *times = NULL;
	size_t count = 0;
	Phase phase;

	FUZZ_MUST(run->id && run->command);
	if (!journal_steps(journal, run->id, &times, &count, &err))
		err_clear(&err);
	for (size_t i = 0; i < count; i++)
		FUZZ_MUST(times[i].step && phase_name(times[i].phase));
	for (size_t i = 0; i < count; i++) {
		if (!journal_phase(journal, run->id, times[i].step, &phase, &err))
			err_clear(&err);
	}
	step_times_free(times, count);
	if (!journal_fact(journal, run->id, "to.version", &fact, &err))
		err_clear(&err);
}

static void read_all(Journal *journal)
{
	AUTO(err_clear) Err err = {0};
	AUTO(run_list_clear) RunList runs = {0};
	Run run = {0};
	bool any = false;

	if (journal_runs(journal, 100, &runs, &err))
		for (size_t i = 0; i < runs.len; i++)
			read_run(journal, &runs.items[i]);
	err_clear(&err);
	if (journal_unfinished(journal, &run, &any, &err) && any)
		read_run(journal, &run);
	run_clear(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const parts[] = {
		"journal.db-wal", "journal.db-shm", "journal.db-journal"};
	AUTO(free_auto) char *path = fuzz_file("journal.db", bytes, len);
	AUTO(err_clear) Err err = {0};
	Journal *journal = NULL;

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		AUTO(free_auto) char *part = fuzz_path(parts[i]);

		unlink(part);
	}
	if (!journal_open_read(path, "main", &journal, &err)) {
		FUZZ_MUST(err.kind == ERR_PERSON);
		return 0;
	}
	read_all(journal);
	journal_close(journal);
	return 0;
}
