/* export_lines.h - sinks for database_export_since(): {"table": [line, …]}. */
#pragma once
#include "base/json.h"
#include "base/text.h"
#include "database/export.h"
#include "unit.h"

UNUSED static bool take_line(void *arg, const char *table, const char *line, Err *err)
{
	json_t *lines = json_object_get(arg, table);
	json_t *value = NULL;

	assert_null(strchr(line, '\n'));
	assert_done(json_parse(line, strlen(line), 1 << 20, &value, err), err);
	if (!lines) {
		lines = json_array();
		json_object_set_new(arg, table, lines);
	}
	return json_array_append_new(lines, value) == 0;
}

UNUSED static bool refuse_line(
	void *arg UNUSED, const char *table UNUSED, const char *line UNUSED, Err *err)
{
	return err_fail(err, ERR_NO_SPACE, "the disk is full");
}

/* All lines of a table in order, the last argument NULL. */
UNUSED static void assert_lines(const json_t *all, const char *table, ...)
{
	const json_t *lines = json_object_get(all, table);
	const char *wanted;
	size_t count = 0;
	va_list args;

	va_start(args, table);
	while ((wanted = va_arg(args, const char *))) {
		char *line = json_line(json_array_get(lines, count++));

		assert_string_equal(line, wanted);
		free(line);
	}
	va_end(args);
	assert_int_equal(json_array_size(lines), count);
}
