/* yaml.h - one YAML file with the positions of its texts; the only user of libfyaml.
 *
 * Nothing is resolved: an alias is followed when it is asked about, merge keys and variables are
 * the reader's business (compose_file.h). So a text is always what stands at one place of the file.
 */
#pragma once
#include <stddef.h>

#include "base/error.h"

typedef struct Yaml Yaml;
typedef struct YamlNode YamlNode; /* lives as long as its Yaml */
typedef enum { YAML_NONE, YAML_TEXT, YAML_LIST, YAML_MAP } YamlKind;

/* `file` is for messages. ERR_REFUSED with the line for what is no YAML, or several documents. */
bool yaml_parse(const char *text, size_t len, const char *file, Yaml **ret, Err *err) NODISCARD;
void yaml_free(Yaml *yaml);
DEFINE_AUTO(Yaml, yaml_free)

YamlNode *yaml_root(Yaml *yaml);
/* All of these follow aliases and take NULL, which is YAML_NONE. */
YamlKind yaml_kind(YamlNode *node);
YamlNode *yaml_get(YamlNode *map, const char *key); /* NULL: not there */
YamlNode *yaml_item(YamlNode *list, int index);     /* NULL: past the end */
/* The i-th key of a map and its value; *ret_key is the caller's. false: past the end. */
bool yaml_pair(YamlNode *map, int index, char **ret_key, YamlNode **ret_value);
char *yaml_text(YamlNode *node);   /* caller frees; NULL unless YAML_TEXT */
bool yaml_has_tag(YamlNode *node); /* !reset, !override, !!str … */
int yaml_line(YamlNode *node);     /* from 1; 0: unknown */
/* Where the text stands in the file, byte for byte: [start, start + strlen(text)). false: it is
 * written with escapes or over several lines. */
bool yaml_place(const Yaml *yaml, YamlNode *node, size_t *ret_start);
