#include "adopt/look.h"

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"

#define HOW_MAX 4096

void look_clear(Look *look)
{
	site_clear(&look->draft);
	process_clear(&look->process);
	free(look->address);
	container_clear(&look->container);
	*look = (Look){0};
}

bool look_wished(const Look *look, const char *key)
{
	const SiteKey *row = site_key_find(key);

	return row && look->wished[row - site_keys];
}

static void add_finding(Look *look, const char *key, const char *value, char *how)
{
	Adoption *out = look->out;
	AUTO(free_auto) char *url_masked = redact_url(value ? value : "");

	out->findings = mem_resize(out->findings, out->len + 1, sizeof(Finding));
	out->findings[out->len++] = (Finding){
		.key = str_dup(key),
		.value = redact(url_masked),
		.how = how,
	};
}

PRINTF_LIKE(1, 0)
static char *format_how(const char *fmt, va_list args)
{
	AUTO(text_clear) Text how = TEXT_INIT(HOW_MAX);
	AUTO(free_auto) char *plain = NULL;

	text_addv(&how, fmt, args);
	plain = text_take(&how);
	return redact(plain);
}

void look_note(Look *look, const char *key, const char *value, const char *how_fmt, ...)
{
	va_list args;

	va_start(args, how_fmt);
	add_finding(look, key, value, format_how(how_fmt, args));
	va_end(args);
}

bool look_set(Look *look, const char *key, const char *value, Err *err, const char *how_fmt, ...)
{
	const SiteKey *row = site_key_find(key);
	va_list args;

	if (look_wished(look, key))
		return true;
	if (!site_key_set(&look->draft, row, value, err))
		return false;
	va_start(args, how_fmt);
	add_finding(look, key, value, format_how(how_fmt, args));
	va_end(args);
	return true;
}

void look_warn(Look *look, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	AUTO(free_auto) char *text = format_how(fmt, args);
	va_end(args);
	strlist_add(&look->out->warnings, text);
}
