/* scratch.h - everything of a rehearsal that must not outlive it: a database, a folder, a process.
 *
 * Each is written into STATE/rehearsals/RUN.running before it is made, so that whoever comes after
 * a kill knows what is belay's own; what is not in such a record is never touched. */
#pragma once
#include "database/database.h"

typedef struct Scratch {
	char *run;
	char *record;   /* STATE/rehearsals/RUN.running */
	char *folder;   /* ENV.releases/.rehearsal-RUN, the site's user's */
	char *data_dir; /* FOLDER/data: DATA_DIR of migrations and boot */
	char *place;    /* the scratch database */
	char *at;       /* "10.0.0.9:5432" when it is not on the site's own server; NULL */
	pid_t server;   /* 0: none was started */
	uint64_t server_ticks;
} Scratch;

/* Record and folder. `place`: a scratch database that is there already, and is removed with the
 * rest; NULL: one named after the run, for the caller to make. */
bool scratch_open(const Site *site, Database *db, const char *run, const char *place, Scratch *ret,
	Err *err) NODISCARD;
bool scratch_note_server(Scratch *scratch, pid_t server, Err *err) NODISCARD;
/* Process, folder, database, and last the record. Repeating it is fine. `db`: of its server. */
bool scratch_remove(Scratch *scratch, Database *db, Err *err) NODISCARD;
void scratch_clear(Scratch *scratch);

/* NAME_rehearsal_20261123134812; SQLite: a file in the scratch folder. Caller frees. */
char *scratch_place(Database *db, const char *run, const char *data_dir);
