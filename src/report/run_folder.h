/* run_folder.h - the evidence of a run: STATE/runs/ID/ (0700, files 0600) with events.jsonl (every
 * event), commands.log (every program that was run: argv, exit, duration) and report.md (the final
 * report). Other parts put their logs beside them. Texts arrive masked.
 *
 * Evidence is never a reason to fail: what cannot be written is left out. What happened before the
 * run had an id is kept and written once it has one. */
#pragma once
#include "base/event.h"

typedef struct RunFolder RunFolder;

RunFolder *run_folder_new(const char *state_dir);
void run_folder_free(RunFolder *folder);
DEFINE_AUTO(RunFolder, run_folder_free)
EventListener run_folder_listener(RunFolder *folder);
const char *run_folder_path(const RunFolder *folder); /* NULL while no run has begun */
