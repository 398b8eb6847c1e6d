#include "report/run_folder.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "report/json_lines.h"
#include "report/summary.h"

enum { EARLY_MAX = 1 << 20 };

struct RunFolder {
	char *state_dir;
	char *path;
	Summary *summary;
	int events_fd, commands_fd;
	Text early_events, early_commands;
};

RunFolder *run_folder_new(const char *state_dir)
{
	RunFolder *folder = NEW(RunFolder);

	folder->state_dir = str_dup(state_dir);
	folder->summary = summary_new();
	folder->events_fd = folder->commands_fd = -1;
	folder->early_events = folder->early_commands = (Text)TEXT_INIT(EARLY_MAX);
	return folder;
}

void run_folder_free(RunFolder *folder)
{
	if (!folder)
		return;
	close_auto(&folder->events_fd);
	close_auto(&folder->commands_fd);
	text_clear(&folder->early_events);
	text_clear(&folder->early_commands);
	summary_free(folder->summary);
	free(folder->state_dir);
	free(folder->path);
	free(folder);
}

const char *run_folder_path(const RunFolder *folder)
{
	return folder->path;
}

static void put(int fd, Text *early, const char *line)
{
	const size_t len = strlen(line);

	if (fd < 0)
		text_add(early, line);
	else if (write(fd, line, len) != (ssize_t)len)
		return; /* a full disk: the journal says what is needed to go on */
}

static int open_log(const char *folder, const char *name, Text *early)
{
	AUTO(free_auto) char *path = path_join(folder, name);
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
	const int fd = open(path, flags, 0600);

	if (fd >= 0 && early->data)
		put(fd, early, early->data);
	if (fd >= 0)
		text_clear(early);
	return fd;
}

static void begin(RunFolder *folder, const char *run)
{
	AUTO(free_auto) char *runs = path_join(folder->state_dir, "runs");
	AUTO(err_clear) Err err = {0};

	folder->path = path_join(runs, run);
	if (!dir_make(folder->path, 0700, &err))
		return;
	folder->events_fd = open_log(folder->path, "events.jsonl", &folder->early_events);
	folder->commands_fd = open_log(folder->path, "commands.log", &folder->early_commands);
}

/* A shell would read it as the same words; people paste these lines. */
static void add_word(Text *line, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./=:,@%+";

	text_add(line, " ");
	if (*word && strspn(word, plain) == strlen(word)) {
		text_add(line, word);
		return;
	}
	text_add(line, "'");
	for (; *word; word++) {
		if (*word == '\'')
			text_add(line, "'\\''");
		else
			text_add_bytes(line, word, 1);
	}
	text_add(line, "'");
}

static void command_line(RunFolder *folder, const Event *event)
{
	AUTO(text_clear) Text line = TEXT_INIT(256 * 1024);
	AUTO(free_auto) char *when = clock_readable(clock_wall_ms());
	const json_t *word = NULL;
	size_t i = 0;

	text_addf(&line, "%s  exit %lld  %lld ms ", when,
		(long long)json_int(event->data, "exit", -1),
		(long long)json_int(event->data, "ms", event->ms));
	json_array_foreach(json_object_get(event->data, "argv"), i, word)
	{
		if (json_is_string(word))
			add_word(&line, json_string_value(word));
	}
	text_add(&line, "\n");
	put(folder->commands_fd, &folder->early_commands, line.data);
}

static void event_line(RunFolder *folder, const Event *event)
{
	AUTO(json_release_auto) json_t *object = json_of_event(event);
	AUTO(free_auto) char *when = clock_readable(clock_wall_ms());
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *line = NULL;

	if (!object)
		return;
	json_put(object, "at", when);
	text = json_line(object);
	line = str_format("%s\n", text);
	put(folder->events_fd, &folder->early_events, line);
}

static void write_report(RunFolder *folder)
{
	AUTO(free_auto) char *path = path_join(folder->path, "report.md");
	AUTO(free_auto) char *text = summary_markdown(folder->summary);
	AUTO(err_clear) Err err = {0};

	(void)!file_write_text(path, text, 0600, &err);
}

static void on_event(void *self, const Event *event)
{
	RunFolder *folder = self;

	if (event->kind == EVENT_RUN && str_is(event->state, "started") && !folder->path)
		begin(folder, event->id);
	if (event->kind == EVENT_CHILD)
		command_line(folder, event);
	else
		event_line(folder, event);
	summary_hear(folder->summary, event);
	/* Once at the verdict, and again when the work after it (proof of the last backup, watch)
	 * is over: a crash in between must not cost the report. */
	if (folder->path && (event->kind == EVENT_RESULT ||
				    (event->kind == EVENT_RUN && str_is(event->state, "finished"))))
		write_report(folder);
}

EventListener run_folder_listener(RunFolder *folder)
{
	return (EventListener){.on_event = on_event, .self = folder};
}
