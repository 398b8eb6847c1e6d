#include "os/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t seen;
static volatile sig_atomic_t event_fd = -1;
static int holds;

static void note_signal(int number)
{
	const uint64_t one = 1;
	int saved = errno;

	seen = number;
	if (event_fd >= 0 && write(event_fd, &one, sizeof(one)) < 0)
		seen = number; /* the counter is full: it is readable already */
	errno = saved;
}

void signals_install(void)
{
	struct sigaction note = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (event_fd < 0)
		event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&note.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGINT, &note, NULL);
	sigaction(SIGTERM, &note, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

int signals_pending(void)
{
	return holds > 0 ? 0 : seen;
}

void signals_hold(void)
{
	holds++;
}

void signals_release(void)
{
	if (holds > 0)
		holds--;
}

int signals_seen(void)
{
	return seen;
}

int signals_fd(void)
{
	return holds > 0 ? -1 : event_fd;
}
