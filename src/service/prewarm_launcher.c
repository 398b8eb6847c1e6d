#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/launcher_words.h"
#include "os/file.h"
#include "os/signals.h"
#include "service/prewarm_parts.h"

#define LIST_MAX     ((size_t)4 * 1024 * 1024)
#define NAME_MAX_LEN 400

#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char script[] =
#include "prewarm_py.h"
	;

char *prewarm_folder(const Site *site)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);

	return path_join(releases, ".prewarm");
}

bool prewarm_install_launcher(const Site *site, char **ret_path, Err *err)
{
	AUTO(free_auto) char *folder = prewarm_folder(site);
	AUTO(free_auto) char *path = path_join(folder, LAUNCHER_FILE);

	if (!dir_make(folder, 0755, err) || !file_write_text(path, script, 0644, err))
		return err_wrap(err, "installing what starts the server early");
	*ret_path = TAKE(path);
	return true;
}

/* The state folder, where it was recorded, is closed to the site's user when belay runs as root. */
bool prewarm_install_list(const PrewarmSpec *spec, char **ret_path, Err *err)
{
	AUTO(free_auto) char *folder = prewarm_folder(spec->site);
	AUTO(free_auto) char *path = str_format("%s/%s.modules", folder, spec->release->version);
	AUTO(free_auto) char *text = NULL;

	if (!file_read(spec->modules, LIST_MAX, &text, NULL, err) || !dir_make(folder, 0755, err) ||
		!file_write_text(path, text, 0644, err))
		return err_wrap(err, "listing the modules to import early");
	*ret_path = TAKE(path);
	return true;
}

/* ---- the list, from a server that serves ---- */

static bool answer_is_whole(const Text *answer)
{
	return answer->len >= 2 && str_is(answer->data + answer->len - 2, "\n\n");
}

static bool read_answer(int socket, Text *answer, Err *err)
{
	const Deadline deadline = deadline_in(PREWARM_RECORD_MS);

	while (!answer_is_whole(answer)) {
		struct pollfd wait[] = {
			{.fd = socket, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};
		char bytes[16 * 1024];
		ssize_t got;

		if (poll(wait, 2, (int)deadline_left_ms(deadline)) < 0 && errno == EINTR)
			continue;
		if (wait[1].revents)
			return err_fail(err, ERR_INTERRUPTED, "interrupted");
		if (!wait[0].revents)
			return err_fail(err, ERR_TIMEOUT, "the server does not answer");
		got = recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got <= 0)
			return err_fail(err, ERR_VERIFY, "the server has gone");
		text_add_bytes(answer, bytes, (size_t)got);
		if (answer->truncated)
			return err_fail(err, ERR_VERIFY, "the answer is too long");
	}
	return true;
}

/* What is no name of a module would be imported on every start to come. */
static bool check_names(const char *text, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	strlist_split(&names, text, "\n");
	if (!names.len)
		return err_fail(err, ERR_VERIFY, "the answer is empty");
	for (size_t i = 0; i < names.len; i++) {
		if (strlen(names.items[i]) > NAME_MAX_LEN || strpbrk(names.items[i], " \t\r/"))
			return err_fail(err, ERR_VERIFY, "'%.40s' is not the name of a module",
				names.items[i]);
	}
	return true;
}

bool prewarm_record(int socket, const char *to_file, Err *err)
{
	AUTO(text_clear) Text answer = TEXT_INIT(LIST_MAX);

	if (send(socket, "L", 1, MSG_NOSIGNAL) != 1)
		err_fail_sys(err, "the server does not take questions");
	else if (read_answer(socket, &answer, err) && check_names(answer.data, err))
		return file_write_text(to_file, answer.data, 0600, err);
	return err_wrap(err, "asking the server which modules it has loaded");
}
