/* server_process.h - which process is the server of a site, told from what it runs, never from a
 * name alone. The gate uses it too, to see that nobody else of the site is alive. */
#pragma once
#include "base/error.h"
#include "config/site.h"
#include "os/process_table.h"

/* Where everything that belongs to the site's releases lies. */
typedef struct SiteRoots {
	StrList folders;  /* ENV, what it resolves to, ENV.releases and what that resolves to */
	const Site *site; /* not owned; for the server of the system's Python (system_python.h) */
} SiteRoots;
void site_roots_of(const Site *site, SiteRoots *ret);
void site_roots_clear(SiteRoots *roots);
bool site_roots_hold(const SiteRoots *roots, const char *path);

/* Its program, a word of its argv or a mapped extension module lies in one of the roots. */
bool process_runs_from(const SiteRoots *roots, const Process *process);
/* `open-webui serve`, uvicorn with Open WebUI, or a worker of either, by its argv. Not one that was
 * started early and waits (prewarm.h). */
bool process_is_webui(const Process *process);
/* The port that its argv asks for, 0 when that cannot be told. */
int process_port_asked(const Process *process);

/* The server: who listens on the port and runs from the site, up to its first process where there
 * are workers; else one that is still starting for that port. *ret_found false: none. */
void server_find(const Site *site, Process *ret, bool *ret_found);
/* Pids of `root` and everything below it, root first. */
size_t server_family(pid_t root, pid_t **ret);
/* "process 4711 ('nginx: master process')" for messages; masked by err and event as all texts. */
char *process_describe(pid_t pid);
