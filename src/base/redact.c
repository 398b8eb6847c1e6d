#include "base/redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"

#define MASK          "***"
#define SHORTEST      4
#define SHORTEST_PART 8 /* of a list "a;b": shorter parts are more likely ordinary words */

/* Longest first: of two secrets that begin alike, the longer one must win or its rest shows. */
static StrList secrets;

static int longer_first(const void *a, const void *b)
{
	size_t a_len = strlen(*(char *const *)a);
	size_t b_len = strlen(*(char *const *)b);

	return a_len < b_len ? 1 : a_len > b_len ? -1 : 0;
}

static bool is_ordinary_word(const char *value)
{
	static const char *const words[] = {"true", "false", "none", "null", "default"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasecmp(value, words[i]) == 0)
			return true;
	}
	return false;
}

static void learn(const char *value)
{
	if (strlen(value) < SHORTEST || is_ordinary_word(value) || strlist_has(&secrets, value))
		return;
	strlist_add(&secrets, value);
	qsort(secrets.items, secrets.len, sizeof(*secrets.items), longer_first);
}

static char *percent_encoded(const char *value, const char *kept, bool upper)
{
	Text out = TEXT_INIT(strlen(value) * 3);

	for (const char *c = value; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr(kept, *c))
			text_add_bytes(&out, c, 1);
		else if (upper)
			text_addf(&out, "%%%02X", (unsigned char)*c);
		else
			text_addf(&out, "%%%02x", (unsigned char)*c);
	}
	return text_take(&out);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decoded(const char *value)
{
	char *decoded = str_dup(value);
	char *end = decoded;

	for (const char *c = value; *c; c++) {
		int high = *c == '%' ? hex_value(c[1]) : -1;
		int low = high >= 0 ? hex_value(c[2]) : -1;

		if (low >= 0 && high * 16 + low != 0) {
			*end++ = (char)(high * 16 + low);
			c += 2;
		} else {
			*end++ = *c;
		}
	}
	*end = '\0';
	return decoded;
}

/* As it is, as Python's quote_plus() and as its quote() (which keeps the slash) write it, and as
 * libpq is happy to read it. */
static void learn_all_forms(const char *value)
{
	AUTO(free_auto) char *strict = percent_encoded(value, "-._~", true);
	AUTO(free_auto) char *lower = percent_encoded(value, "-._~", false);
	AUTO(free_auto) char *slash = percent_encoded(value, "-._~/", true);
	AUTO(free_auto) char *decoded = percent_decoded(value);

	learn(value);
	learn(strict);
	learn(lower);
	learn(slash);
	learn(decoded);
}

/* The password of "scheme://user:password@host", as offset and length. The last '@' ends it: people
 * do write '@', '/' and '?' into passwords, and masking too much is the smaller harm. */
static bool find_password(const char *url, size_t *ret_at, size_t *ret_len)
{
	const char *begin = strstr(url, "://");
	const char *end = begin ? strrchr(begin + 3, '@') : NULL;
	const char *colon = end ? memchr(begin + 3, ':', (size_t)(end - begin - 3)) : NULL;

	if (!colon)
		return false;
	*ret_at = (size_t)(colon + 1 - url);
	*ret_len = (size_t)(end - colon - 1);
	return true;
}

void redact_add(const char *secret)
{
	AUTO(strlist_clear) StrList parts = {0};
	size_t at, len;

	if (str_empty(secret))
		return;
	if (strstr(secret, "://")) {
		if (find_password(secret, &at, &len)) {
			AUTO(free_auto) char *password = str_dup_n(secret + at, len);

			learn_all_forms(password);
		}
		return;
	}
	learn_all_forms(secret);
	strlist_split(&parts, secret, ";");
	for (size_t i = 0; parts.len > 1 && i < parts.len; i++) {
		if (strlen(parts.items[i]) >= SHORTEST_PART)
			learn_all_forms(parts.items[i]);
	}
}

static size_t secret_at(const char *text)
{
	for (size_t i = 0; i < secrets.len; i++) {
		if (str_starts(text, secrets.items[i]))
			return strlen(secrets.items[i]);
	}
	return 0;
}

char *redact(const char *text)
{
	Text out = TEXT_INIT((size_t)-1);

	if (!text || secrets.len == 0)
		return str_dup(text);
	while (*text) {
		size_t hidden = secret_at(text);

		if (hidden)
			text_add(&out, MASK);
		else
			text_add_bytes(&out, text, 1);
		text += hidden ? hidden : 1;
	}
	return text_take(&out);
}

char *redact_url(const char *url)
{
	AUTO(free_auto) char *shown = NULL;
	size_t at, len;

	if (!url)
		return NULL;
	if (find_password(url, &at, &len))
		shown = str_format("%.*s" MASK "%s", (int)at, url, url + at + len);
	else
		shown = str_dup(url);
	return redact(shown);
}

int redact_name_is_secret(const char *name)
{
	static const char *const last_words[] = {"KEY", "KEYS", "APIKEY", "PASSWORD", "PASSWD",
		"PASS", "SECRET", "SECRETS", "TOKEN", "CREDENTIALS", "PASSPHRASE", "URL", "URLS",
		"URI", "DSN"};
	const char *word = strrchr(name, '_');

	if (strncasecmp(name, "ENABLE_", 7) == 0)
		return 0;
	word = word ? word + 1 : name;
	for (size_t i = 0; i < COUNT_OF(last_words); i++) {
		if (strcasecmp(word, last_words[i]) == 0)
			return 1;
	}
	return strcasestr(name, "PASSWORD") || strcasestr(name, "SECRET");
}

void redact_forget(void)
{
	strlist_clear(&secrets);
}
