#include "config/site.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "config/keys.h"

#define FORMAT_MAX (64 * 1024)

static void add_key(Text *out, const Site *site, const SiteKey *key)
{
	AUTO(free_auto) char *value = site_key_text(site, key);
	bool as_default = key->fallback && str_is(value, key->fallback);

	text_addf(out, "\n# %s\n", _(key->help));
	if (value && !as_default)
		text_addf(out, "%s = %s\n", key->name, value);
	else
		text_addf(out, "#%s =%s%s\n", key->name, key->fallback ? " " : "",
			key->fallback ? key->fallback : "");
}

char *site_format(const Site *site)
{
	AUTO(text_clear) Text out = TEXT_INIT(FORMAT_MAX);
	const char *section = "";

	text_add(&out, "# ");
	text_addf(&out, _("belay: the Open WebUI site '%s'"), site->name);
	text_add(&out, "\n");
	for (const SiteKey *key = site_keys; key->name; key++) {
		if (!str_is(section, key->section))
			text_addf(&out, "\n[%s]\n", key->section);
		section = key->section;
		add_key(&out, site, key);
	}
	return text_take(&out);
}
