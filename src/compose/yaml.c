#include "compose/yaml.h"

#include <libfyaml.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct Yaml {
	struct fy_document *document;
	char *text; /* the nodes point into it */
	size_t len;
};

static struct fy_node *followed(YamlNode *node)
{
	struct fy_node *real = (struct fy_node *)node;

	return real && fy_node_is_alias(real) ? fy_node_resolve_alias(real) : real;
}

static bool no_yaml(struct fy_diag *diag, const char *text, const char *file, Err *err)
{
	void *position = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &position);

	if (error)
		err_fail(err, ERR_REFUSED, "'%s' is no valid YAML: line %d: %s", file, error->line,
			error->msg ? error->msg : "?");
	else
		err_fail(err, ERR_REFUSED, "'%s' is no valid YAML", file);
	if (strstr(text, "{%") || strstr(text, "{{"))
		return err_hint(
			err, "it looks like a template: change the tag where it is made from");
	return err_hint(err, "docker compose -f '%s' config", file);
}

/* libfyaml takes the first document and says nothing of the rest. */
static bool is_single(const char *text)
{
	const char *second = strstr(text, "\n---");

	for (; second; second = strstr(second + 1, "\n---")) {
		const char *before = text;

		if (!strchr(" \r\n", second[4]))
			continue;
		/* Comments and a first "---" may stand before it. */
		for (; before < second; before += strcspn(before, "\n") + 1)
			if (!strchr("#\r\n%", *before) && !str_starts(before, "---"))
				return false;
	}
	return true;
}

static bool has_content(const char *text)
{
	for (; *text; text += strspn(text, "\n")) {
		text += strspn(text, " \t\r\n");
		if (*text && *text != '#')
			return true;
		text += strcspn(text, "\n");
	}
	return false;
}

bool yaml_parse(const char *text, size_t len, const char *file, Yaml **ret, Err *err)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG};
	AUTO(yaml_free_auto) Yaml *yaml = NEW(Yaml);

	/* Of nothing the library makes no document, and says so on stderr. */
	if (!has_content(text))
		return err_fail(err, ERR_REFUSED, "'%s' is empty", file);
	if (strlen(text) != len || !is_single(text))
		return err_fail(err, ERR_REFUSED, "'%s' is not one YAML document", file);
	yaml->text = str_dup(text);
	yaml->len = len;
	fy_diag_cfg_default(&diag_cfg);
	cfg.diag = fy_diag_create(&diag_cfg);
	fy_diag_set_collect_errors(cfg.diag, true);
	yaml->document = fy_document_build_from_string(&cfg, yaml->text, len);
	if (!yaml->document)
		no_yaml(cfg.diag, text, file, err);
	fy_diag_destroy(cfg.diag);
	if (!yaml->document)
		return false;
	*ret = TAKE(yaml);
	return true;
}

void yaml_free(Yaml *yaml)
{
	if (!yaml)
		return;
	if (yaml->document)
		fy_document_destroy(yaml->document);
	free(yaml->text);
	free(yaml);
}

YamlNode *yaml_root(Yaml *yaml)
{
	return (YamlNode *)fy_document_root(yaml->document);
}

YamlKind yaml_kind(YamlNode *node)
{
	struct fy_node *real = followed(node);

	if (!real)
		return YAML_NONE;
	if (fy_node_is_mapping(real))
		return YAML_MAP;
	return fy_node_is_sequence(real) ? YAML_LIST : YAML_TEXT;
}

YamlNode *yaml_get(YamlNode *map, const char *key)
{
	if (yaml_kind(map) != YAML_MAP)
		return NULL;
	return (YamlNode *)fy_node_mapping_lookup_by_string(followed(map), key, (size_t)-1);
}

YamlNode *yaml_item(YamlNode *list, int index)
{
	struct fy_node *real = followed(list);

	if (yaml_kind(list) != YAML_LIST || index >= fy_node_sequence_item_count(real))
		return NULL;
	return (YamlNode *)fy_node_sequence_get_by_index(real, index);
}

bool yaml_pair(YamlNode *map, int index, char **ret_key, YamlNode **ret_value)
{
	struct fy_node *real = followed(map);
	struct fy_node_pair *pair;

	if (yaml_kind(map) != YAML_MAP || index >= fy_node_mapping_item_count(real))
		return false;
	pair = fy_node_mapping_get_by_index(real, index);
	*ret_key = yaml_text((YamlNode *)fy_node_pair_key(pair));
	*ret_value = (YamlNode *)fy_node_pair_value(pair);
	return true;
}

char *yaml_text(YamlNode *node)
{
	size_t len = 0;
	const char *text;

	if (yaml_kind(node) != YAML_TEXT)
		return NULL;
	text = fy_node_get_scalar(followed(node), &len);
	return text ? str_dup_n(text, len) : str_dup("");
}

bool yaml_has_tag(YamlNode *node)
{
	size_t len = 0;

	return node && fy_node_get_tag((struct fy_node *)node, &len) != NULL;
}

static struct fy_token *token_of(YamlNode *node)
{
	struct fy_node *real = followed(node);

	return real ? fy_node_get_scalar_token(real) : NULL;
}

int yaml_line(YamlNode *node)
{
	struct fy_token *token = token_of(node);

	return token ? fy_token_start_mark(token)->line + 1 : 0;
}

/* The marks stand before or behind quotes and indentation, depending on the style. */
bool yaml_place(const Yaml *yaml, YamlNode *node, size_t *ret_start)
{
	struct fy_token *token = token_of(node);
	AUTO(free_auto) char *text = yaml_text(node);
	const char *found;
	size_t start, end;

	if (!token || str_empty(text))
		return false;
	start = fy_token_start_mark(token)->input_pos;
	end = fy_token_end_mark(token)->input_pos + 1;
	if (end > yaml->len)
		end = yaml->len;
	if (start > end)
		return false;
	found = memmem(yaml->text + start, end - start, text, strlen(text));
	if (!found)
		return false;
	*ret_start = (size_t)(found - yaml->text);
	return true;
}
