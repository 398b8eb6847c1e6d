#include "adopt/adopt.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define SITE_FILE_MAX (64 * 1024)

/* What an operator wrote into an earlier site file is kept beside the new one. */
static bool keep_earlier(const char *file, const char *text, Err *err)
{
	AUTO(free_auto) char *earlier = NULL;
	AUTO(free_auto) char *kept = str_format("%s.before-adopt", file);

	if (!file_exists(file))
		return true;
	if (!file_read(file, SITE_FILE_MAX, &earlier, NULL, err))
		return false;
	return str_is(earlier, text) || file_write_text(kept, earlier, 0600, err);
}

/* A container that was made anew has a key of its own; the one before may be in no other place. */
static bool keep_earlier_key(const char *file, const char *key, Err *err)
{
	AUTO(free_auto) char *earlier = NULL;
	AUTO(free_auto) char *kept = NULL;
	char sha256[SHA256_HEX_SIZE];

	if (!file_exists(file))
		return true;
	if (!file_read(file, SITE_FILE_MAX, &earlier, NULL, err))
		return false;
	sha256_of(earlier, strlen(earlier), sha256);
	kept = str_format("%s.%.8s", file, sha256);
	return str_is(earlier, key) || file_write_text(kept, earlier, 0600, err);
}

bool adopt_save(const Adoption *adoption, Err *err)
{
	const Site *site = &adoption->site;
	AUTO(free_auto) char *folder = path_folder(site->file);
	AUTO(free_auto) char *recipe = site_path(site, "recipe.json");
	AUTO(free_auto) char *text = site_format(site);

	if (!dir_make(site->state_dir, 0700, err) || !dir_make(folder, 0755, err))
		return err_wrap(err, "saving site '%s'", site->name);
	/* Before anything else: it dies with the container. */
	if (adoption->secret_key &&
		!keep_earlier_key(site->secret_key_file, adoption->secret_key, err))
		return err_wrap(err, "saving the secret key of the container");
	if (adoption->secret_key &&
		!file_write_text(site->secret_key_file, adoption->secret_key, 0600, err))
		return err_wrap(err, "saving the secret key of the container");
	/* A recipe that was only made up from the site file would hide later changes of that file.
	 */
	if (site->recipe.pid && !recipe_save(recipe, &site->recipe, err))
		return false;
	if (!keep_earlier(site->file, text, err) || !file_write_text(site->file, text, 0600, err))
		return err_wrap(err, "saving site '%s'", site->name);
	return true;
}
