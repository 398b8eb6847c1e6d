/* recipe.h - how the running server was started: everything needed to start it again the same way.
 * Kept as STATE/recipe.json (0600, it holds secrets), written by adopt and refreshed by each run
 * before it stops anything, so that `resume` can start the site after a power cut. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "os/proc.h"

typedef struct Recipe {
	StrList argv; /* launcher words stripped; argv[0] is the interpreter */
	StrList env;
	char *dir;
	char *user; /* name of uid, for display */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	mode_t umask;
	uint64_t ignored_signals;
	ProcLimit *limits;
	size_t limit_count;
	ProcPriority priority; /* nice and oom_score_adj */
	char *log;      /* file that stdout went to; NULL: none (journal, /dev/null, a terminal) */
	char *pid_file; /* file in dir that held the pid; NULL: none */
	pid_t pid;      /* of the process it was read from */
	uint64_t start_ticks;
	int64_t read_at_ms;
} Recipe;

bool recipe_of_process(pid_t pid, Recipe *ret, Err *err) NODISCARD;
bool recipe_load(const char *path, Recipe *ret, Err *err) NODISCARD;
bool recipe_save(const char *path, const Recipe *recipe, Err *err) NODISCARD;

void recipe_copy(const Recipe *from, Recipe *to);
void recipe_clear(Recipe *recipe);
/* Give the secret values of its environment to redact_add(). Done by load and of_process. */
void recipe_learn_secrets(const Recipe *recipe);
/* Scripts that stop the server by its pid file must find the new pid; the file keeps its owner.
 * Nothing to do without one. */
bool recipe_write_pid_file(const Recipe *recipe, pid_t pid, Err *err) NODISCARD;
/* How a daemon (proc.h) is started as the server was: account, folder, environment, log, limits.
 * The caller gives argv and changes what differs. Borrows from the recipe. */
DaemonSpec recipe_surroundings(const Recipe *recipe);
/* Starts it as a daemon (proc.h). A pid_file is rewritten. */
bool recipe_start(const Recipe *recipe, pid_t *ret_pid, int *ret_pidfd, Err *err) NODISCARD;
