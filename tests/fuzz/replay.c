/* replay.c - a fuzz target without libFuzzer: its corpus, and of each input what hostile files
 * often are: cut short, repeated to a quarter of a megabyte, with a NUL in it, with CRLF, with a
 * BOM, with bytes that are no UTF-8. One line of TAP; the input that was being read is named when
 * it crashes. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fuzz.h"
#include "os/file.h"

#define INPUT_MAX (4 * 1024 * 1024)
#define REPEATED  (256 * 1024)
#define HANGS_S   "60" /* BELAY_REPLAY_LIMIT: for valgrind */

static char current[512];

static void on_crash(int number)
{
	static const char words[] = "not ok 1 - " FUZZ_TARGET ": ";

	/* Only what may be called in a signal handler. */
	(void)!write(1, words, sizeof words - 1);
	(void)!write(1, current, strlen(current));
	(void)!write(1, "\n", 1);
	signal(number, SIG_DFL);
	raise(number);
}

static void feed(const char *name, const char *how, const char *bytes, size_t len)
{
	/* A copy of exactly this size: a sanitizer sees one byte too far. */
	AUTO(free_auto) uint8_t *copy = mem_new(len ? len : 1, 1);
	const char *limit = getenv("BELAY_REPLAY_LIMIT");

	memcpy(copy, bytes, len);
	snprintf(current, sizeof current, "%s%s", name, how);
	alarm((unsigned)atoi(limit ? limit : HANGS_S));
	LLVMFuzzerTestOneInput(copy, len);
	alarm(0);
}

static void feed_repeated(const char *name, const char *bytes, size_t len)
{
	const size_t times = len ? REPEATED / len + 1 : 0;
	AUTO(free_auto) char *many = mem_new(times * len + 1, 1);

	for (size_t i = 0; i < times; i++)
		memcpy(many + i * len, bytes, len);
	if (times)
		feed(name, ", repeated", many, times * len);
}

static void feed_crlf(const char *name, const char *bytes, size_t len)
{
	AUTO(free_auto) char *other = mem_new(2 * len + 4, 1);
	size_t at = 0;

	memcpy(other, "\xef\xbb\xbf", 3);
	at = 3;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			other[at++] = '\r';
		other[at++] = bytes[i];
	}
	feed(name, ", with BOM and CRLF", other, at);
}

static void feed_all(const char *name, char *bytes, size_t len)
{
	feed(name, "", bytes, len);
	feed(name, ", first half", bytes, len / 2);
	feed_repeated(name, bytes, len);
	feed_crlf(name, bytes, len);
	if (!len)
		return;
	bytes[len / 2] = '\xff';
	feed(name, ", with a byte that is no UTF-8", bytes, len);
	bytes[len / 2] = '\0';
	feed(name, ", with a NUL", bytes, len);
}

int main(int argc, char **argv)
{
	const char *corpus = argc > 1 ? argv[1] : FUZZ_CORPUS;
	AUTO(strlist_clear) StrList names = {0};
	AUTO(err_clear) Err err = {0};

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < 5; i++)
		signal((const int[]){SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGALRM}[i], on_crash);
	if (!dir_list(corpus, &names, &err) || names.len == 0) {
		printf("not ok 1 - %s: no corpus in '%s'\n", FUZZ_TARGET, corpus);
		return 1;
	}
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(corpus, names.items[i]);
		AUTO(free_auto) char *bytes = NULL;
		size_t len = 0;

		if (!file_read(path, INPUT_MAX, &bytes, &len, &err)) {
			printf("not ok 1 - %s: %s\n", FUZZ_TARGET, err.text);
			return 1;
		}
		feed_all(names.items[i], bytes, len);
	}
	feed("nothing", "", "", 0);
	printf("ok 1 - %s: %zu inputs\n1..1\n", FUZZ_TARGET, names.len);
	return 0;
}
