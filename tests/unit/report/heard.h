/* heard.h - an Out that writes into a pipe, and what came out of it. */
#pragma once
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "report/terminal.h"

typedef struct Heard {
	Out out;
	int reader;
	char text[65536];
} Heard;

static inline void heard_open(Heard *heard)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	out_init(&heard->out, ends[1], false);
	heard->reader = ends[0];
	heard->text[0] = '\0';
}

static inline const char *heard_text(Heard *heard)
{
	size_t len = strlen(heard->text);
	ssize_t got;

	while ((got = read(heard->reader, heard->text + len, sizeof heard->text - 1 - len)) > 0)
		len += (size_t)got;
	heard->text[len] = '\0';
	return heard->text;
}

static inline void heard_close(Heard *heard)
{
	if (heard->reader >= 0)
		close(heard->reader);
	close(heard->out.fd);
	out_clear(&heard->out);
}
