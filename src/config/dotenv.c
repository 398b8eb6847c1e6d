/* The grammar of python-dotenv 1.x, character by character, since site values depend on its corner
 * cases: '#' after a blank only, escapes only in quotes, a bad line skipped as a whole. */
#include "config/webui_env.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define VALUE_MAX     (64 * 1024)
#define VARIABLES_MAX 4096

typedef struct Reader {
	const char *at;
} Reader;

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r' || c == '\0';
}

static void skip_blanks(Reader *reader)
{
	while (is_blank(*reader->at))
		reader->at++;
}

static void skip_line(Reader *reader)
{
	while (!is_line_end(*reader->at))
		reader->at++;
}

static void skip_export(Reader *reader)
{
	if (str_starts(reader->at, "export") && is_blank(reader->at[6])) {
		reader->at += 6;
		skip_blanks(reader);
	}
}

/* NULL for a line that is no binding. */
static char *read_name(Reader *reader)
{
	const char *start = reader->at;

	if (*start == '\'') {
		const char *end = strchr(start + 1, '\'');

		if (!end || end == start + 1)
			return NULL;
		reader->at = end + 1;
		return str_dup_n(start + 1, (size_t)(end - start - 1));
	}
	while (*reader->at && !strchr("=#", *reader->at) && !isspace((unsigned char)*reader->at))
		reader->at++;
	return reader->at > start ? str_dup_n(start, (size_t)(reader->at - start)) : NULL;
}

static char unescape(char c)
{
	static const char from[] = "abfnrtv";
	static const char to[] = "\a\b\f\n\r\t\v";
	const char *found = strchr(from, c);

	return found && c ? to[found - from] : c;
}

/* In single quotes only \\ and \' are escapes, in double quotes those of C. NULL: never closed. */
static char *read_quoted(Reader *reader, char quote)
{
	const char *known = quote == '"' ? "\\'\"abfnrtv" : "\\'";
	AUTO(text_clear) Text value = TEXT_INIT(VALUE_MAX);
	const char *c = reader->at + 1;

	for (; *c && *c != quote; c++) {
		if (*c == '\\' && c[1]) {
			char plain = quote == '"' ? unescape(c[1]) : c[1];

			if (strchr(known, c[1]))
				text_add_bytes(&value, &plain, 1);
			else
				text_add_bytes(&value, c, 2);
			c++;
			continue;
		}
		text_add_bytes(&value, c, 1);
	}
	if (*c != quote)
		return NULL;
	reader->at = c + 1;
	return text_take(&value);
}

static char *read_unquoted(Reader *reader)
{
	const char *start = reader->at;
	size_t len;

	skip_line(reader);
	len = (size_t)(reader->at - start);
	for (size_t i = 1; i < len; i++) {
		if (start[i] == '#' && is_blank(start[i - 1])) {
			len = i;
			break;
		}
	}
	while (len && is_blank(start[len - 1]))
		len--;
	return str_dup_n(start, len);
}

/* *ret_value stays NULL for a name without '='. false: not a binding. */
static bool read_binding(Reader *reader, char **ret_name, char **ret_value)
{
	AUTO(free_auto) char *name = NULL;
	AUTO(free_auto) char *value = NULL;

	skip_export(reader);
	name = read_name(reader);
	if (!name)
		return false;
	skip_blanks(reader);
	if (*reader->at == '=') {
		const char *equals = reader->at++;

		skip_blanks(reader);
		if (reader->at > equals + 1 && *reader->at == '#')
			value = str_dup("");
		else if (*reader->at == '\'' || *reader->at == '"')
			value = read_quoted(reader, *reader->at);
		else
			value = read_unquoted(reader);
		if (!value)
			return false;
	}
	skip_blanks(reader);
	if (*reader->at == '#')
		skip_line(reader);
	if (!is_line_end(*reader->at))
		return false;
	*ret_name = TAKE(name);
	*ret_value = TAKE(value);
	return true;
}

/* ${NAME} and ${NAME:-default}: the process environment wins over earlier lines of the file. */
static char *expand(const char *value, const StrList *env, const StrList *earlier)
{
	AUTO(text_clear) Text out = TEXT_INIT(VALUE_MAX);

	for (const char *c = value; *c;) {
		const char *close = c[0] == '$' && c[1] == '{' ? strchr(c + 2, '}') : NULL;
		size_t len = close ? strcspn(c + 2, "}:") : 0;
		const char *after = c + 2 + len;
		bool fallback = close && after[0] == ':' && after[1] == '-';

		if (!close || (after != close && !fallback)) {
			text_add_bytes(&out, c++, 1);
			continue;
		}
		AUTO(free_auto) char *name = str_dup_n(c + 2, len);
		const char *known = env_get(env, name);
		if (!known)
			known = env_get(earlier, name);
		if (known)
			text_add(&out, known);
		else if (fallback)
			text_add_bytes(&out, after + 2, (size_t)(close - after - 2));
		c = close + 1;
	}
	return text_take(&out);
}

bool dotenv_parse(const char *text, const StrList *env, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList found = {0};
	Reader reader = {.at = str_starts(text, "\xef\xbb\xbf") ? text + 3 : text};

	while (*reader.at) {
		AUTO(free_auto) char *name = NULL;
		AUTO(free_auto) char *value = NULL;

		if (isspace((unsigned char)*reader.at)) {
			reader.at++;
			continue;
		}
		if (!read_binding(&reader, &name, &value)) {
			skip_line(&reader);
			continue;
		}
		if (!value)
			continue;
		if (found.len >= VARIABLES_MAX)
			return err_fail(err, ERR_CONFIG,
				"more than %d variables in an environment file", VARIABLES_MAX);
		AUTO(free_auto) char *expanded = expand(value, env, &found);
		env_set(&found, name, expanded);
	}
	for (size_t i = 0; i < found.len; i++)
		strlist_add(ret, found.items[i]);
	return true;
}
