/* invariants.h - what a migration must not change, whatever the release: rows of users, chats and
 * files never become fewer; and the backfill of 8452d01d26d7 (every message of every chat into
 * chat_message) is complete. Open WebUI >= 0.9.6 skips that backfill silently when it finds the
 * table half-made, so a revision that equals the head proves nothing about it. */
#pragma once
#include "base/json.h"
#include "database/database.h"
#include "release/migrations.h"

/* {"user": 3, …} of the tables that exist at `place`, and "messages" when the way from `revision`
 * to the head crosses 8452d01d26d7. */
bool invariants_measure(Database *db, const char *place, const Migrations *target,
	const char *revision, json_t **ret, Err *err) NODISCARD;
/* ERR_VERIFY naming the first table that lost rows. */
bool invariants_hold(Database *db, const char *place, const json_t *before, Err *err) NODISCARD;
/* The same where users are at work again and may delete what is theirs: no table has lost more than
 * half of its rows. */
bool invariants_hold_by_half(
	Database *db, const char *place, const json_t *before, Err *err) NODISCARD;
