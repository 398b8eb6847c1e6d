/* schema.h - the part of JSON Schema that docs/json.schema.json uses: type, const, enum, required,
 * properties, items, minimum, oneOf. */
#pragma once
#include "base/json.h"

static inline bool schema_type(const char *name, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return strcmp(name, "object") == 0;
	case JSON_ARRAY:
		return strcmp(name, "array") == 0;
	case JSON_STRING:
		return strcmp(name, "string") == 0;
	case JSON_INTEGER:
		return strcmp(name, "integer") == 0;
	case JSON_NULL:
		return strcmp(name, "null") == 0;
	default:
		return strcmp(name, "boolean") == 0;
	}
}

static inline bool schema_types(const json_t *wanted, const json_t *value)
{
	const json_t *name;
	size_t i;

	if (!wanted)
		return true;
	if (json_is_string(wanted))
		return schema_type(json_string_value(wanted), value);
	json_array_foreach(wanted, i, name)
	{
		if (schema_type(json_string_value(name), value))
			return true;
	}
	return false;
}

static inline bool schema_enum(const json_t *wanted, const json_t *value)
{
	const json_t *one;
	size_t i;

	json_array_foreach(wanted, i, one)
	{
		if (json_equal(one, value))
			return true;
	}
	return !wanted;
}

static inline bool schema_holds(const json_t *schema, const json_t *value);

static inline bool schema_object(const json_t *schema, const json_t *value)
{
	json_t *properties = json_object_get(schema, "properties");
	const json_t *name;
	json_t *member;
	const char *key;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, name)
	{
		if (!json_object_get(value, json_string_value(name)))
			return false;
	}
	json_object_foreach(properties, key, member)
	{
		const json_t *part = json_object_get(value, key);

		if (part && !schema_holds(member, part))
			return false;
	}
	return true;
}

static inline bool schema_one_of(const json_t *rows, const json_t *value)
{
	const json_t *row;
	size_t i, hits = 0;

	json_array_foreach(rows, i, row)
	{
		hits += schema_holds(row, value) ? 1 : 0;
	}
	return !rows || hits == 1;
}

static inline bool schema_holds(const json_t *schema, const json_t *value)
{
	const json_t *only = json_object_get(schema, "const");
	const json_t *least = json_object_get(schema, "minimum");
	const json_t *items = json_object_get(schema, "items"), *item;
	size_t i;

	if (only && !json_equal(only, value))
		return false;
	if (least && json_integer_value(value) < json_integer_value(least))
		return false;
	json_array_foreach(value, i, item)
	{
		if (items && !schema_holds(items, item))
			return false;
	}
	return schema_types(json_object_get(schema, "type"), value) &&
	       schema_enum(json_object_get(schema, "enum"), value) &&
	       schema_object(schema, value) &&
	       schema_one_of(json_object_get(schema, "oneOf"), value);
}
