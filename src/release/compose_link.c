#include "release/compose_link.h"

#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "compose/compose_image.h"
#include "docker/docker_program.h"
#include "docker/engine_api.h"
#include "docker/engine_change.h"
#include "docker/engine_image.h"
#include "os/file.h"
#include "release/image.h"
#include "release/image_get.h"
#include "release/site_container.h"
#include "release/throwaway.h"

#define FILE_BYTES_MAX (4 << 20)
#define COMPOSE_MS     120000
#define ASK_MS         15000
/* No image has it; it is what `docker compose up` complains of. */
#define NO_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const char *const text_keys[] = {
	[COMPOSE_BEFORE] = "before", [COMPOSE_BLOCKED] = "blocked", [COMPOSE_AFTER] = "after"};

/* ---- the file ---- */

bool compose_link_plan(const Site *site, const char *run, json_t *record, Err *err)
{
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(free_auto) char *word = str_format("0.0.0.unfinished-%s-belay-resume", run);
	AUTO(free_auto) char *tag = NULL;
	AUTO(free_auto) char *bytes = NULL;
	char sha256[SHA256_HEX_SIZE];
	json_t *compose;
	size_t len;

	if (!compose_image_read(
		    site->compose_files, site->start_directory, site->compose_service, &image, err))
		return false;
	tag = compose_tag_for(image.tag, word);
	if (!compose_image_plan(site->compose_files, site->start_directory, site->compose_service,
		    tag, image.digest ? NO_DIGEST : NULL, &edit, err) ||
		!file_read(edit.file, FILE_BYTES_MAX, &bytes, &len, err))
		return false;
	sha256_of(bytes, len, sha256);
	compose = json_object();
	json_put(compose, "file", edit.file);
	json_put_int(compose, "at", (int64_t)edit.at);
	json_put(compose, "before", edit.before);
	json_put(compose, "blocked", edit.after);
	json_put(compose, "sha256", sha256);
	(void)json_object_set_new(record, "compose", compose);
	return true;
}

typedef struct File {
	const char *path;
	char *bytes;
	size_t len, at;
} File;

/* The file as it would be with `after` where `before` is. */
static char *with_text(const File *file, const char *before, const char *after, size_t *ret_len)
{
	const size_t end = file->at + strlen(before);
	AUTO(text_clear) Text out = TEXT_INIT(2 * FILE_BYTES_MAX);

	text_add_bytes(&out, file->bytes, file->at);
	text_add(&out, after);
	text_add_bytes(&out, file->bytes + end, file->len - end);
	*ret_len = out.len;
	return text_take(&out);
}

static bool has_text(const File *file, const char *text, const json_t *compose)
{
	const char *before = json_str(compose, "before");
	AUTO(free_auto) char *original = NULL;
	char sha256[SHA256_HEX_SIZE];
	size_t len;

	if (!text || !before || file->at + strlen(text) > file->len ||
		memcmp(file->bytes + file->at, text, strlen(text)) != 0)
		return false;
	original = with_text(file, text, before, &len);
	sha256_of(original, len, sha256);
	return str_is(sha256, json_str(compose, "sha256"));
}

static bool read_now(const json_t *compose, File *ret, const char **ret_text, Err *err)
{
	*ret_text = NULL;
	ret->path = json_str(compose, "file");
	ret->at = (size_t)json_int(compose, "at", 0);
	if (!ret->path)
		return err_fail(err, ERR_INTERNAL, "the record of the compose file is incomplete");
	if (!file_read(ret->path, FILE_BYTES_MAX, &ret->bytes, &ret->len, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(text_keys) && !*ret_text; i++) {
		const char *text = json_str(compose, text_keys[i]);

		if (has_text(ret, text, compose))
			*ret_text = text;
	}
	if (*ret_text)
		return true;
	err_fail(err, ERR_FOREIGN, "'%s' was changed by someone else since the run began",
		ret->path);
	return err_hint(err, "take that change back, then: belay resume");
}

bool compose_link_write(const Site *site UNUSED, const json_t *record, ComposeText text, Err *err)
{
	const json_t *compose = json_object_get(record, "compose");
	const char *wanted = json_str(compose, text_keys[text]), *now;
	AUTO(free_auto) char *real = NULL;
	AUTO(free_auto) char *bytes = NULL;
	File file = {0};
	struct stat about;
	size_t len;
	bool done;

	if (!read_now(compose, &file, &now, err)) {
		free(file.bytes);
		return false;
	}
	if (!wanted || str_is(now, wanted)) {
		free(file.bytes);
		return wanted || err_fail(err, ERR_INTERNAL, "no such text of the compose file");
	}
	bytes = with_text(&file, now, wanted, &len);
	free(file.bytes);
	/* A link stays a link: what it names is replaced. */
	real = path_real(file.path);
	if (!real || stat(real, &about) != 0)
		return err_fail_sys(err, "'%s'", file.path);
	done = file_write(real, bytes, len, about.st_mode & 07777, err) &&
	       (geteuid() != 0 || file_chown(real, about.st_uid, about.st_gid, err));
	return done || err_wrap(err, "changing the tag in '%s'", file.path);
}

/* ---- recreating ---- */

/* `docker compose`, else docker-compose, else neither: *ret stays empty. */
static bool compose_program(StrList *ret, Err *err)
{
	AUTO(free_auto) char *docker = proc_find("docker", NULL);
	AUTO(free_auto) char *old = proc_find("docker-compose", NULL);
	AUTO(strlist_clear) StrList env = {0};
	AUTO(proc_result_clear) ProcResult result = {0};

	docker_program_env(&env);
	if (docker) {
		const ProcSpec spec = {.argv = ARGV(docker, "compose", "version"),
			.env = strlist_argv(&env),
			.timeout_ms = ASK_MS,
			.exit_is_answer = true,
			.quiet = true};

		if (!proc_run(&spec, &result, err))
			return false;
		if (result.exit_code == 0)
			strlist_add_array(ret, ARGV(docker, "compose"));
	}
	if (!ret->len && old)
		strlist_add(ret, old);
	return true;
}

static void project_words(const Site *site, StrList *ret)
{
	AUTO(strlist_clear) StrList files = {0};

	strlist_add_array(ret,
		ARGV("-p", site->compose_project, "--project-directory", site->start_directory));
	strlist_split(&files, site->compose_files, ",");
	for (size_t i = 0; i < files.len; i++)
		strlist_add_array(ret, ARGV("-f", files.items[i]));
}

/* What compose answers to a question; NULL: it fails. */
static bool ask_compose(
	const Site *site, const StrList *program, const char *const *words, char **ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(proc_result_clear) ProcResult result = {0};

	strlist_add_all(&argv, program);
	project_words(site, &argv);
	strlist_add_array(&argv, words);
	docker_program_env(&env);
	const ProcSpec spec = {.argv = strlist_argv(&argv),
		.env = strlist_argv(&env),
		.dir = site->start_directory,
		.timeout_ms = ASK_MS,
		.exit_is_answer = true,
		.quiet = true};

	if (!proc_run(&spec, &result, err))
		return false;
	*ret = result.exit_code == 0 ? str_dup(str_trim(result.out)) : NULL;
	return true;
}

bool compose_link_is_same(const Site *site, bool *ret, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(strlist_clear) StrList program = {0};
	AUTO(free_auto) char *version = NULL;
	AUTO(free_auto) char *hash = NULL;
	const json_t *labels;
	const char *made_by, *made_of;

	*ret = true;
	if (!site_container_json(site, &inspected, err) || !compose_program(&program, err))
		return false;
	labels = json_object_get(json_object_get(inspected, "Config"), "Labels");
	made_by = json_str(labels, "com.docker.compose.version");
	made_of = json_str(labels, "com.docker.compose.config-hash");
	if (!made_by || !made_of || !program.len)
		return true;
	if (!ask_compose(site, &program, ARGV("version", "--short"), &version, err) ||
		!ask_compose(site, &program, ARGV("config", "--hash", site->compose_service), &hash,
			err))
		return false;
	/* "webui 0f3c…" */
	*ret = !str_is(version, made_by) || !hash || str_ends(hash, made_of);
	return true;
}

static bool run_compose(const Site *site, const StrList *program, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(proc_result_clear) ProcResult result = {0};

	strlist_add_all(&argv, program);
	project_words(site, &argv);
	strlist_add_array(&argv, ARGV("up", "--no-start", "--no-deps", "--no-build"));
	/* The image is here; docker-compose of old has no such option and pulls only what is not.
	 */
	if (program->len == 2)
		strlist_add_array(&argv, ARGV("--pull", "never"));
	strlist_add(&argv, site->compose_service);
	docker_program_env(&env);
	const ProcSpec spec = {.argv = strlist_argv(&argv),
		.env = strlist_argv(&env),
		.dir = site->start_directory,
		.timeout_ms = COMPOSE_MS,
		.ignore_signals = true};

	return proc_run(&spec, &result, err) || err_wrap(err, "making the service's container");
}

/* The labels stay; compose sees by its own digest of the configuration that it was not its work,
 * and makes it anew at its next `up`. */
static bool by_engine(const Site *site, const json_t *record, const char *image_id, Err *err)
{
	const json_t *inspected = json_object_get(record, "inspected");
	const char *name = json_str(inspected, "Name");
	AUTO(compose_image_clear) ComposeImage image = {0};

	if (!name)
		return err_fail(err, ERR_INTERNAL, "the record of the container has no name");
	/* With the digest, where the file has one: check compares the two. */
	if (!compose_image_read(
		    site->compose_files, site->start_directory, site->compose_service, &image, err))
		return false;
	const ContainerPlan plan = {.inspected = inspected,
		.name = name[0] == '/' ? name + 1 : name,
		.image_id = image_id,
		.reference = image.text};

	return container_make(site, &plan, err);
}

static bool remove_others(const Site *site, const char *image_id, bool *ret_there, Err *err)
{
	AUTO(container_list_clear) ContainerList list = {0};

	*ret_there = false;
	if (!docker_of_project(site->compose_project, site->compose_service, &list, err))
		return false;
	*ret_there = list.len == 1 && str_is(list.items[0].image_id, image_id) &&
		     !container_is_half_made(&list.items[0]);
	for (size_t i = 0; i < list.len && !*ret_there; i++)
		if (!docker_stop(list.items[i].id, site->stop_timeout_ms, err) ||
			!docker_remove(list.items[i].id, err))
			return false;
	return true;
}

static bool check_made(const Site *site, const char *image_id, Err *err)
{
	AUTO(container_list_clear) ContainerList list = {0};

	if (!docker_of_project(site->compose_project, site->compose_service, &list, err))
		return false;
	if (list.len != 1 || !str_is(list.items[0].image_id, image_id))
		return err_fail(err, ERR_VERIFY,
			"compose made no container of image '%s' for service '%s'", image_id,
			site->compose_service);
	for (size_t i = 0; i < list.items[0].mounts.len; i++) {
		const char *mount = list.items[0].mounts.items[i];
		AUTO(free_auto) char *source = str_dup_n(mount, strcspn(mount, ":"));

		if (path_below(site->data_dir, source))
			return container_give_key(site, &list.items[0], err);
	}
	return err_fail(err, ERR_VERIFY,
		"compose made a container without the data in '%s': the files of the project have "
		"changed since the one before was made",
		site->data_dir);
}

/* ---- pointing ---- */

bool compose_link_plan_after(
	const Site *site, json_t *record, const char *tag, const char *digest, Err *err)
{
	json_t *compose = json_object_get(record, "compose");
	const char *blocked = json_str(compose, "blocked");
	const size_t at = (size_t)json_int(compose, "at", 0);
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(free_auto) char *after = NULL;
	size_t skip;

	if (!compose_image_plan(site->compose_files, site->start_directory, site->compose_service,
		    tag, digest, &edit, err))
		return false;
	skip = edit.at - at;
	if (edit.at < at || skip + strlen(edit.before) > strlen(blocked))
		return err_fail(err, ERR_INTERNAL, "the tag of the compose file has moved");
	after = str_format(
		"%.*s%s%s", (int)skip, blocked, edit.after, blocked + skip + strlen(edit.before));
	json_put(compose, "after", after);
	return true;
}

/* Worked out where the blocked text stands. */
static bool plan_after(const Site *site, json_t *record, const Release *target, Err *err)
{
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(free_auto) char *tag = image_tag_of(target->image);
	AUTO(free_auto) char *digest = NULL;

	return compose_image_read(site->compose_files, site->start_directory, site->compose_service,
		       &image, err) &&
	       (!image.digest || image_digest_of(target->image, target->path, &digest, err)) &&
	       compose_link_plan_after(site, record, tag ? tag : "latest", digest, err);
}

static bool write_for(const Site *site, json_t *record, const Release *target, Err *err)
{
	json_t *compose = json_object_get(record, "compose");

	if (str_is(target->path, json_str(record, "image")))
		return compose_link_write(site, record, COMPOSE_BEFORE, err);
	if (!json_str(compose, "after") &&
		(!compose_link_write(site, record, COMPOSE_BLOCKED, err) ||
			!plan_after(site, record, target, err) ||
			!container_link_save(site, record, err)))
		return false;
	return compose_link_write(site, record, COMPOSE_AFTER, err);
}

/* Going back must not fail for what became of the project's files: the engine can do it, too. */
static bool recreate(const Site *site, const json_t *record, const StrList *program,
	const char *image_id, Err *err)
{
	const bool back = str_is(image_id, json_str(record, "image"));
	bool there;

	if (!program->len) {
		event_notice("no-compose", false,
			"there is no `docker compose` here: the engine makes the container itself");
		return by_engine(site, record, image_id, err);
	}
	if (run_compose(site, program, err))
		return true;
	if (!back)
		return false;
	event_warn_err("no-compose", err);
	return remove_others(site, image_id, &there, err) &&
	       (there || by_engine(site, record, image_id, err));
}

bool compose_link_point(const Site *site, json_t *record, const char *image_id, Err *err)
{
	AUTO(release_clear) Release target = {0};
	AUTO(strlist_clear) StrList program = {0};
	bool there;

	if (!image_release(site, image_id, &target, err) ||
		!image_name_leads_to(target.image, image_id, err) ||
		!write_for(site, record, &target, err) ||
		!remove_others(site, image_id, &there, err))
		return false;
	if (there)
		return true;
	if (!container_check_volumes(json_object_get(record, "inspected"), err) ||
		!compose_program(&program, err))
		return false;
	return recreate(site, record, &program, image_id, err) && check_made(site, image_id, err);
}
