/* alembic_place.h - where a release's Python reads our driver: in the release's environment, or in
 * a throw-away container of its image. */
#pragma once
#include "database/alembic.h"

typedef struct AlembicPlace {
	StrList argv, env;
	const char *dir, *user;
	int cage_fd;
	char *container; /* id; NULL: none */
} AlembicPlace;

/* `env`: what the release is to see (guarded_env.h). */
bool alembic_place(
	const MigrationSpec *spec, const StrList *env, AlembicPlace *ret, Err *err) NODISCARD;
/* The driver's process as this machine sees it; `said` is what it says itself. */
pid_t alembic_pid(const AlembicPlace *place, pid_t said);
/* Removes the container, whatever still runs in it. */
void alembic_place_end(AlembicPlace *place);
