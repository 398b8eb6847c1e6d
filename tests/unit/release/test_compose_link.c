/* Each shape of the corpus that belay accepts: blocked, pointed and back again, byte for byte. */
#include "release/compose_link.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "compose/compose_image.h"
#include "os/file.h"
#include "os/tree.h"
#include "unit.h"

#define MAX        (1 << 16)
#define NEW_DIGEST "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char *read_all(const char *path)
{
	AUTO(err_clear) Err err = {0};
	char *text = NULL;
	size_t len;

	assert_done(file_read(path, MAX, &text, &len, &err), &err);
	return text;
}

static char *said(const char *expect, const char *name)
{
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(free_auto) char *start = str_format("%s ", name);

	strlist_split(&lines, expect, "\n");
	for (size_t i = 0; i < lines.len; i++)
		if (str_starts(lines.items[i], start))
			return str_dup(lines.items[i] + strlen(start));
	return NULL;
}

typedef struct Project {
	Site site;
	char folder[32];
} Project;

/* A copy of a shape's folder. */
static void open_project(const char *shape, const char *expect, Project *ret)
{
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList files = {0};
	AUTO(strlist_clear) StrList paths = {0};
	AUTO(free_auto) char *names = said(expect, "files");

	strcpy(ret->folder, "/tmp/belay-link-XXXXXX");
	assert_non_null(mkdtemp(ret->folder));
	assert_done(tree_mirror(shape, ret->folder, &err), &err);
	strlist_split(&files, names, ",");
	for (size_t i = 0; i < files.len; i++)
		strlist_addf(&paths, "%s/%s", ret->folder, files.items[i]);
	ret->site.service = SERVICE_COMPOSE;
	ret->site.compose_files = strlist_join(&paths, ",");
	ret->site.compose_service = said(expect, "service");
	ret->site.start_directory = ret->folder;
}

static void close_project(Project *project)
{
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove(project->folder, &err), &err);
	free(project->site.compose_files);
	free(project->site.compose_service);
}

static void check_there_and_back(const Site *site, const char *tag, const char *digest)
{
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *record = json_object();
	AUTO(compose_edit_clear) ComposeEdit direct = {0};
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(compose_image_clear) ComposeImage now = {0};
	const json_t *compose;
	const char *file;

	assert_done(compose_link_plan(site, "20261123-134812-upgrade", record, &err), &err);
	compose = json_object_get(record, "compose");
	file = json_str(compose, "file");
	AUTO(free_auto) char *before = read_all(file);
	assert_done(compose_image_plan(site->compose_files, site->start_directory,
			    site->compose_service, tag, digest, &direct, &err),
		&err);

	assert_done(compose_link_write(site, record, COMPOSE_BLOCKED, &err), &err);
	assert_done(compose_image_read(site->compose_files, site->start_directory,
			    site->compose_service, &image, &err),
		&err);
	/* An image that is only pinned has no tag that could say more. */
	assert_part(image.text,
		image.tag ? "unfinished-20261123-134812-upgrade-belay-resume" : "@sha256:00000000");
	assert_done(compose_link_plan_after(site, record, tag, digest, &err), &err);
	assert_string_equal(json_str(compose, "after"), direct.after);
	assert_done(compose_link_write(site, record, COMPOSE_AFTER, &err), &err);
	assert_done(compose_image_read(site->compose_files, site->start_directory,
			    site->compose_service, &now, &err),
		&err);
	assert_string_equal(now.tag ? now.tag : now.digest, now.tag ? tag : digest);
	assert_done(compose_link_write(site, record, COMPOSE_BLOCKED, &err), &err);
	assert_done(compose_link_write(site, record, COMPOSE_BEFORE, &err), &err);
	AUTO(free_auto) char *after = read_all(file);
	assert_string_equal(after, before);
}

static void test_each_shape_is_blocked_pointed_and_given_back(void **state UNUSED)
{
	AUTO(strlist_clear) StrList shapes = {0};
	AUTO(err_clear) Err err = {0};
	int accepted = 0;

	assert_done(dir_list(COMPOSE_CORPUS, &shapes, &err), &err);
	for (size_t i = 0; i < shapes.len; i++) {
		AUTO(free_auto) char *shape = path_join(COMPOSE_CORPUS, shapes.items[i]);
		AUTO(free_auto) char *path = path_join(shape, "expect");
		AUTO(free_auto) char *expect = read_all(path);
		AUTO(compose_image_clear) ComposeImage image = {0};
		AUTO(free_auto) char *tag = NULL;
		AUTO(err_clear) Err refused = {0};
		AUTO(json_release_auto) json_t *record = json_object();
		Project project = {0};

		open_project(shape, expect, &project);
		if (compose_image_read(project.site.compose_files, project.folder,
			    project.site.compose_service, &image, &refused) &&
			compose_link_plan(&project.site, "x", record, &refused)) {
			tag = compose_tag_for(image.tag, "0.8.0");
			check_there_and_back(&project.site, tag, image.digest ? NEW_DIGEST : NULL);
			accepted++;
		}
		close_project(&project);
	}
	assert_true(accepted >= 40);
}

static void test_a_file_that_somebody_changed_is_left_alone(void **state UNUSED)
{
	static const char text[] = "services:\n  webui:\n    image: a/b:v0.7.2\n";
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *record = json_object();
	char folder[] = "/tmp/belay-link-XXXXXX";
	struct stat about;

	assert_non_null(mkdtemp(folder));
	AUTO(free_auto) char *file = path_join(folder, "compose.yaml");
	Site site = {.service = SERVICE_COMPOSE,
		.compose_files = file,
		.compose_service = (char *)"webui",
		.start_directory = folder};
	assert_done(file_write_text(file, text, 0640, &err), &err);
	assert_done(compose_link_plan(&site, "x", record, &err), &err);
	assert_done(compose_link_write(&site, record, COMPOSE_BLOCKED, &err), &err);
	assert_int_equal(stat(file, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0640);
	AUTO(free_auto) char *blocked = read_all(file);
	AUTO(free_auto) char *changed = str_format("%s# new\n", blocked);
	assert_done(file_write_text(file, changed, 0640, &err), &err);
	assert_error(compose_link_write(&site, record, COMPOSE_BEFORE, &err), &err, ERR_FOREIGN);
	AUTO(free_auto) char *still = read_all(file);
	assert_string_equal(still, changed);
	err_clear(&err);
	assert_done(file_write_text(file, blocked, 0640, &err), &err);
	assert_done(compose_link_write(&site, record, COMPOSE_BEFORE, &err), &err);
	AUTO(free_auto) char *back = read_all(file);
	assert_string_equal(back, text);
	assert_done(tree_remove(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_shape_is_blocked_pointed_and_given_back),
		cmocka_unit_test(test_a_file_that_somebody_changed_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
