#include "compose/compose_image.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "compose/compose_project.h"
#include "compose/woven.h"

/* Where the parts of an image's name begin and end. */
typedef struct Parts {
	size_t repository_end;
	size_t tag, tag_end; /* equal: none */
	size_t digest;       /* of "sha256:…"; the end of the text: none */
} Parts;

static Parts parts_of(const char *image)
{
	const char *at = strchr(image, '@');
	const size_t end = at ? (size_t)(at - image) : strlen(image);
	size_t slash = end;
	Parts parts = {.repository_end = end, .tag = end, .tag_end = end};

	while (slash > 0 && image[slash - 1] != '/')
		slash--;
	/* A colon before the last slash is a port of the registry. */
	for (size_t i = slash; i < end; i++)
		if (image[i] == ':') {
			parts.repository_end = i;
			parts.tag = i + 1;
			break;
		}
	parts.digest = at ? end + 1 : strlen(image);
	return parts;
}

static bool weave_image(
	ComposeProject *project, const char *service, Woven *ret, int *ret_line, Err *err)
{
	YamlNode *node = NULL;
	int file = 0;
	size_t at = 0;
	bool placed;

	if (!compose_find_image(project, service, &file, &node, err))
		return false;
	AUTO(free_auto) char *text = yaml_text(node);
	const char *path = project->files[file].path;

	if (!text || yaml_has_tag(node)) {
		err_fail(err, ERR_REFUSED, "the image of service '%s' in '%s' is no plain text",
			service, path);
		if (strstr(project->files[file].text, "{{"))
			return err_hint(err,
				"it looks like a template: change the tag where it is made from");
		return err_hint(err, "docker compose -f '%s' config", path);
	}
	placed = yaml_place(project->files[file].yaml, node, &at);
	*ret_line = yaml_line(node);
	return weave(text, placed ? file : SOURCE_NONE, at, &project->env, ret, err) ||
	       err_wrap(err, "the image of service '%s' in '%s'", service, path);
}

/* ---- reading ---- */

static bool check_image(const char *service, const char *image, Err *err)
{
	bool good = isalnum((unsigned char)image[0]) && !strstr(image, ":@");

	for (const char *c = image; *c; c++)
		good = good && (isalnum((unsigned char)*c) || strchr("._-/:@", *c));
	if (good && !str_ends(image, ":") && !str_ends(image, "@"))
		return true;
	if (strstr(image, "{{") || strstr(image, "{%") || strstr(image, "<%")) {
		err_fail(err, ERR_REFUSED,
			"the image of service '%s' is '%.200s', which names none", service, image);
		return err_hint(
			err, "it looks like a template: change the tag where it is made from");
	}
	if (strchr(image, '$') || strchr(image, '\\')) {
		err_fail(err, ERR_REFUSED,
			"the image of service '%s' is '%.200s': a variable in '.env' is made of "
			"other variables or escapes, which belay does not follow",
			service, image);
		return err_hint(err, "write it out in '.env', in one piece");
	}
	err_fail(err, ERR_REFUSED,
		"the image of service '%s' comes out as '%.200s', which names none: a variable of "
		"it is not set in '.env'",
		service, image);
	return err_hint(err, "write it into the project's .env, then: docker compose config");
}

bool compose_image_read(
	const char *files, const char *dir, const char *service, ComposeImage *ret, Err *err)
{
	AUTO(compose_close) ComposeProject project = {0};
	AUTO(woven_clear) Woven woven = {0};
	Parts parts;
	int line;

	if (!compose_open(files, dir, &project, err) ||
		!weave_image(&project, service, &woven, &line, err) ||
		!check_image(service, woven.text, err))
		return false;
	parts = parts_of(woven.text);
	ret->text = str_dup(woven.text);
	ret->repository = str_dup_n(woven.text, parts.repository_end);
	ret->tag = parts.tag == parts.tag_end
			   ? NULL
			   : str_dup_n(woven.text + parts.tag, parts.tag_end - parts.tag);
	ret->digest = woven.text[parts.digest] ? str_dup(woven.text + parts.digest) : NULL;
	return true;
}

/* ---- planning ---- */

static bool follows(const Origin *a, const Origin *b)
{
	return a->source == b->source && a->at + 1 == b->at;
}

/* The run of bytes around `i` that stand beside each other in one place, within [from, to). */
static void run_around(
	const Woven *woven, size_t i, size_t from, size_t to, size_t *ret_from, size_t *ret_to)
{
	size_t begin = i, end = i + 1;

	while (begin > from && follows(&woven->origins[begin - 1], &woven->origins[begin]))
		begin--;
	while (end < to && follows(&woven->origins[end - 1], &woven->origins[end]))
		end++;
	*ret_from = begin;
	*ret_to = end;
}

/* `[from, to)` of the image becomes `after`. Pieces from elsewhere may stay where the new text has
 * the same there: the 'v' of "v${VERSION}". */
static bool find_run(const Woven *woven, size_t from, size_t to, const char *after,
	size_t *ret_from, size_t *ret_to, char **ret_text)
{
	const size_t len = strlen(after);

	for (size_t i = from, next; i < to; i = next) {
		size_t begin, end;

		run_around(woven, i, from, to, &begin, &end);
		next = end;
		const size_t before = begin - from, behind = to - end;

		if (woven->origins[begin].source == SOURCE_NONE || before + behind >= len)
			continue;
		if (memcmp(woven->text + from, after, before) != 0 ||
			memcmp(woven->text + end, after + len - behind, behind) != 0)
			continue;
		*ret_from = begin;
		*ret_to = end;
		*ret_text = str_dup_n(after + before, len - before - behind);
		return true;
	}
	return false;
}

static bool cannot_change(
	const ComposeProject *project, const char *service, const Woven *woven, Err *err)
{
	err_fail(err, ERR_REFUSED,
		"the tag of service '%s' ('%s') is written in '%s' in a way that belay does not "
		"change: in pieces, with escapes or over several lines",
		service, woven->text, project->files[0].path);
	return err_hint(err, "write the image's tag in one piece: image: REPOSITORY:TAG");
}

static int line_of(const char *text, size_t at)
{
	int line = 1;

	for (size_t i = 0; text && i < at; i++)
		line += text[i] == '\n';
	return line;
}

static bool touches(const Woven *woven, int source, size_t at, size_t len)
{
	/* What is put in behind a byte changes everything that has this byte. */
	const size_t from = len ? at : at - 1, to = len ? at + len : at;

	for (size_t i = 0; i < woven->len; i++)
		if (woven->origins[i].source == source && woven->origins[i].at >= from &&
			woven->origins[i].at < to)
			return true;
	return false;
}

static bool check_alone(
	ComposeProject *project, const char *service, int source, const ComposeEdit *edit, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	compose_service_names(project, &names);
	for (size_t i = 0; i < names.len; i++) {
		AUTO(woven_clear) Woven other = {0};
		AUTO(err_clear) Err ignored = {0};
		int line;

		if (str_is(names.items[i], service) ||
			!weave_image(project, names.items[i], &other, &line, &ignored) ||
			!touches(&other, source, edit->at, strlen(edit->before)))
			continue;
		err_fail(err, ERR_REFUSED,
			"the tag of service '%s' is also that of service '%s' ('%s', line %d)",
			service, names.items[i], edit->file, edit->line);
		return err_hint(err, "give service '%s' an image text of its own", service);
	}
	return true;
}

static void fill_edit(const ComposeProject *project, const Woven *woven, size_t from, size_t to,
	ComposeEdit *edit)
{
	const bool insertion = from == to;
	const Origin *first = &woven->origins[insertion ? from - 1 : from];
	const bool env = first->source == SOURCE_ENV;

	edit->file = str_dup(env ? project->env_path : project->files[first->source].path);
	edit->at = first->at + insertion;
	edit->before = str_dup_n(woven->text + from, to - from);
	edit->variable = str_dup(first->variable);
	edit->line = line_of(
		env ? project->env_text : project->files[first->source].text, edit->at);
}

static bool plan(ComposeProject *project, const char *service, const Woven *woven, const char *tag,
	const char *digest, ComposeEdit *edit, Err *err)
{
	const Parts parts = parts_of(woven->text);
	const bool tagged = parts.tag < parts.tag_end;
	const size_t from = tagged ? parts.tag : digest ? parts.digest : parts.repository_end;
	AUTO(free_auto)
	char *after = tagged && digest ? str_format("%s@%s", tag, digest)
		      : tagged         ? str_dup(tag)
		      : digest         ? str_dup(digest)
				       : str_format(":%s", tag);
	size_t begin = from, end = from;

	if (from == woven->len) {
		if (woven->origins[from - 1].source == SOURCE_NONE)
			return cannot_change(project, service, woven, err);
		edit->after = TAKE(after);
	} else if (!find_run(woven, from, woven->len, after, &begin, &end, &edit->after)) {
		return cannot_change(project, service, woven, err);
	}
	fill_edit(project, woven, begin, end, edit);
	return check_alone(project, service,
		woven->origins[begin == end ? begin - 1 : begin].source, edit, err);
}

bool compose_image_plan(const char *files, const char *dir, const char *service, const char *tag,
	const char *digest, ComposeEdit *ret, Err *err)
{
	AUTO(compose_close) ComposeProject project = {0};
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(woven_clear) Woven woven = {0};
	int line;

	if (!compose_open(files, dir, &project, err) ||
		!weave_image(&project, service, &woven, &line, err) ||
		!check_image(service, woven.text, err) ||
		!plan(&project, service, &woven, tag, digest, &edit, err))
		return false;
	*ret = edit;
	edit = (ComposeEdit){0};
	return true;
}

void compose_image_clear(ComposeImage *image)
{
	free(image->text);
	free(image->repository);
	free(image->tag);
	free(image->digest);
	*image = (ComposeImage){0};
}

void compose_edit_clear(ComposeEdit *edit)
{
	free(edit->file);
	free(edit->before);
	free(edit->after);
	free(edit->variable);
	*edit = (ComposeEdit){0};
}

char *compose_tag_for(const char *tag, const char *version)
{
	const char *digits = tag ? tag + (tag[0] == 'v') : "";
	const size_t len = strspn(digits, "0123456789.");

	/* "0.7.2" at least: a lone number may be anything. */
	if (!tag || !isdigit((unsigned char)digits[0]) || !memchr(digits, '.', len))
		return str_format("v%s", version);
	return str_format("%s%s%s", tag[0] == 'v' ? "v" : "", version, digits + len);
}
