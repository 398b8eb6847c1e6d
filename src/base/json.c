#include "base/json.h"

#include "base/mem.h"
#include "base/text.h"

bool json_parse(const char *text, size_t len, size_t max_bytes, json_t **ret, Err *err)
{
	json_error_t where;
	json_t *value;

	if (len > max_bytes)
		return err_fail(err, ERR_VERIFY,
			"the JSON text is too long: %s, at most %s are read", str_bytes(len),
			str_bytes(max_bytes));
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (!value)
		return err_fail(err, ERR_VERIFY, "not valid JSON, line %d, column %d: %s",
			where.line, where.column, where.text);
	*ret = value;
	return true;
}

const char *json_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t json_int(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_flag(const json_t *object, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* Texts of other programs need not be UTF-8, and jansson takes nothing else: bytes that are not
 * become '?', so that a member is never silently missing. */
static json_t *string_of_any_bytes(const char *value)
{
	json_t *made = json_string(value);
	AUTO(free_auto) char *ascii = NULL;

	if (made)
		return made;
	ascii = str_dup(value);
	for (char *c = ascii; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	return json_string(ascii);
}

void json_put(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, value ? string_of_any_bytes(value) : json_null());
}

void json_put_int(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

static char *dump(const json_t *value, size_t flags)
{
	char *made = json_dumps(value, flags | JSON_ENCODE_ANY);

	return made ? made : str_dup("null");
}

char *json_line(const json_t *value)
{
	return dump(value, JSON_COMPACT);
}

char *json_pretty(const json_t *value)
{
	return dump(value, JSON_INDENT(2));
}
