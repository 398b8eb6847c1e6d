#include "compose/woven.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { DEPTH_MAX = 8, LENGTH_MAX = 4096 };

typedef struct Loom {
	const char *text; /* the whole one, for messages */
	int source;
	size_t at; /* of text[0] */
	const EnvFile *env;
	Woven *out;
} Loom;

static void add(Woven *woven, char byte, Origin origin)
{
	if (woven->len >= LENGTH_MAX)
		return;
	woven->text = mem_resize(woven->text, woven->len + 2, 1);
	woven->origins = mem_resize(woven->origins, woven->len + 1, sizeof(Origin));
	woven->text[woven->len] = byte;
	woven->text[woven->len + 1] = '\0';
	woven->origins[woven->len++] = origin;
}

static void add_value(Loom *loom, const EnvValue *value)
{
	for (size_t i = 0; value->value[i]; i++)
		add(loom->out, value->value[i],
			(Origin){value->verbatim ? SOURCE_ENV : SOURCE_NONE, value->at + i,
				value->name});
}

static bool weave_range(Loom *loom, const char *from, const char *end, int depth, Err *err);

static size_t name_length(const char *text)
{
	size_t len = 0;

	if (isalpha((unsigned char)text[0]) || text[0] == '_')
		while (isalnum((unsigned char)text[len]) || text[len] == '_')
			len++;
	return len;
}

/* The brace that closes the one before `text`. */
static const char *closing(const char *text, const char *end)
{
	int open = 1;

	for (; text < end; text++) {
		if (text[0] == '$' && text + 1 < end && text[1] == '{')
			open++;
		if (text[0] == '}' && --open == 0)
			return text;
	}
	return NULL;
}

static bool not_known(const Loom *loom, Err *err)
{
	return err_fail(err, ERR_REFUSED, "'%.200s' has a variable in a form that is not known",
		loom->text);
}

/* Between "${" and "}". */
static bool weave_braces(Loom *loom, const char *from, const char *end, int depth, Err *err)
{
	const size_t len = name_length(from);
	AUTO(free_auto) char *name = str_dup_n(from, len);
	const EnvValue *value = env_file_get(loom->env, name);
	const char *rest = from + len;
	const bool colon = rest < end && *rest == ':';
	const bool set = value && (!colon || *value->value);

	if (!len || depth >= DEPTH_MAX)
		return not_known(loom, err);
	if (rest == end) {
		if (value)
			add_value(loom, value);
		return true;
	}
	rest += colon;
	if (rest >= end || !strchr("-?+", *rest))
		return not_known(loom, err);
	if (*rest == '+')
		return !set || weave_range(loom, rest + 1, end, depth + 1, err);
	if (set) {
		add_value(loom, value);
		return true;
	}
	if (*rest == '-')
		return weave_range(loom, rest + 1, end, depth + 1, err);
	return err_fail(err, ERR_REFUSED, "the variable '%s' of '%.200s' is not set in '.env'",
		name, loom->text);
}

static bool weave_variable(Loom *loom, const char **at, const char *end, int depth, Err *err)
{
	const char *from = *at + 1;
	const char *close;
	size_t len;

	if (from < end && *from == '$') {
		add(loom->out, '$', (Origin){SOURCE_NONE, 0, NULL});
		*at = from + 1;
		return true;
	}
	if (from < end && *from == '{') {
		close = closing(from + 1, end);
		if (!close)
			return not_known(loom, err);
		*at = close + 1;
		return weave_braces(loom, from + 1, close, depth, err);
	}
	len = name_length(from);
	if (!len || from + len > end)
		return not_known(loom, err);
	*at = from + len;
	return weave_braces(loom, from, from + len, depth, err);
}

static bool weave_range(Loom *loom, const char *from, const char *end, int depth, Err *err)
{
	for (const char *c = from; c < end;) {
		if (*c == '$') {
			if (!weave_variable(loom, &c, end, depth, err))
				return false;
			continue;
		}
		add(loom->out, *c,
			(Origin){loom->source, loom->at + (size_t)(c - loom->text), NULL});
		c++;
	}
	return true;
}

bool weave(const char *text, int source, size_t at, const EnvFile *env, Woven *ret, Err *err)
{
	Loom loom = {.text = text, .source = source, .at = at, .env = env, .out = ret};

	*ret = (Woven){0};
	if (!weave_range(&loom, text, text + strlen(text), 0, err)) {
		woven_clear(ret);
		return false;
	}
	if (!ret->text)
		ret->text = str_dup("");
	return true;
}

void woven_clear(Woven *woven)
{
	free(woven->text);
	free(woven->origins);
	*woven = (Woven){0};
}
