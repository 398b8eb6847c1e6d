#include "service/service.h"

#include <poll.h>

#include "base/i18n.h"
#include "base/clock.h"
#include "base/mem.h"
#include "service/server_process.h"
#include "service/service_owner.h"

#define PORT_FREE_MS 5000
#define TICK_MS      50

bool wait_moment(int pidfd, int ms)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	return poll(&wait, 1, ms) > 0;
}

void service_state_clear(ServiceState *state)
{
	free(state->stranger_is);
	free(state->unit_state);
	*state = (ServiceState){0};
}

static void look_for_process(const Site *site, ServiceState *state)
{
	AUTO(process_clear) Process server = {0};
	bool found = false;

	server_find(site, &server, &found);
	if (!found)
		return;
	/* A unit's main process may be a shell that waits for the server: then the server is it. */
	if (state->pid && !process_is_descendant(server.pid, state->pid))
		return;
	if (site->service == SERVICE_SYSTEMD && !state->pid)
		return;
	state->pid = server.pid;
	state->start_ticks = server.start_ticks;
}

static bool holds_port(pid_t pid, int port)
{
	AUTO(free_auto) int *ports = NULL;
	size_t count = process_ports(pid, &ports, NULL);

	for (size_t i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static void look_for_stranger(const Site *site, ServiceState *state)
{
	pid_t listener;

	/* The usual case, asked of one process instead of all. */
	if (state->pid && holds_port(state->pid, site->port))
		return;
	listener = process_listening_on(site->port);
	if (!listener || (state->pid && process_is_descendant(listener, state->pid)))
		return;
	/* Of a service that runs as another user, the sockets may not be seen. */
	if (listener < 0 && state->pid)
		return;
	state->stranger = listener;
	state->stranger_is = process_describe(listener);
}

bool service_state(const Site *site, ServiceState *ret, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (site->service == SERVICE_SYSTEMD && !unit_state(site, &state, err))
		return false;
	if (site_in_container(site)) {
		if (!container_state(site, &state, err))
			return false;
	} else {
		look_for_process(site, &state);
	}
	/* The port of a running container is held by Docker's proxy, or by nobody. */
	if (!site_in_container(site) || !state.pid)
		look_for_stranger(site, &state);
	*ret = state;
	state = (ServiceState){0};
	return true;
}

static bool port_is_held(const Site *site, const ServiceState *state, Err *err)
{
	if (state->stranger < 0)
		err_fail(err, ERR_REFUSED, "port %d is held by a process of another user",
			site->port);
	else
		err_fail(err, ERR_REFUSED, "port %d is held by %s, which is not this site's server",
			site->port, state->stranger_is);
	return err_hint(err, "find out what it is, stop it yourself, and try again");
}

/* A child may be on its way out with the socket still open: hence not asked only once. */
static bool verify_gone(const Site *site, Err *err)
{
	const Deadline deadline = deadline_in(PORT_FREE_MS);

	for (;;) {
		AUTO(service_state_clear) ServiceState state = {0};

		if (!service_state(site, &state, err))
			return false;
		if (!state.pid && !state.stranger)
			return true;
		if (deadline_left_ms(deadline) > 0)
			wait_moment(-1, TICK_MS);
		else if (state.pid)
			return err_fail(err, ERR_VERIFY,
				"the server was stopped and runs again as process %d",
				(int)state.pid);
		else
			return port_is_held(site, &state, err);
	}
}

static bool stop_by_owner(const Site *site, Err *err)
{
	if (site_in_container(site))
		return container_stop(site, err);
	return site->service == SERVICE_SYSTEMD ? unit_stop(site, err) : stop_process(site, err);
}

bool service_stop(const Site *site, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(site, &state, err))
		return false;
	if (!state.pid && state.stranger)
		return port_is_held(site, &state, err);
	if (!stop_by_owner(site, err))
		return false;
	return verify_gone(site, err);
}

bool service_start(const Site *site, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(site, &state, err))
		return false;
	if (state.pid)
		return true;
	if (state.stranger)
		return port_is_held(site, &state, err);
	switch (site->service) {
	case SERVICE_SYSTEMD:
		return unit_start(site, err);
	case SERVICE_SCRIPT:
		return start_script(site, err);
	case SERVICE_CONTAINER:
	case SERVICE_COMPOSE:
		return container_start(site, err);
	case SERVICE_RECIPE:
		break;
	}
	return start_recipe(site, err);
}

char *service_describe(const Site *site, char **ret_local)
{
	switch (site->service) {
	case SERVICE_SYSTEMD:
		*ret_local = str_format(
			site->user_unit ? _("systemd user unit %s") : _("systemd unit %s"),
			site->unit);
		return str_format("systemd %sunit %s", site->user_unit ? "user " : "", site->unit);
	case SERVICE_SCRIPT:
		*ret_local = str_format(_("start script %s"), site->start_script);
		return str_format("start script %s", site->start_script);
	case SERVICE_CONTAINER:
		*ret_local = str_format(_("container %s"), site->webui_container);
		return str_format("container %s", site->webui_container);
	case SERVICE_COMPOSE:
		*ret_local = str_format(_("service %s of the compose project %s"),
			site->compose_service, site->compose_project);
		return site_container_words(site);
	case SERVICE_RECIPE:
		break;
	}
	*ret_local = str_dup(_("the recorded command"));
	return str_dup("the recorded command");
}
