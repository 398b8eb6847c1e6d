#include "release/data_home.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

/* Every wheel read so far brings this one file in PACKAGE/data: it is not data. */
#define SHIPPED_FILE "readme.txt"

static bool links_to(const char *path, const char *target, bool *ret, Err *err)
{
	AUTO(free_auto) char *now = NULL;

	*ret = false;
	if (file_kind(path) != FILE_LINK)
		return true;
	if (!link_read(path, &now, err))
		return false;
	*ret = str_is(now, target);
	return true;
}

static bool holds_data(const char *folder, bool *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(folder, &names, err))
		return false;
	*ret = names.len > 1 || (names.len == 1 && !str_is(names.items[0], SHIPPED_FILE));
	return true;
}

bool data_home_state(const Site *site, const Release *release, DataHome *ret, Err *err)
{
	AUTO(free_auto) char *data = path_join(release->package_dir, "data");
	AUTO(free_auto) char *home = site_data_home(site);
	bool yes;

	if (!links_to(data, home, &yes, err))
		return false;
	if (yes) {
		*ret = DATA_MOVED;
		return true;
	}
	yes = false;
	if (file_kind(data) == FILE_FOLDER && !holds_data(data, &yes, err))
		return false;
	*ret = yes ? DATA_INSIDE : DATA_NEITHER;
	return true;
}

/* Is ENV.data the link to itself that lies there until the exchange, and after a way back? */
static bool home_is_placeholder(const char *home, bool *ret, Err *err)
{
	return links_to(home, home, ret, err);
}

/* A link at ENV.data that names ENV.data leads nowhere. Exchanged with the data folder it is
 * exactly the link that PACKAGE/data has to become: so the move is one step, and a power cut finds
 * the data in one place or the other, always under a name that the application uses. */
bool data_home_move(const Site *site, const Release *release, Err *err)
{
	AUTO(free_auto) char *data = path_join(release->package_dir, "data");
	AUTO(free_auto) char *home = site_data_home(site);
	bool moved, placeholder;

	if (!links_to(data, home, &moved, err) || !home_is_placeholder(home, &placeholder, err))
		return false;
	if (moved && file_kind(home) == FILE_FOLDER)
		return true;
	if (file_kind(data) != FILE_FOLDER)
		return err_fail(err, ERR_FOREIGN, "the data folder '%s' is not there", data);
	if (!placeholder && file_kind(home) != FILE_ABSENT)
		return err_fail(err, ERR_FOREIGN,
			"the data cannot move to '%s': something is there already", home);
	if (!link_replace(home, home, err) || !path_exchange(data, home, err))
		return err_wrap(err, "moving the data out of the environment");
	return true;
}

bool data_home_move_back(const Site *site, const Release *release, Err *err)
{
	AUTO(free_auto) char *data = path_join(release->package_dir, "data");
	AUTO(free_auto) char *home = site_data_home(site);
	bool moved, placeholder;

	if (!links_to(data, home, &moved, err))
		return false;
	if (moved && file_kind(home) != FILE_FOLDER)
		return err_fail(err, ERR_FOREIGN, "the data folder '%s' is not there", home);
	if (moved && !path_exchange(data, home, err))
		return err_wrap(err, "moving the data back into the environment");
	if (!home_is_placeholder(home, &placeholder, err))
		return false;
	return !placeholder || file_remove(home, err);
}

/* The folder that the wheel brought is exchanged with the link and removed afterwards, under a name
 * that nothing uses. */
static bool replace_shipped_folder(const char *data, const char *home, Err *err)
{
	AUTO(free_auto) char *aside = str_format("%s.belay", data);
	bool yes;

	if (!holds_data(data, &yes, err))
		return false;
	if (yes)
		return err_fail(
			err, ERR_REFUSED, "'%s' holds data of its own, beside '%s'", data, home);
	return tree_remove(aside, err) && link_replace(aside, home, err) &&
	       path_exchange(data, aside, err) && tree_remove(aside, err);
}

bool data_home_link(const Site *site, const Release *release, Err *err)
{
	AUTO(free_auto) char *data = path_join(release->package_dir, "data");
	AUTO(free_auto) char *home = site_data_home(site);
	bool done;

	if (file_kind(home) != FILE_FOLDER)
		return err_fail(err, ERR_VERIFY, "the data folder '%s' is not there", home);
	if (!links_to(data, home, &done, err))
		return false;
	if (done) {
		AUTO(free_auto) char *aside = str_format("%s.belay", data);

		return tree_remove(aside, err);
	}
	if (file_kind(data) == FILE_FOLDER)
		return replace_shipped_folder(data, home, err);
	return link_replace(data, home, err);
}
