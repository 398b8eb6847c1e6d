#include "backup/prove_compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "database/elsewhere.h"

/* Of one kind; the rest is counted. A dump that is another database differs in everything. */
#define NAMED_MAX 3

void proof_found(ProofReport *report, const char *slug, Err *why)
{
	strlist_add(&report->slugs, slug);
	strlist_add(&report->texts, why->text);
	strlist_add(&report->findings, why->local ? why->local : why->text);
	err_clear(why);
}

#define FOUND(report, slug, ...)                                                                   \
	do {                                                                                       \
		Err why = {0};                                                                     \
		err_fail(&why, ERR_VERIFY, __VA_ARGS__);                                           \
		proof_found((report), (slug), &why);                                               \
	} while (0)

/* ---- tables ---- */

static void compare_table(
	const char *table, const json_t *was, const json_t *is, ProofReport *report)
{
	const long long then = json_int(was, "rows", 0), now = json_int(is, "rows", 0);

	if (!is)
		FOUND(report, "missing-table", "table '%s' is not in the restored database", table);
	else if (!was)
		FOUND(report, "extra-table", "table '%s' was not there when the set was made",
			table);
	else if (then != now)
		FOUND(report, "rows", "rows in table '%s': %lld instead of %lld", table, now, then);
	else if (!str_is(json_str(was, "digest"), json_str(is, "digest")))
		FOUND(report, "content",
			"the content of table '%s' is not what was backed up: its digest differs",
			table);
}

static void compare_tables(const json_t *was, const json_t *is, ProofReport *report)
{
	const char *table;
	json_t *one;

	json_object_foreach((json_t *)was, table, one)
		compare_table(table, one, json_object_get(is, table), report);
	json_object_foreach((json_t *)is, table, one) if (!json_object_get(was, table))
		compare_table(table, NULL, one, report);
}

/* ---- shape ---- */

static bool has_text(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (str_is(json_string_value(item), text)) return true;
	return false;
}

static void compare_list(const char *name, const json_t *was, const json_t *is, ProofReport *report)
{
	const json_t *item;
	size_t i, named = 0;

	if (json_equal(was, is) || (!was && !is))
		return;
	json_array_foreach(was, i, item)
	{
		const char *text = json_string_value(item);

		if (text && !has_text(is, text) && named++ < NAMED_MAX)
			FOUND(report, name, "%s: '%s' is not in the restored database", name, text);
	}
	json_array_foreach(is, i, item)
	{
		const char *text = json_string_value(item);

		if (text && !has_text(was, text) && named++ < NAMED_MAX)
			FOUND(report, name, "%s: '%s' was not there when the set was made", name,
				text);
	}
	if (named == 0 || named > NAMED_MAX)
		FOUND(report, name, "%s: the restored database has other ones than were backed up",
			name);
}

static bool between(const char *value, const char *one, const char *other)
{
	const long long now = strtoll(value, NULL, 10), a = strtoll(one, NULL, 10),
			b = strtoll(other, NULL, 10);

	return (now >= a && now <= b) || (now >= b && now <= a);
}

/* A sequence knows no snapshot: users may have taken values while the dump was made. */
static void compare_sequences(const json_t *about, const json_t *is, ProofReport *report)
{
	json_t *was = json_object_get(json_object_get(about, "shape"), "sequences");
	const json_t *after = json_object_get(about, "sequences_after");
	const char *name;
	json_t *one;

	json_object_foreach(was, name, one)
	{
		const char *first = json_string_value(one), *last = json_str(after, name);
		const char *now = json_str(is, name);

		if (!now || !first || !between(now, first, last ? last : first))
			FOUND(report, "sequences", "sequence '%s' gives %s next instead of %s",
				name, now ? now : "-", first ? first : "-");
	}
}

/* Only a superuser can give objects to others; for everyone else they become his own. So the list
 * of owners says something if they all were one role's, or the restore kept them. */
static bool owners_tell(const json_t *was, const json_t *is)
{
	const char *owner = NULL;
	const json_t *item;
	size_t i;

	if (json_equal(was, is))
		return true;
	json_array_foreach(was, i, item)
	{
		const char *text = json_string_value(item);
		const char *role = text ? strrchr(text, ' ') : NULL;

		if (!role || (owner && !str_is(owner, role)))
			return false;
		owner = role;
	}
	return true;
}

static void compare_owners(const json_t *was, const json_t *is, ProofReport *report)
{
	const char *owner = json_str(was, "owner");

	if (owners_tell(json_object_get(was, "owners"), json_object_get(is, "owners")))
		compare_list("owners", json_object_get(was, "owners"),
			json_object_get(is, "owners"), report);
	if (!str_is(owner, json_str(is, "owner")))
		FOUND(report, "owner", "the database belongs to '%s' instead of '%s'",
			json_str(is, "owner") ? json_str(is, "owner") : "", owner ? owner : "");
}

static void compare_shape(const json_t *about, const json_t *is, ProofReport *report)
{
	static const char *const lists[] = {
		"revision", "columns", "indexes", "constraints", "triggers", "extensions"};
	const json_t *was = json_object_get(about, "shape");

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		compare_list(lists[i], json_object_get(was, lists[i]),
			json_object_get(is, lists[i]), report);
	if (!str_is(json_str(was, "foreign_key_violations"),
		    json_str(is, "foreign_key_violations")))
		FOUND(report, "foreign-keys",
			"rows that refer to rows which do not exist: %s; when the set was made: %s",
			json_str(is, "foreign_key_violations"),
			json_str(was, "foreign_key_violations"));
	compare_sequences(about, json_object_get(is, "sequences"), report);
}

bool proof_compare(
	Database *db, const char *scratch, const json_t *about, ProofReport *report, Err *err)
{
	AUTO(json_release_auto) json_t *tables = NULL;
	AUTO(json_release_auto) json_t *shape = NULL;

	if (!database_digests(db, scratch, &tables, err) ||
		!database_shape(db, scratch, &shape, err))
		return false;
	if (!json_is_object(json_object_get(about, "tables")) ||
		!json_is_object(json_object_get(about, "shape")))
		FOUND(report, "no-figures",
			"the manifest has no figures to compare the restored database with");
	else {
		compare_tables(json_object_get(about, "tables"), tables, report);
		compare_shape(about, shape, report);
		/* Other roles own everything there. */
		if (!database_is_elsewhere(db))
			compare_owners(json_object_get(about, "shape"), shape, report);
	}
	return true;
}
