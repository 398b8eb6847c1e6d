#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/process_dir.h"
#include "os/process_table.h"

#define LISTENERS_MAX 65536
#define LISTENING     0x0a
#define FD_MAX        65536

typedef struct Listener {
	int port;
	unsigned long inode;
	char address[33]; /* hexadecimal, as the kernel prints it */
} Listener;

typedef struct ListenerList {
	Listener *items;
	size_t len;
} ListenerList;

static void listeners_clear(ListenerList *list)
{
	free(list->items);
	*list = (ListenerList){0};
}

/* false: what follows are connections. */
static bool listeners_add(ListenerList *list, const char *line)
{
	Listener found;
	unsigned port, state;

	if (sscanf(line, " %*d: %32[0-9A-F]:%4x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
		    found.address, &port, &state, &found.inode) != 4)
		return true; /* the heading */
	if (state != LISTENING)
		return false;
	found.port = (int)port;
	list->items = mem_resize(list->items, list->len + 1, sizeof *list->items);
	list->items[list->len++] = found;
	return true;
}

/* The kernel puts the listening sockets first and makes no more lines than are asked for: with a
 * small buffer it need not go through its whole table of connections. */
static void listeners_of(const char *table, ListenerList *list)
{
	FILE *file = fopen(table, "re");
	char buffer[512], line[512];

	if (!file)
		return;
	setvbuf(file, buffer, _IOFBF, sizeof buffer);
	while (list->len < LISTENERS_MAX && fgets(line, sizeof line, file)) {
		if (!listeners_add(list, line))
			break;
	}
	fclose(file);
}

/* In the network namespace of that process. */
static void listeners_read(pid_t pid, ListenerList *list)
{
	AUTO(free_auto) char *four = proc_path(pid, "net/tcp");
	AUTO(free_auto) char *six = proc_path(pid, "net/tcp6");

	listeners_of(four, list);
	listeners_of(six, list);
}

/* A host has tens of thousands of descriptors, and `status` asks about all of them: relative to the
 * folder, without an allocation each. */
static void each_socket(pid_t pid, bool (*each)(void *arg, unsigned long inode), void *arg)
{
	AUTO(free_auto) char *path = proc_path(pid, "fd");
	char target[64];
	struct dirent *entry;
	DIR *folder = opendir(path);

	while (folder && (entry = readdir(folder))) {
		const ssize_t len = readlinkat(
			dirfd(folder), entry->d_name, target, sizeof target - 1);
		unsigned long inode;

		if (len <= 0 || strncmp(target, "socket:[", 8) != 0)
			continue;
		target[len] = '\0';
		inode = strtoul(target + 8, NULL, 10);
		if (!each(arg, inode))
			break;
	}
	if (folder)
		closedir(folder);
}

typedef struct Search {
	const ListenerList *listeners;
	int port; /* looked for */
	pid_t found;
	bool hit;
} Search;

static bool search_socket(void *arg, unsigned long inode)
{
	Search *search = arg;

	for (size_t i = 0; i < search->listeners->len && !search->hit; i++)
		search->hit = search->listeners->items[i].port == search->port &&
			      search->listeners->items[i].inode == inode;
	return !search->hit;
}

/* The kernel lists processes in the order of their numbers. */
static bool search_pid(void *arg, pid_t pid)
{
	Search *search = arg;

	each_socket(pid, search_socket, search);
	if (search->hit)
		search->found = pid;
	return !search->hit;
}

pid_t process_listening_on(int port)
{
	AUTO(listeners_clear) ListenerList listeners = {0};
	Search search = {.listeners = &listeners, .port = port};
	bool somebody = false;

	listeners_read(getpid(), &listeners);
	for (size_t i = 0; i < listeners.len; i++)
		somebody |= listeners.items[i].port == port;
	if (!somebody)
		return 0;
	proc_pids(search_pid, &search);
	return search.found ? search.found : -1;
}

/* The kernel prints each 32-bit word in the byte order of the machine. */
static char *readable_address(const char *hex)
{
	const size_t words = strlen(hex) / 8;
	uint32_t bytes[4] = {0};
	char text[INET6_ADDRSTRLEN] = "";

	for (size_t i = 0; i < words && i < 4; i++) {
		char word[9] = "";

		memcpy(word, hex + i * 8, 8);
		bytes[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	inet_ntop(words == 1 ? AF_INET : AF_INET6, bytes, text, sizeof text);
	return str_dup(text);
}

typedef struct Ports {
	const ListenerList *listeners;
	int *items;
	size_t len;
	const char *address;
	int address_port;
} Ports;

static bool ports_socket(void *arg, unsigned long inode)
{
	Ports *ports = arg;

	for (size_t i = 0; i < ports->listeners->len; i++) {
		const Listener *listener = &ports->listeners->items[i];
		bool known = false;

		if (listener->inode != inode)
			continue;
		if (!ports->address || listener->port < ports->address_port) {
			ports->address = listener->address;
			ports->address_port = listener->port;
		}
		for (size_t j = 0; j < ports->len; j++)
			known |= ports->items[j] == listener->port;
		if (known || ports->len >= FD_MAX)
			continue;
		ports->items = mem_resize(ports->items, ports->len + 1, sizeof(int));
		ports->items[ports->len++] = listener->port;
	}
	return true;
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

size_t process_ports(pid_t pid, int **ret, char **address)
{
	AUTO(listeners_clear) ListenerList listeners = {0};
	Ports ports = {.listeners = &listeners};

	listeners_read(pid, &listeners);
	each_socket(pid, ports_socket, &ports);
	if (ports.len > 1)
		qsort(ports.items, ports.len, sizeof(int), ascending);
	if (address)
		*address = ports.address ? readable_address(ports.address) : NULL;
	*ret = ports.items;
	return ports.len;
}
