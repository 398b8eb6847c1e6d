#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/process_dir.h"
#include "os/process_table.h"

#define TABLE_MAX (16 * 1024 * 1024)
#define LISTENING 0x0a
#define FD_MAX    65536

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

static void listeners_add(ListenerList *list, const char *table)
{
	for (const char *line = strchr(table, '\n'); line; line = strchr(line + 1, '\n')) {
		Listener found;
		unsigned port, state;

		if (sscanf(line,
			    " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
			    found.address, &port, &state, &found.inode) != 4 ||
			state != LISTENING)
			continue;
		found.port = (int)port;
		list->items = mem_resize(list->items, list->len + 1, sizeof *list->items);
		list->items[list->len++] = found;
	}
}

/* In the network namespace of that process. */
static void listeners_read(pid_t pid, ListenerList *list)
{
	AUTO(free_auto) char *four = proc_file(pid, "net/tcp", TABLE_MAX, NULL);
	AUTO(free_auto) char *six = proc_file(pid, "net/tcp6", TABLE_MAX, NULL);

	listeners_add(list, four ? four : "");
	listeners_add(list, six ? six : "");
}

static void each_socket(pid_t pid, bool (*each)(void *arg, unsigned long inode), void *arg)
{
	AUTO(free_auto) char *path = str_format("/proc/%d/fd", (int)pid);
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		AUTO(free_auto) char *name = str_format("fd/%s", entry->d_name);
		AUTO(free_auto) char *target = proc_link(pid, name);
		unsigned long inode;

		if (target && sscanf(target, "socket:[%lu]", &inode) == 1 && !each(arg, inode))
			break;
	}
	if (folder)
		closedir(folder);
}

typedef struct Search {
	const ListenerList *listeners;
	int port;   /* looked for */
	pid_t best; /* smallest pid so far */
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

static bool search_pid(void *arg, pid_t pid)
{
	Search *search = arg;

	search->hit = false;
	each_socket(pid, search_socket, search);
	if (search->hit && (search->best == 0 || pid < search->best))
		search->best = pid;
	return true;
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
	return search.best ? search.best : -1;
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
