#include "database/invariants.h"

#include <string.h>

#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"

#define BACKFILL "8452d01d26d7"

/* Shared chats are rows of their own in `chat` until c1d2e3f4a5b6 (0.9.0) moves them away. */
static const struct {
	const char *table, *where;
} never_fewer[] = {
	{"user", NULL},
	{"auth", NULL},
	{"chat", "user_id NOT LIKE 'shared-%'"},
	{"file", NULL},
	{"folder", NULL},
	{"knowledge", NULL},
	{"note", NULL},
	{"channel", NULL},
	{"message", NULL},
	{"memory", NULL},
	{"feedback", NULL},
	{"model", NULL},
	{"prompt", NULL},
	{"tool", NULL},
	{"function", NULL},
	{"group", NULL},
};

/* The backfill's own filter (Open WebUI 0.8.0 to 0.12.4): chats that are not shared, messages that
 * are objects with a role. Chats whose JSON was stored as a string are decoded once, as it does. */
static const char messages_postgres[] =
	"SELECT count(*) FROM (SELECT CASE WHEN json_typeof(chat::json) = 'string'"
	" THEN (chat::json #>> '{}')::json ELSE chat::json END AS j FROM chat"
	" WHERE user_id NOT LIKE 'shared-%' AND chat IS NOT NULL) c,"
	" json_each(CASE WHEN json_typeof(c.j->'history'->'messages') = 'object'"
	" THEN c.j->'history'->'messages' ELSE '{}'::json END) m"
	" WHERE json_typeof(m.value) = 'object' AND coalesce(m.value->>'role', '') <> ''";
static const char messages_sqlite[] =
	"SELECT count(*) FROM (SELECT CASE WHEN NOT json_valid(chat) THEN '{}'"
	" WHEN json_type(chat) = 'text' AND json_valid(json_extract(chat, '$'))"
	" THEN json_extract(chat, '$') ELSE chat END AS j FROM chat"
	" WHERE user_id NOT LIKE 'shared-%' AND chat IS NOT NULL) c,"
	" json_each(CASE WHEN json_type(c.j, '$.history.messages') = 'object'"
	" THEN json_extract(c.j, '$.history.messages') ELSE '{}' END) m"
	" WHERE m.type = 'object' AND coalesce(json_extract(m.value, '$.role'), '') <> ''";

static bool ask_number(Database *db, const char *place, const char *query, int64_t *ret, Err *err)
{
	AUTO(free_auto) char *value = NULL;

	if (!database_ask(db, place, query, &value, err))
		return false;
	*ret = value ? strtoll(value, NULL, 10) : 0;
	return true;
}

static bool count_table(Database *db, const char *place, size_t row, int64_t *ret, Err *err)
{
	AUTO(free_auto)
	char *query = str_format("SELECT count(*) FROM \"%s\"%s%s", never_fewer[row].table,
		never_fewer[row].where ? " WHERE " : "",
		never_fewer[row].where ? never_fewer[row].where : "");

	return ask_number(db, place, query, ret, err);
}

static bool crosses_backfill(const Migrations *target, const char *revision)
{
	AUTO(strlist_clear) StrList ahead = {0};

	return migrations_after(target, revision, &ahead) && strlist_has(&ahead, BACKFILL);
}

/* Chats of odd shape can make the question itself fail; then it is not asked afterwards either. */
static void measure_messages(Database *db, const char *place, json_t *figures)
{
	AUTO(err_clear) Err err = {0};
	int64_t messages;

	if (ask_number(db, place, database_is_sqlite(db) ? messages_sqlite : messages_postgres,
		    &messages, &err))
		json_put_int(figures, "messages", messages);
	else
		event_warn_err("messages-not-counted", &err);
}

bool invariants_measure(Database *db, const char *place, const Migrations *target,
	const char *revision, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *tables = NULL;
	AUTO(json_release_auto) json_t *figures = json_object();

	if (!database_counts(db, place, &tables, err))
		return err_wrap(err, "counting rows before the migration");
	for (size_t i = 0; i < COUNT_OF(never_fewer); i++) {
		int64_t rows;

		if (!json_object_get(tables, never_fewer[i].table))
			continue;
		if (!count_table(db, place, i, &rows, err))
			return err_wrap(err, "counting rows before the migration");
		json_put_int(figures, never_fewer[i].table, rows);
	}
	if (crosses_backfill(target, revision))
		measure_messages(db, place, figures);
	*ret = TAKE(figures);
	return true;
}

static bool messages_hold(Database *db, const char *place, int64_t expected, Err *err)
{
	int64_t found;

	if (!ask_number(db, place, "SELECT count(*) FROM chat_message", &found, err))
		return err_wrap(err, "counting the messages after the migration");
	if (found == expected)
		return true;
	return err_fail(err, ERR_VERIFY,
		"the migration moved %lld of %lld messages into 'chat_message'", (long long)found,
		(long long)expected);
}

bool invariants_hold_by_half(Database *db, const char *place, const json_t *before, Err *err)
{
	for (size_t i = 0; i < COUNT_OF(never_fewer); i++) {
		int64_t was = json_int(before, never_fewer[i].table, 0);
		int64_t now;

		if (was <= 0)
			continue;
		if (!count_table(db, place, i, &now, err))
			return err_wrap(err, "counting rows after the start");
		if (now * 2 < was)
			return err_fail(err, ERR_VERIFY,
				"table '%s' has %lld rows after the start and had %lld before",
				never_fewer[i].table, (long long)now, (long long)was);
	}
	return true;
}

bool invariants_hold(Database *db, const char *place, const json_t *before, Err *err)
{
	for (size_t i = 0; i < COUNT_OF(never_fewer); i++) {
		int64_t was = json_int(before, never_fewer[i].table, -1);
		int64_t now;

		if (was < 0)
			continue;
		if (!count_table(db, place, i, &now, err))
			return err_wrap(err, "counting rows after the migration");
		if (now < was)
			return err_fail(err, ERR_VERIFY,
				"rows in table '%s': %lld after the migration, %lld before",
				never_fewer[i].table, (long long)now, (long long)was);
	}
	if (!json_object_get(before, "messages"))
		return true;
	return messages_hold(db, place, json_int(before, "messages", 0), err);
}
