#include "release/link.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/container_link.h"
#include "release/marker.h"
#include "release/release.h"
#include "release/stub.h"

static char *absolute_target(const char *link, const char *target)
{
	AUTO(free_auto) char *folder = NULL;

	if (target[0] == '/')
		return str_dup(target);
	folder = path_folder(link);
	return path_join(folder, target);
}

/* The run when `link` is a link to a stub, else NULL. A stub is told by its name alone: it must be
 * recognised even when its folder was deleted by hand. */
static bool run_of_link(const char *link, char **ret, Err *err)
{
	AUTO(free_auto) char *target = NULL;

	*ret = NULL;
	if (file_kind(link) != FILE_LINK)
		return true;
	if (!link_read(link, &target, err))
		return false;
	*ret = str_dup(stub_run(target));
	return true;
}

static bool has_python(const char *folder)
{
	AUTO(free_auto) char *python = path_join(folder, "bin/python");

	return file_exists(python);
}

/* A link to an environment outside ENV.releases counts as a release too: people who switch
 * environments by hand have such a link. */
static bool state_of_link(const char *path, LinkState *ret, char **ret_target, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	AUTO(free_auto) char *full = NULL;

	if (!link_read(path, &target, err))
		return false;
	full = absolute_target(path, target);
	if (stub_run(target)) {
		*ret = LINK_STUB;
		*ret_target = str_dup(stub_run(target));
	} else if (has_python(full)) {
		*ret = LINK_RELEASE;
		*ret_target = TAKE(full);
	} else {
		*ret = LINK_OTHER;
		*ret_target = str_format("a link to '%s', which is no environment", full);
	}
	return true;
}

bool link_state(const Site *site, LinkState *ret, char **ret_target, Err *err)
{
	const char *path = site->environment;
	const char *what = "it does not exist";

	if (site_in_container(site))
		return container_link_state(site, ret, ret_target, err);
	switch (file_kind(path)) {
	case FILE_LINK:
		return state_of_link(path, ret, ret_target, err);
	case FILE_FOLDER:
		if (has_python(path)) {
			*ret = LINK_FOLDER;
			*ret_target = NULL;
			return true;
		}
		what = "a folder without 'bin/python'";
		break;
	case FILE_ABSENT:
		break;
	default:
		what = "not a folder";
		break;
	}
	*ret = LINK_OTHER;
	*ret_target = str_dup(what);
	return true;
}

static bool foreign(const Site *site, const char *what, Err *err)
{
	return err_fail(
		err, ERR_FOREIGN, "'%s' was changed by someone else: %s", site->environment, what);
}

/* One exchange turns the real folder into the link, so that there is no moment without an
 * environment and none in which both names lead to one. */
static bool fold(const Site *site, const char *stub, const char *parked, Err *err)
{
	AUTO(free_auto) char *run = NULL;
	FileKind kind = file_kind(parked);

	if (!run_of_link(parked, &run, err))
		return false;
	if (kind != FILE_ABSENT && !run)
		return err_fail(err, ERR_FOREIGN,
			"the environment cannot move to '%s': something is there already", parked);
	if (!link_replace(parked, stub, err) || !path_exchange(site->environment, parked, err))
		return err_wrap(err, "turning '%s' into a link", site->environment);
	return true;
}

bool link_block(const Site *site, const char *run, const char *old_version, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	AUTO(free_auto) char *releases = NULL;
	AUTO(free_auto) char *stub = NULL;
	AUTO(free_auto) char *parked = NULL;
	LinkState state;

	if (site_in_container(site))
		return container_link_block(site, run, err);
	if (!link_state(site, &state, &target, err))
		return false;
	if (state == LINK_OTHER)
		return foreign(site, target, err);
	if (state == LINK_STUB && !str_is(target, run)) {
		err_fail(
			err, ERR_FOREIGN, "'%s' is blocked by run '%s'", site->environment, target);
		return err_hint(err, "belay resume");
	}
	if (!releases_dir_make(site, &releases, err))
		return false;
	stub = stub_path(releases, run);
	if (!stub_make(stub, run, err))
		return false;
	if (state == LINK_STUB)
		return true;
	if (state == LINK_RELEASE)
		return link_replace(site->environment, stub, err);
	parked = path_join(releases, old_version);
	return fold(site, stub, parked, err);
}

static bool same_place(const char *a, const char *b)
{
	AUTO(free_auto) char *real_a = path_real(a);
	AUTO(free_auto) char *real_b = path_real(b);

	return real_a && real_b && str_is(real_a, real_b);
}

bool link_point(const Site *site, const char *release_path, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	AUTO(release_clear) Release release = {0};
	LinkState state;

	if (site_in_container(site))
		return container_link_point(site, release_path, err);
	if (!link_state(site, &state, &target, err))
		return false;
	if (state == LINK_RELEASE && same_place(site->environment, release_path))
		return true;
	if (state == LINK_FOLDER)
		return foreign(site, "it is a folder, not the link to a stub", err);
	if (state != LINK_STUB)
		return foreign(site, target, err);
	if (!release_at(release_path, &release, err))
		return err_wrap(err, "pointing '%s' to a release", site->environment);
	return link_replace(site->environment, release_path, err);
}

/* After the exchange the place in ENV.releases holds the link to the stub. It goes last: as long as
 * it is there, a repeated call knows that the exchange was ours. */
static bool remove_parked_link(const char *parked, Err *err)
{
	AUTO(free_auto) char *run = NULL;

	if (!file_remove_unfinished(parked, err) || !run_of_link(parked, &run, err))
		return false;
	return !run || file_remove(parked, err);
}

bool link_unfold(const Site *site, const char *old_version, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *parked = path_join(releases, old_version);
	LinkState state;

	if (!link_state(site, &state, &target, err))
		return false;
	if (state == LINK_FOLDER)
		return remove_parked_link(parked, err);
	if (state != LINK_STUB)
		return foreign(site, target, err);
	if (file_kind(parked) != FILE_FOLDER || !has_python(parked))
		return err_fail(err, ERR_FOREIGN,
			"the environment that was moved to '%s' is not there", parked);
	if (!path_exchange(site->environment, parked, err))
		return err_wrap(err, "bringing the environment back to '%s'", site->environment);
	return remove_parked_link(parked, err);
}

bool link_stub_remove(const Site *site, const char *run, Err *err)
{
	AUTO(free_auto) char *now = NULL;
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *stub = stub_path(releases, run);

	if (site_in_container(site))
		return container_link_release(site, run, err);
	if (!run_of_link(site->environment, &now, err))
		return false;
	if (str_is(now, run))
		return err_fail(err, ERR_INTERNAL, "'%s' still points to the stub of run '%s'",
			site->environment, run);
	return file_remove_unfinished(site->environment, err) && tree_remove(stub, err);
}
