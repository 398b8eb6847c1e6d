/* DATABASE_URL. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "config/database_url.h"

static void look(const DatabaseUrl *url)
{
	AUTO(free_auto) char *other = database_url_with_name(url, "/srv/copy of%20d.db");
	AUTO(free_auto) char *masked = database_url_masked(url);
	AUTO(strlist_clear) StrList keywords = {0};
	AUTO(strlist_clear) StrList values = {0};
	AUTO(database_url_clear) DatabaseUrl again = {0};
	AUTO(err_clear) Err err = {0};

	FUZZ_MUST(masked && url->name);
	database_url_conninfo(url, &keywords, &values);
	FUZZ_MUST(keywords.len == values.len);
	FUZZ_MUST(database_url_parse(other, "/", &again, &err));
	FUZZ_MUST(str_is(again.name, "/srv/copy of%20d.db"));
	FUZZ_MUST(again.kind == url->kind && again.port == url->port);
	FUZZ_MUST(str_is(again.user, url->user) && str_is(again.password, url->password));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(database_url_clear) DatabaseUrl url = {0};
	AUTO(err_clear) Err err = {0};

	if (database_url_parse(text, "/srv/start", &url, &err))
		look(&url);
	else
		FUZZ_MUST(err.kind == ERR_CONFIG || err.kind == ERR_REFUSED);
	redact_forget();
	return 0;
}
