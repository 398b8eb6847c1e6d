#include "rehearse/cage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "docker/engine_change.h"
#include "os/proc.h"
#include "release/throwaway.h"
#include "rehearse/relay.h"

#define ANSWER_MAX ((size_t)1024 * 1024)
#define START_MS   10000
#define CONNECT_MS 5000
#define LEAVE_MS   500

/* Holder and relay wait for the end of `control`, which comes when belay closes its side or dies.
 */
typedef struct Keeper {
	pid_t pid;
	int control;
} Keeper;

struct Cage {
	Keeper holder, relay;
	int pidfd;          /* of the holder: its network namespace is the cage */
	char *container;    /* whose namespace that is; NULL: the holder's own */
	bool other_address; /* the URL's host is not loopback */
};

/* ---- children that are not other programs ---- */

static void drop_descriptors(const int *kept, size_t count)
{
	for (int fd = 0; fd < 4096; fd++) {
		bool keep = false;

		for (size_t i = 0; i < count; i++)
			keep |= kept[i] == fd;
		if (!keep)
			close(fd);
	}
}

/* Ctrl-C in the terminal is for belay, which undoes; these end with it. */
static void become_keeper(pid_t parent)
{
	sigset_t none;

	setpgid(0, 0);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action = {.sa_handler = SIG_DFL};

		sigaction(number, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
}

/* Signals stay blocked until become_keeper(): our handlers must not run in the child. */
static pid_t fork_quietly(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* It leaves by itself when it hears the end of `control`; the kill is for one that hangs. */
static void keeper_end(Keeper *keeper)
{
	struct pollfd gone = {.fd = keeper->control, .events = POLLIN};

	if (keeper->control >= 0) {
		shutdown(keeper->control, SHUT_WR);
		poll(&gone, 1, LEAVE_MS);
		close(keeper->control);
	}
	keeper->control = -1;
	if (keeper->pid > 0) {
		kill(keeper->pid, SIGKILL);
		while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	keeper->pid = 0;
}

/* ---- the holder ---- */

/* What the holder says when it is ready; the listening sockets come with it. */
typedef struct Word {
	int failed; /* errno; 0: ready */
	int stage;
	int sockets;
} Word;
enum { STAGE_UNSHARE, STAGE_LOOPBACK, STAGE_LISTEN };

static bool write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Without root, a user namespace of our own gives the right to a network namespace, where the
 * system lets everybody make one. */
static bool leave_network(uid_t uid, gid_t gid)
{
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	if (errno != EPERM || uid == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	snprintf(map, sizeof map, "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (!write_file("/proc/self/uid_map", map) || !write_file("/proc/self/setgroups", "deny"))
		return false;
	snprintf(map, sizeof map, "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_file("/proc/self/gid_map", map);
}

static bool raise_loopback(void)
{
	AUTO(close_auto) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		return false;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static int listen_at(int family, int port)
{
	const struct sockaddr_in four = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const bool is_four = family == AF_INET;
	const void *address = is_four ? (const void *)&four : (const void *)&six;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, address, is_four ? sizeof four : sizeof six) == 0 && listen(fd, 128) == 0)
		return fd;
	close(fd);
	return -1;
}

static void say(int control, Word word, const int *sockets)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} extra = {0};
	struct iovec text = {.iov_base = &word, .iov_len = sizeof word};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};

	if (word.sockets > 0) {
		const size_t bytes = (size_t)word.sockets * sizeof(int);
		struct cmsghdr *head;

		message.msg_control = extra.bytes;
		message.msg_controllen = CMSG_SPACE(bytes);
		head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		head->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(head), sockets, bytes);
	}
	if (sendmsg(control, &message, MSG_NOSIGNAL) < 0)
		_exit(1);
}

/* port 0: no way out. IPv6 may be switched off; then IPv4 has to do. */
static Word settle(int around, int port, int sockets[2])
{
	Word word = {0};

	if (around > 0 ? !child_enter_cage(around) : !leave_network(geteuid(), getegid()))
		return (Word){.failed = errno, .stage = STAGE_UNSHARE};
	if (!raise_loopback())
		return (Word){.failed = errno, .stage = STAGE_LOOPBACK};
	if (port == 0)
		return word;
	sockets[0] = listen_at(AF_INET, port);
	if (sockets[0] < 0)
		return (Word){.failed = errno, .stage = STAGE_LISTEN};
	sockets[1] = listen_at(AF_INET6, port);
	word.sockets = sockets[1] < 0 ? 1 : 2;
	return word;
}

static void holder_main(pid_t parent, int control, int around, int port) __attribute__((noreturn));
static void holder_main(pid_t parent, int control, int around, int port)
{
	const int kept[] = {control, around};
	int sockets[2] = {-1, -1};
	char ignored;
	Word word;

	become_keeper(parent);
	drop_descriptors(kept, COUNT_OF(kept));
	word = settle(around, port, sockets);
	say(control, word, sockets);
	for (int i = 0; i < word.sockets; i++)
		close(sockets[i]);
	while (read(control, &ignored, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* ---- making it ---- */

static bool hear(int control, Word *ret, int sockets[2], Err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} extra = {0};
	struct iovec text = {.iov_base = ret, .iov_len = sizeof *ret};
	struct msghdr message = {.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = extra.bytes,
		.msg_controllen = sizeof extra.bytes};
	struct pollfd wait = {.fd = control, .events = POLLIN};
	struct cmsghdr *head;

	if (poll(&wait, 1, START_MS) <= 0 ||
		recvmsg(control, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *ret)
		return err_fail(err, ERR_INTERNAL, "the holder of the network namespace is gone");
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(sockets, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
	return true;
}

static bool judge(const Word *word, Err *err)
{
	if (!word->failed)
		return true;
	errno = word->failed;
	switch (word->stage) {
	case STAGE_UNSHARE:
		return err_fail_sys(err, "no right to a network namespace");
	case STAGE_LOOPBACK:
		return err_fail_sys(err, "no loopback in the network namespace");
	default:
		return err_fail_sys(err, "nothing can listen in the network namespace");
	}
}

/* `around`: a pidfd whose network namespace it is to be; 0: a new one. */
static bool hold(Cage *cage, int around, int port, int sockets[2], Err *err)
{
	const pid_t parent = getpid();
	Word word = {0};
	int ends[2];

	if (!FAULT(err, "cage-make"))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_fail_sys(err, "cannot make a network namespace");
	cage->holder.pid = fork_quietly();
	if (cage->holder.pid == 0)
		holder_main(parent, ends[1], around, port);
	close(ends[1]);
	cage->holder.control = ends[0];
	if (cage->holder.pid < 0)
		return err_fail_sys(err, "cannot make a network namespace");
	cage->pidfd = (int)syscall(SYS_pidfd_open, cage->holder.pid, 0);
	if (cage->pidfd < 0)
		return err_fail_sys(err, "cannot watch a child (Linux 5.3 or newer is needed)");
	return hear(ends[0], &word, sockets, err) && judge(&word, err);
}

static bool relay(Cage *cage, RelaySpec *spec, Err *err)
{
	const pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_fail_sys(err, "cannot make a relay to the database");
	cage->relay.pid = fork_quietly();
	if (cage->relay.pid == 0) {
		const int kept[] = {ends[1], spec->listeners[0], spec->listeners[1]};

		become_keeper(parent);
		drop_descriptors(kept, COUNT_OF(kept));
		spec->control = ends[1];
		relay_run(spec);
	}
	close(ends[1]);
	cage->relay.control = ends[0];
	return cage->relay.pid > 0 || err_fail_sys(err, "cannot make a relay to the database");
}

static bool answers(const struct addrinfo *at)
{
	AUTO(close_auto)
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int failed = 0;

	if (fd < 0)
		return false;
	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return true;
	return errno == EINPROGRESS && poll(&wait, 1, CONNECT_MS) == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 && !failed;
}

/* Names are looked up here: in the cage there is nobody to ask. */
static bool find_server(const DatabaseUrl *database, RelaySpec *ret, Err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	AUTO(free_auto) char *port = str_format("%d", database->port);
	struct addrinfo *found = NULL;
	const int failed = getaddrinfo(database->host, port, &hints, &found);

	if (failed)
		return err_fail(err, ERR_NETWORK, "the database host '%s' is not known: %s",
			database->host, gai_strerror(failed));
	for (const struct addrinfo *at = found; at && !ret->to_len; at = at->ai_next) {
		if (at->ai_addrlen > sizeof ret->to || !answers(at))
			continue;
		memcpy(&ret->to, at->ai_addr, at->ai_addrlen);
		ret->to_len = at->ai_addrlen;
	}
	freeaddrinfo(found);
	return ret->to_len || err_fail(err, ERR_NETWORK, "the database at '%s:%d' does not answer",
				      database->host, database->port);
}

/* A database behind a Unix socket is a file, which a network namespace does not hide. */
static bool needs_relay(const DatabaseUrl *database)
{
	return database && database->kind == DATABASE_POSTGRES && !str_empty(database->host) &&
	       database->host[0] != '/';
}

static bool is_loopback(const char *host)
{
	return str_is(host, "localhost") || str_is(host, "127.0.0.1") || str_is(host, "::1");
}

static bool make(Cage *cage, int around, const DatabaseUrl *database, Err *err)
{
	RelaySpec way = {.listeners = {-1, -1}, .control = -1};
	const bool relayed = needs_relay(database);
	bool done;

	if (relayed && !find_server(database, &way, err))
		return false;
	done = hold(cage, around, relayed ? database->port : 0, way.listeners, err) &&
	       (!relayed || relay(cage, &way, err));
	for (size_t i = 0; i < 2; i++)
		if (way.listeners[i] >= 0)
			close(way.listeners[i]);
	cage->other_address = relayed && !is_loopback(database->host);
	return done;
}

static Cage *cage_new(void)
{
	Cage *cage = NEW(Cage);

	cage->pidfd = cage->holder.control = cage->relay.control = -1;
	return cage;
}

bool cage_make(const DatabaseUrl *database, Cage **ret, Err *err)
{
	AUTO(cage_close_auto) Cage *cage = cage_new();

	if (!make(cage, 0, database, err))
		return false;
	*ret = TAKE(cage);
	return true;
}

bool cage_make_container(
	const Site *site, const char *image, const char *database_url, Cage **ret, Err *err)
{
	AUTO(cage_close_auto) Cage *cage = cage_new();
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(database_url_clear) DatabaseUrl database = {0};
	AUTO(close_auto) int around = -1;
	const ThrowawaySpec holder = {
		.site = site, .purpose = "cage", .image = image, .argv = &argv};
	pid_t pid;

	strlist_add_array(&argv, ARGV("python3", "-c", "import signal; signal.pause()"));
	if (!database_url_parse(database_url, "/", &database, err) ||
		!throwaway_make(&holder, &cage->container, err) ||
		!throwaway_start(cage->container, &pid, err))
		return false;
	around = (int)syscall(SYS_pidfd_open, pid, 0);
	if (around < 0)
		return err_fail_sys(err, "watching a container");
	if (!make(cage, around, &database, err))
		return err_wrap(err, "leading a container to the database");
	*ret = TAKE(cage);
	return true;
}

void cage_close(Cage *cage)
{
	AUTO(err_clear) Err leftover = {0};

	if (!cage)
		return;
	keeper_end(&cage->relay);
	keeper_end(&cage->holder);
	if (cage->pidfd >= 0)
		close(cage->pidfd);
	if (cage->container && !docker_remove(cage->container, &leftover))
		event_warn_err("leftover", &leftover);
	free(cage->container);
	free(cage);
}

const char *cage_container(const Cage *cage)
{
	return cage ? cage->container : NULL;
}

int cage_fd(const Cage *cage)
{
	return cage ? cage->pidfd : 0;
}

char *cage_url(const Cage *cage, const char *url)
{
	if (!cage || !cage->other_address)
		return str_dup(url);
	return str_format("%s%shostaddr=127.0.0.1", url, strchr(url, '?') ? "&" : "?");
}

/* ---- asking inside ---- */

static void task_main(const Cage *cage, CageTask *task, void *arg, int to)
	__attribute__((noreturn));
static void task_main(const Cage *cage, CageTask *task, void *arg, int to)
{
	Text answer = TEXT_INIT(ANSWER_MAX);
	size_t done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cage && !child_enter_cage(cage->pidfd))
		_exit(1);
	task(arg, &answer);
	while (done < answer.len) {
		const ssize_t put = write(to, answer.data + done, answer.len - done);

		if (put < 0 && errno != EINTR)
			_exit(1);
		done += put > 0 ? (size_t)put : 0;
	}
	_exit(0);
}

/* Until the other end is closed. */
static bool read_answer(int from, int64_t timeout_ms, Text *ret, Err *err)
{
	const Deadline deadline = deadline_in(timeout_ms);
	char bytes[16384];

	for (;;) {
		struct pollfd wait = {.fd = from, .events = POLLIN};
		const int ready = poll(&wait, 1, (int)deadline_left_ms(deadline));
		ssize_t got;

		if (ready == 0)
			return err_fail(err, ERR_TIMEOUT, "no answer within %lld s",
				whole_seconds(timeout_ms));
		got = ready < 0 ? -1 : read(from, bytes, sizeof bytes);
		if (got == 0)
			return true;
		if (got > 0)
			text_add_bytes(ret, bytes, (size_t)got);
		else if (errno != EINTR)
			return err_fail_sys(err, "reading the answer of a child");
	}
}

bool cage_call(
	const Cage *cage, CageTask *task, void *arg, int64_t timeout_ms, char **ret, Err *err)
{
	AUTO(text_clear) Text answer = TEXT_INIT(ANSWER_MAX);
	int ends[2], status = 0;
	bool heard;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_fail_sys(err, "asking from inside the network namespace");
	pid = fork_quietly();
	if (pid == 0) {
		close(ends[0]);
		task_main(cage, task, arg, ends[1]);
	}
	close(ends[1]);
	heard = pid > 0 && read_answer(ends[0], timeout_ms, &answer, err);
	close(ends[0]);
	if (pid < 0)
		return err_fail_sys(err, "asking from inside the network namespace");
	if (!heard)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!heard)
		return false;
	if (status != 0)
		return err_fail(err, ERR_INTERNAL,
			"nothing can be asked from inside the network namespace");
	*ret = text_take(&answer);
	return true;
}
