#include "adopt/look.h"

#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define SERVERS_MAX 32

typedef struct Server {
	pid_t pid;
	int port;
	uid_t uid;
	bool container;
	bool unseen; /* another user's: its sockets may not be read */
	char *name;  /* of its environment or, failing that, its command */
} Server;

typedef struct Search {
	pid_t only; /* 0: any */
	Server items[SERVERS_MAX];
	size_t len;
} Search;

static void search_clear(Search *search)
{
	for (size_t i = 0; i < search->len; i++)
		free(search->items[i].name);
}

/* `open-webui serve` as a console script, `-m open_webui`, or uvicorn with the application. Text in
 * one word of a shell's -c is none of these: the shell is not the server. */
bool server_argv(const StrList *argv)
{
	bool script = false;
	bool serve = false;

	for (size_t i = 0; i < argv->len && i < 64; i++) {
		const char *word = argv->items[i];

		if (str_is(word, "open_webui.main:app"))
			return true;
		if (i && str_is(argv->items[i - 1], "-m") && str_is(word, "open_webui"))
			script = true;
		if (i <= 8 && str_is(path_name(word), "open-webui"))
			script = true;
		serve = serve || str_is(word, "serve") || str_is(word, "dev");
	}
	return script && serve;
}

/* A unit with PrivateTmp or ProtectSystem has a mount namespace of its own and is no container. */
bool server_in_container(bool other_namespace, const char *cgroup)
{
	static const char *const marks[] = {
		"docker", "libpod", "containerd", "crio", "kubepods", "lxc", "machine.slice"};

	for (size_t i = 0; cgroup && i < COUNT_OF(marks); i++)
		if (strstr(cgroup, marks[i]) && other_namespace)
			return true;
	return other_namespace && !str_ends(cgroup ? cgroup : "", ".service");
}

const char *server_container_kind(const char *cgroup)
{
	static const char *const kinds[][2] = {{"libpod", "Podman"}, {"kubepods", "Kubernetes"},
		{"crio", "CRI-O"}, {"lxc", "LXC"}, {"machine.slice", "systemd-nspawn"}};

	for (size_t i = 0; cgroup && i < COUNT_OF(kinds); i++)
		if (strstr(cgroup, kinds[i][0]))
			return kinds[i][1];
	return NULL;
}

static int port_of(const char *text)
{
	const long port = strtol(text, NULL, 10);

	return port > 0 && port <= 65535 ? (int)port : 0;
}

int server_port_of_argv(const StrList *argv)
{
	for (size_t i = 0; i < argv->len; i++) {
		const char *word = argv->items[i];

		if (str_is(word, "--port") && i + 1 < argv->len)
			return port_of(argv->items[i + 1]);
		if (str_starts(word, "--port="))
			return port_of(word + strlen("--port="));
	}
	return 0;
}

static int choose_port(const Process *process, const int *ports, size_t count)
{
	int asked = server_port_of_argv(&process->argv);

	for (size_t i = 0; i < count; i++)
		if (ports[i] == asked)
			return asked;
	return count ? ports[0] : 0;
}

static bool on_process(void *arg, const Process *process)
{
	Search *search = arg;
	AUTO(free_auto) int *ports = NULL;
	size_t count;
	Server server = {.pid = process->pid, .uid = process->uid};

	if (search->only && process->pid != search->only)
		return true;
	if (!server_argv(&process->argv))
		return true;
	count = process_ports(process->pid, &ports, NULL);
	server.container = server_in_container(process->other_namespace, process->cgroup);
	server.unseen = !process->dir;
	server.port = choose_port(process, ports, count);
	/* A launcher (sudo, uv run) has the same words but no socket; a starting server has none
	 * yet. */
	if (!count && !server.container && !server.unseen && !search->only)
		return true;
	server.name = environment_of_argv(&process->argv, process->dir);
	if (!server.name)
		server.name = strlist_join(&process->argv, " ");
	search->items[search->len++] = server;
	return search->len < SERVERS_MAX;
}

static void drop(Search *search, size_t index)
{
	free(search->items[index].name);
	memmove(&search->items[index], &search->items[index + 1],
		(--search->len - index) * sizeof(Server));
}

/* Workers inherit the socket of their parent, sudo shows the words of its child. */
static void drop_relatives(Search *search)
{
	for (size_t i = 0; i < search->len; i++)
		for (size_t k = 0; k < search->len; k++) {
			bool below = i != k && process_is_descendant(
						       search->items[k].pid, search->items[i].pid);

			if (!below)
				continue;
			drop(search, search->items[i].unseen ? i : k);
			i = (size_t)-1;
			break;
		}
}

static bool is_environment(const char *name, const char *wished)
{
	AUTO(free_auto) char *link = environment_link_of(name);
	AUTO(free_auto) char *real = path_real(name);
	AUTO(free_auto) char *wished_real = path_real(wished);

	return str_is(link, wished) || (real && str_is(real, wished_real));
}

/* Options that say which one is meant; a server of another site must not lend it its settings. */
static void keep_wished(const Look *look, Search *search)
{
	for (size_t i = search->len; i-- > 0;) {
		const Server *server = &search->items[i];
		bool other_port = look_wished(look, "port") && !server->unseen &&
				  !server->container && server->port != look->draft.port;
		/* One that is still to be made (find_system.c) is nobody's yet. */
		bool other_environment = look_wished(look, "environment") &&
					 file_exists(look->draft.environment) &&
					 !is_environment(server->name, look->draft.environment);

		if (other_port || other_environment)
			drop(search, i);
	}
}

/* Its port is one of a network of its own: what is published is the engine's to say. */
static bool take_container(Look *look, const Server *server, Err *err)
{
	return process_read(server->pid, &look->process, err) && find_container(look, err);
}

static bool refuse_unseen(const Server *server, Err *err)
{
	err_fail(err, ERR_REFUSED, "the Open WebUI of process %d belongs to user %u",
		(int)server->pid, (unsigned)server->uid);
	return err_hint(err, "run belay as that user, or as root: sudo belay adopt");
}

static bool refuse_several(const Search *search, Err *err)
{
	AUTO(text_clear) Text list = TEXT_INIT(4096);

	for (size_t i = 0; i < search->len; i++)
		text_addf(&list, "%spid %d, port %d, %s", i ? "; " : "", (int)search->items[i].pid,
			search->items[i].port, search->items[i].name);
	err_fail(err, ERR_REFUSED, "several Open WebUI servers run here: %s", list.data);
	return err_hint(err, "name one: belay adopt --pid %d", (int)search->items[0].pid);
}

/* A container beside an ordinary server is no reason to stop, only worth a word. */
static void set_containers_aside(Look *look, Search *search)
{
	size_t ordinary = 0;

	for (size_t i = 0; i < search->len; i++)
		ordinary += !search->items[i].container;
	for (size_t i = search->len; ordinary && i-- > 0;) {
		if (!search->items[i].container)
			continue;
		look_warn(look,
			_("another Open WebUI runs in a container (process %d); it is left alone"),
			(int)search->items[i].pid);
		drop(search, i);
	}
}

static bool take_server(Look *look, const Server *server, Err *err)
{
	AUTO(free_auto) int *ports = NULL;
	size_t count;

	if (server->container)
		return take_container(look, server, err);
	if (server->unseen)
		return refuse_unseen(server, err);
	if (!process_read(server->pid, &look->process, err))
		return false;
	count = process_ports(server->pid, &ports, &look->address);
	look->port = choose_port(&look->process, ports, count);
	if (look->port)
		return true;
	err_fail(err, ERR_REFUSED, "process %d does not listen on a port (yet)", (int)server->pid);
	return err_hint(err, "wait until Open WebUI answers, then type: belay adopt");
}

bool find_server(Look *look, Err *err)
{
	AUTO(search_clear) Search search = {.only = look->wish->pid};

	if (look_wished(look, "webui_container") || look_wished(look, "compose_project"))
		return find_container(look, err);
	process_each(on_process, &search);
	drop_relatives(&search);
	if (!look->wish->pid)
		keep_wished(look, &search);
	set_containers_aside(look, &search);
	if (!search.len && look->wish->pid) {
		err_fail(err, ERR_REFUSED, "process %d is no Open WebUI server",
			(int)look->wish->pid);
		return err_hint(err, "let belay look for it: belay adopt");
	}
	if (search.len > 1)
		return refuse_several(&search, err);
	return !search.len || take_server(look, &search.items[0], err);
}
