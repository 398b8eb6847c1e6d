/* The server in a container: whom the engine names as its first process. */
#include "base/mem.h"
#include "release/site_container.h"
#include "service/service_owner.h"

bool container_state(const Site *site, ServiceState *ret, Err *err)
{
	AUTO(container_clear) Container container = {0};
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err gone = {0};

	if (!site_container(site, &container, err))
		return false;
	ret->unit_state = str_dup(container.state);
	if (!container.pid || !process_read(container.pid, &process, &gone))
		return true;
	ret->pid = process.pid;
	ret->start_ticks = process.start_ticks;
	return true;
}
