#include "release/version.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

#define MAX_PARTS  6
#define MAX_LENGTH 64

/* The four parts in the order in which PEP 440 compares them. */
typedef struct Version {
	int release[MAX_PARTS];
	int parts;
	int phase; /* 0 a, 1 b, 2 rc; -1 only dev before everything; 3 none */
	int pre;
	int post; /* -1: none */
	int dev;  /* INT_MAX: none, so that 1.0.dev1 sorts before 1.0 */
} Version;

typedef struct Phase {
	const char *word;
	int phase;
} Phase;

static const Phase phases[] = {
	{"alpha", 0},
	{"beta", 1},
	{"rc", 2},
	{"c", 2},
	{"a", 0},
	{"b", 1},
};

static bool take_number(const char **at, int *ret)
{
	int value = 0, digits = 0;

	while (isdigit((unsigned char)**at) && digits < 9) {
		value = value * 10 + (**at - '0');
		(*at)++;
		digits++;
	}
	if (!digits || isdigit((unsigned char)**at))
		return false;
	*ret = value;
	return true;
}

/* A word after an optional separator; nothing is taken when it is not there. */
static bool take_word(const char **at, const char *word)
{
	const char *next = *at;

	if (*next == '.' || *next == '-' || *next == '_')
		next++;
	if (strncasecmp(next, word, strlen(word)) != 0)
		return false;
	next += strlen(word);
	if (isalpha((unsigned char)*next))
		return false;
	*at = next;
	return true;
}

static bool take_tail_number(const char **at, int *ret)
{
	if ((**at == '.' || **at == '-' || **at == '_') && isdigit((unsigned char)(*at)[1]))
		(*at)++;
	if (!isdigit((unsigned char)**at)) {
		*ret = 0;
		return true;
	}
	return take_number(at, ret);
}

static bool take_release(const char **at, Version *version)
{
	for (;;) {
		if (version->parts == MAX_PARTS ||
			!take_number(at, &version->release[version->parts]))
			return false;
		version->parts++;
		if (**at != '.' || !isdigit((unsigned char)(*at)[1]))
			return true;
		(*at)++;
	}
}

static bool parse(const char *text, Version *ret)
{
	Version version = {.phase = 3, .post = -1, .dev = INT_MAX};
	const char *at = text;

	if (strlen(text) > MAX_LENGTH)
		return false;
	if (*at == 'v' || *at == 'V')
		at++;
	if (!take_release(&at, &version))
		return false;
	for (size_t i = 0; i < COUNT_OF(phases); i++) {
		if (!take_word(&at, phases[i].word))
			continue;
		version.phase = phases[i].phase;
		if (!take_tail_number(&at, &version.pre))
			return false;
		break;
	}
	if (take_word(&at, "post") && !take_tail_number(&at, &version.post))
		return false;
	if (take_word(&at, "dev") && !take_tail_number(&at, &version.dev))
		return false;
	if (*at)
		return false;
	if (version.phase == 3 && version.post < 0 && version.dev != INT_MAX)
		version.phase = -1;
	*ret = version;
	return true;
}

static char *format(const Version *version)
{
	static const char *const words[] = {"a", "b", "rc"};
	AUTO(text_clear) Text out = TEXT_INIT(MAX_LENGTH * 2);

	for (int i = 0; i < version->parts; i++)
		text_addf(&out, "%s%d", i ? "." : "", version->release[i]);
	if (version->phase >= 0 && version->phase < 3)
		text_addf(&out, "%s%d", words[version->phase], version->pre);
	if (version->post >= 0)
		text_addf(&out, ".post%d", version->post);
	if (version->dev != INT_MAX)
		text_addf(&out, ".dev%d", version->dev);
	return text_take(&out);
}

bool version_normal(const char *text, char **ret, Err *err)
{
	Version version;

	if (!text || !parse(text, &version)) {
		err_fail(err, ERR_USAGE, "'%s' is not a version number", text ? text : "");
		return err_hint(err, "write it like 0.8.0, or leave it out for the newest one");
	}
	*ret = format(&version);
	return true;
}

static int compare_int(int a, int b)
{
	return (a > b) - (a < b);
}

int version_compare(const char *a, const char *b)
{
	Version x, y;
	int order = 0;

	/* Not canonical: a stable order is all that can be given. */
	if (!parse(a, &x) || !parse(b, &y))
		return strcmp(a, b);
	for (int i = 0; i < MAX_PARTS && !order; i++)
		order = compare_int(x.release[i], y.release[i]);
	if (!order)
		order = compare_int(x.phase, y.phase);
	if (!order)
		order = compare_int(x.pre, y.pre);
	if (!order)
		order = compare_int(x.post, y.post);
	return order ? order : compare_int(x.dev, y.dev);
}

bool version_is_prerelease(const char *version)
{
	Version parsed;

	return parse(version, &parsed) && (parsed.phase != 3 || parsed.dev != INT_MAX);
}
