/* migrations.h - the Alembic chain of a release, read from PACKAGE/migrations/versions/ *.py as
 * text (revision and down_revision in both quote styles, with or without annotations). Never
 * hard-coded: the same revision id has different code in different releases. */
#pragma once
#include "base/error.h"
#include "base/list.h"

typedef struct Migrations {
	char *head;     /* the one revision nobody names as down */
	StrList ids;    /* root first */
	StrList titles; /* first line of each docstring, same order */
} Migrations;

/* ERR_VERIFY when there is none, or the chain has several heads or a gap. */
bool migrations_read(const char *package_dir, Migrations *ret, Err *err) NODISCARD;
void migrations_clear(Migrations *migrations);
bool migrations_has(const Migrations *migrations, const char *revision);
/* Ids after `from` up to the head. false: `from` is not in the chain (a downgrade). */
bool migrations_after(const Migrations *migrations, const char *from, StrList *ret);
