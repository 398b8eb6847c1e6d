#include "release/known_bad.h"

#include "base/i18n.h"
#include "base/text.h"
#include "release/version.h"

/* From runs, from the shipped wheels and from the project's own issues; the first row that fits is
 * the answer, so what refuses stands before what warns. */
static const KnownBad table[] = {
	{.first = "0.11.2",
		.last = "0.11.2",
		.refuse = true,
		.reason = N_(
			"it cannot migrate a database by itself (circular import in its "
			"migrations), so an older one that is restored would not start; 0.12.4 can")},
	{.first = "0.6.43",
		.last = "0.6.43",
		.refuse = true,
		.reason = N_("its extra 'all' asks for two versions of one package and cannot be "
			     "installed; 0.7.0 can")},
	{.first = "0.9.0",
		.last = "0.9.1",
		.only_postgres = true,
		.reason = N_("it does not start when the database URL asks for TLS (sslmode, ssl, "
			     "options); 0.9.2 does")},
	{.first = "0.9.6",
		.last = "0.10.1",
		.refuse = true,
		.from_before = "0.6.40",
		.reason = N_(
			"its migration b10670c03dd5 fails or damages user settings; 0.10.2 repairs "
			"it")},
	{.first = "0.8.0",
		.last = "0.8.5",
		.from_before = "0.8.0",
		.reason = N_(
			"it loads every chat into memory to migrate messages one by one: slow, and "
			"about 9 KB of memory a message; 0.8.9 and later work in batches")},
	{.first = "0.9.0",
		.last = "0.9.1",
		.only_sqlite = true,
		.reason = N_("pages were reported to stall on slow or network storage")},
};

static bool fits(const KnownBad *row, const char *version, const char *from, bool sqlite)
{
	if (version_compare(version, row->first) < 0 || version_compare(version, row->last) > 0)
		return false;
	if (row->only_postgres && sqlite)
		return false;
	if (row->only_sqlite && !sqlite)
		return false;
	/* An unknown source might be an old one. */
	return !row->from_before || !from || version_compare(from, row->from_before) < 0;
}

const KnownBad *known_bad_find(const char *version, const char *from, bool sqlite)
{
	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (fits(&table[i], version, from, sqlite))
			return &table[i];
	return NULL;
}
