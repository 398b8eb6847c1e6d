/* frozen_source.h - what releases do while their database is read-only or cannot be reached for a
 * moment; a table of data, from runs with four clients that sign in, read and write. */
#pragma once
#include <stdbool.h>

typedef struct FrozenSource {
	const char *before; /* releases before this one */
	bool sqlite;        /* on SQLite; else on PostgreSQL */
	bool cannot_read;   /* while the database is frozen: that time is dark */
	bool ends_sessions; /* while it cannot connect: browsers are told to sign in again */
	const char *reason; /* N_("…") */
} FrozenSource;

/* The row that fits, or NULL: users of that release read on. `version` NULL: not known. */
const FrozenSource *frozen_source_find(const char *version, bool sqlite);
