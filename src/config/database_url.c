#include "config/database_url.h"

#include <ctype.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"

#define URL_MAX       8192
#define POSTGRES_PORT 5432

/* Parameters of a SQLAlchemy query string that libpq takes under the same name. */
static const char *const libpq_words[] = {
	"sslmode",
	"sslrootcert",
	"sslcert",
	"sslkey",
	"sslpassword",
	"sslcrl",
	"sslcrldir",
	"sslsni",
	"ssl_min_protocol_version",
	"ssl_max_protocol_version",
	"gssencmode",
	"krbsrvname",
	"channel_binding",
	"connect_timeout",
	"options",
	"application_name",
	"client_encoding",
	"keepalives",
	"keepalives_idle",
	"keepalives_interval",
	"keepalives_count",
	"tcp_user_timeout",
	"target_session_attrs",
	"passfile",
	"service",
	"host",
	"hostaddr",
	"port",
	"user",
	"password",
	"dbname",
	NULL,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As Python's unquote: what is no escape stays as it is. `plus` reads '+' as a blank (query). */
static char *percent_decode(const char *text, size_t len, bool plus)
{
	char *decoded = mem_new(len + 1, 1);
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		if (low >= 0 && (high || low)) {
			decoded[at++] = (char)(high * 16 + low);
			i += 2;
		} else {
			decoded[at++] = plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	return decoded;
}

static char *percent_encode(const char *text)
{
	AUTO(text_clear) Text out = TEXT_INIT(3 * URL_MAX);

	for (const char *c = text; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("-._~", *c))
			text_add_bytes(&out, c, 1);
		else
			text_addf(&out, "%%%02X", (unsigned char)*c);
	}
	return text_take(&out);
}

/* Which databases Open WebUI can be on is wider than what can be upgraded safely. */
static bool judge_scheme(DatabaseUrl *url, Err *err)
{
	const char *plus = strchr(url->scheme, '+');
	size_t len = plus ? (size_t)(plus - url->scheme) : strlen(url->scheme);

	if (str_starts(url->scheme, "sqlite+sqlcipher"))
		return err_fail(err, ERR_REFUSED,
			"the database is encrypted by SQLCipher ('%s'), which belay cannot copy or verify",
			url->scheme);
	if ((len == 8 && strncmp(url->scheme, "postgres", 8) == 0) ||
		(len == 10 && strncmp(url->scheme, "postgresql", 10) == 0)) {
		url->kind = DATABASE_POSTGRES;
		return true;
	}
	if (len == 6 && strncmp(url->scheme, "sqlite", 6) == 0) {
		url->kind = DATABASE_SQLITE;
		return true;
	}
	err_fail(err, ERR_REFUSED, "databases of the kind '%s' are not handled", url->scheme);
	return err_hint(err, "belay upgrades Open WebUI on PostgreSQL and on SQLite");
}

static bool parse_sqlite(const char *rest, const char *start_directory, DatabaseUrl *url, Err *err)
{
	const char *question = strchr(rest, '?');
	AUTO(free_auto)
	char *path = question ? str_dup_n(rest, (size_t)(question - rest)) : str_dup(rest);

	/* sqlite:///relative has one slash after the empty host, sqlite:////absolute two. */
	if (path[0] != '/')
		return err_fail(
			err, ERR_CONFIG, "'%s' names no SQLite file", *path ? path : url->scheme);
	if (!path[1] || str_is(path, "/:memory:") || str_starts(path, "/file:"))
		return err_fail(err, ERR_CONFIG,
			"the SQLite database is not an ordinary file: '%s'", path + 1);
	if (path[1] == '/')
		url->name = str_dup(path + 1);
	else
		url->name = path_join(start_directory ? start_directory : "/", path + 1);
	url->query = question ? str_dup(question + 1) : NULL;
	return true;
}

/* The text is not shown: in a URL with a stray ':' or '@' it may be a piece of the password. */
static bool parse_port(const char *text, size_t len, int *ret, Err *err)
{
	int port = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]) || port > 65535)
			return err_fail(err, ERR_CONFIG, "the database URL has no usable port");
		port = port * 10 + (text[i] - '0');
	}
	if (len && (port < 1 || port > 65535))
		return err_fail(err, ERR_CONFIG, "the database URL has no usable port");
	*ret = len ? port : POSTGRES_PORT;
	return true;
}

/* USER[:PASSWORD]@ ends at the first '@' after the password, as SQLAlchemy reads it; the password
 * may hold a '/'. Returns where the host begins. */
static const char *parse_credentials(const char *rest, DatabaseUrl *url)
{
	size_t user_len = strcspn(rest, ":/@");
	const char *after = rest + user_len;

	if (*after == '@') {
		url->user = percent_decode(rest, user_len, false);
		return after + 1;
	}
	if (*after != ':')
		return rest;
	const char *at = strchr(after, '@');
	if (!at)
		return rest;
	url->user = percent_decode(rest, user_len, false);
	url->password = percent_decode(after + 1, (size_t)(at - after - 1), false);
	return at + 1;
}

static bool parse_host(const char **rest, DatabaseUrl *url, Err *err)
{
	const char *host = *rest;
	size_t len;

	if (*host == '[') {
		const char *end = strchr(host, ']');

		if (!end)
			return err_fail(err, ERR_CONFIG, "the database URL has '[' without ']'");
		url->host = str_dup_n(host + 1, (size_t)(end - host - 1));
		*rest = end + 1;
	} else {
		len = strcspn(host, "/:?");
		url->host = len ? str_dup_n(host, len) : NULL;
		*rest = host + len;
	}
	url->port = POSTGRES_PORT;
	if (**rest != ':')
		return true;
	len = strcspn(*rest + 1, "/?");
	if (!parse_port(*rest + 1, len, &url->port, err))
		return false;
	*rest += len + 1;
	return true;
}

static bool parse_postgres(const char *rest, DatabaseUrl *url, Err *err)
{
	rest = parse_credentials(rest, url);
	if (!parse_host(&rest, url, err))
		return false;
	/* SQLAlchemy takes the database name as written: a '%20' in it is part of the name. */
	if (*rest == '/') {
		size_t len = strcspn(rest + 1, "?");

		url->name = len ? str_dup_n(rest + 1, len) : NULL;
		rest += len + 1;
	}
	if (*rest == '?')
		url->query = str_dup(rest + 1);
	if (!url->name)
		return err_fail(err, ERR_CONFIG, "the database URL names no database");
	return true;
}

bool database_url_parse(const char *text, const char *start_directory, DatabaseUrl *ret, Err *err)
{
	AUTO(database_url_clear) DatabaseUrl url = {0};
	const char *colon = text ? strstr(text, "://") : NULL;
	AUTO(free_auto) char *masked = redact_url(text ? text : "");
	bool done;

	if (!colon || colon == text || strlen(text) > URL_MAX) {
		err_fail(err, ERR_CONFIG, "'%.200s' is not a database URL", masked);
		return err_hint(err, "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE or "
				     "sqlite:////PATH/webui.db");
	}
	url.scheme = str_dup_n(text, (size_t)(colon - text));
	if (!judge_scheme(&url, err))
		return false;
	done = url.kind == DATABASE_SQLITE ? parse_sqlite(colon + 3, start_directory, &url, err)
					   : parse_postgres(colon + 3, &url, err);
	if (!done)
		return false;
	redact_add(url.password);
	*ret = url;
	url = (DatabaseUrl){0};
	return true;
}

void database_url_clear(DatabaseUrl *url)
{
	free(url->scheme);
	free(url->user);
	free(url->password);
	free(url->host);
	free(url->name);
	free(url->query);
	*url = (DatabaseUrl){0};
}

static void add_credentials(Text *out, const DatabaseUrl *url, bool masked)
{
	AUTO(free_auto) char *user = url->user ? percent_encode(url->user) : NULL;
	AUTO(free_auto) char *password = url->password ? percent_encode(url->password) : NULL;

	if (!user)
		return;
	text_add(out, user);
	if (password)
		text_addf(out, ":%s", masked ? "***" : password);
	text_add(out, "@");
}

/* The query may carry `password=`; a masked URL shows only names there. */
static void add_query(Text *out, const DatabaseUrl *url, bool masked)
{
	AUTO(strlist_clear) StrList parts = {0};
	const char *mark = "?";

	if (!url->query)
		return;
	if (!masked) {
		text_addf(out, "?%s", url->query);
		return;
	}
	strlist_split(&parts, url->query, "&");
	for (size_t i = 0; i < parts.len; i++) {
		size_t len = strcspn(parts.items[i], "=");
		AUTO(free_auto) char *word = percent_decode(parts.items[i], len, true);
		bool secret = str_is(word, "password") || str_is(word, "sslpassword");

		if (secret)
			text_addf(out, "%s%.*s=***", mark, (int)len, parts.items[i]);
		else
			text_addf(out, "%s%s", mark, parts.items[i]);
		mark = "&";
	}
}

/* HOST:PORT before an '@' that stands anywhere later reads as USER:PASSWORD. Only a URL that names
 * neither user nor port can have one there; its port is the default. */
static bool port_misleads(const DatabaseUrl *url, const char *name)
{
	return !url->user && url->port == POSTGRES_PORT &&
	       (strchr(name, '@') || (url->query && strchr(url->query, '@')));
}

static char *url_text(const DatabaseUrl *url, const char *name, bool masked)
{
	AUTO(text_clear) Text out = TEXT_INIT(4 * URL_MAX);

	text_addf(&out, "%s://", url->scheme);
	if (url->kind == DATABASE_SQLITE) {
		text_addf(&out, "/%s", name);
	} else {
		add_credentials(&out, url, masked);
		if (url->host)
			text_addf(&out, strchr(url->host, ':') ? "[%s]" : "%s", url->host);
		if ((url->host || url->port != POSTGRES_PORT) && !port_misleads(url, name))
			text_addf(&out, ":%d", url->port);
		text_addf(&out, "/%s", name);
	}
	add_query(&out, url, masked);
	return text_take(&out);
}

char *database_url_with_name(const DatabaseUrl *url, const char *name)
{
	return url_text(url, name, false);
}

char *database_url_masked(const DatabaseUrl *url)
{
	return url_text(url, url->name, true);
}

static bool is_libpq_word(const char *word)
{
	for (size_t i = 0; libpq_words[i]; i++)
		if (str_is(libpq_words[i], word))
			return true;
	return false;
}

/* libpq takes the last of equal keywords, but only one reads well: replace. */
static void put_word(StrList *keywords, StrList *values, const char *keyword, const char *value)
{
	for (size_t i = 0; i < keywords->len; i++) {
		if (!str_is(keywords->items[i], keyword))
			continue;
		str_replace(&values->items[i], value);
		return;
	}
	strlist_add(keywords, keyword);
	strlist_add(values, value);
}

static void put_query(const char *query, StrList *keywords, StrList *values)
{
	AUTO(strlist_clear) StrList parts = {0};

	strlist_split(&parts, query, "&");
	for (size_t i = 0; i < parts.len; i++) {
		const char *equals = strchr(parts.items[i], '=');

		if (!equals)
			continue;
		AUTO(free_auto)
		char *word = percent_decode(
			parts.items[i], (size_t)(equals - parts.items[i]), true);
		AUTO(free_auto) char *value = percent_decode(equals + 1, strlen(equals + 1), true);
		if (!is_libpq_word(word))
			continue;
		if (str_is(word, "password") || str_is(word, "sslpassword"))
			redact_add(value);
		put_word(keywords, values, word, value);
	}
}

void database_url_conninfo(const DatabaseUrl *url, StrList *ret_keywords, StrList *ret_values)
{
	AUTO(free_auto) char *port = str_format("%d", url->port);

	if (url->host)
		put_word(ret_keywords, ret_values, "host", url->host);
	put_word(ret_keywords, ret_values, "port", port);
	if (url->user)
		put_word(ret_keywords, ret_values, "user", url->user);
	if (url->password)
		put_word(ret_keywords, ret_values, "password", url->password);
	put_word(ret_keywords, ret_values, "dbname", url->name);
	if (url->query)
		put_query(url->query, ret_keywords, ret_values);
}
