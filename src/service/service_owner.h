/* service_owner.h - what each kind of owner can do, for service.c only. */
#pragma once
#include "os/process_table.h"
#include "service/service.h"

/* Ends the server and what it started, by pidfd, until nothing of the site holds the port. */
bool stop_process(const Site *site, Err *err) NODISCARD;

bool start_script(const Site *site, Err *err) NODISCARD;
bool start_recipe(const Site *site, Err *err) NODISCARD;

bool unit_state(const Site *site, ServiceState *ret, Err *err) NODISCARD;
bool unit_stop(const Site *site, Err *err) NODISCARD;
bool unit_start(const Site *site, Err *err) NODISCARD;

/* No container at the place (a run set it aside) is one that does not run. */
bool container_state(const Site *site, ServiceState *ret, Err *err) NODISCARD;
bool container_stop(const Site *site, Err *err) NODISCARD;
/* With the site's secret key in it, where its environment has none. */
bool container_start(const Site *site, Err *err) NODISCARD;

/* Waits without sleeping: true as soon as the pidfd (may be -1) is readable, else after ms. */
bool wait_moment(int pidfd, int ms);
