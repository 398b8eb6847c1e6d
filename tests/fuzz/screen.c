/* Texts from outside on a terminal: no sequence of theirs reaches it. */
#include "fuzz.h"

#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/mem.h"
#include "report/screen.h"
#include "report/table.h"

/* What a terminal would act upon: controls other than a newline, also those that UTF-8 writes with
 * two bytes. */
static void must_be_harmless(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		FUZZ_MUST((*c >= ' ' && *c != 0x7f) || *c == '\n' || *c == '\t');
		FUZZ_MUST(!(c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0));
	}
}

static void show(Out *out, const char *text)
{
	AUTO(screen_free_auto) Screen *screen = screen_new(out, out, false);
	AUTO(table_free_auto) Table *table = table_new(2, (const char *const[]){"a", "b"});
	const Event events[] = {
		{.kind = EVENT_CHECK, .id = "c", .state = "refused", .text = text, .hint = text},
		{.kind = EVENT_NOTICE, .id = "n", .state = "warning", .text = text, .hint = text},
		{.kind = EVENT_STEP, .id = "s", .state = "failed", .text = text, .ms = 5},
	};

	event_listen(screen_listener(screen));
	for (size_t i = 0; i < COUNT_OF(events); i++)
		event_emit(&events[i]);
	event_unlisten(screen);
	table_row(table, (const char *const[]){text, text});
	table_show(table, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(free_auto) char *path = fuzz_path("screen");
	AUTO(close_auto) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	AUTO(free_auto) char *shown = NULL;
	Out out;
	off_t size;

	FUZZ_MUST(fd >= 0);
	setlocale(LC_ALL, "C.UTF-8");
	out_init(&out, fd, false);
	out.terminal = true;
	out.width = 80;
	show(&out, text);
	out_finish(&out);
	out_clear(&out);
	size = lseek(fd, 0, SEEK_CUR);
	shown = mem_new((size_t)size + 1, 1);
	FUZZ_MUST(pread(fd, shown, (size_t)size, 0) == size);
	must_be_harmless(shown);
	return 0;
}
