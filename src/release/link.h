/* link.h - what ENV names: an environment, a release, or the stub that lets nothing start.
 *
 * Blocking: ENV.releases/.stub-RUN/ gets bin/open-webui, python, uvicorn … that print
 * "run RUN is unfinished: belay resume" and exit 1. The first time ENV is a real folder: a link to
 * the stub is made at ENV.releases/OLDVERSION and exchanged with ENV in one renameat2, so that ENV
 * is the link and the old environment lies, whole, in ENV.releases/OLDVERSION. Later ENV is a link
 * and is replaced by one rename. Pointing: the link is replaced by one to a release. All calls are
 * safe to repeat after a crash at any point.
 *
 * For a site in a container the same words are about its container and its image: container_link.h.
 */
#pragma once
#include "base/error.h"
#include "config/site.h"

typedef enum {
	LINK_FOLDER,  /* ENV is a real environment */
	LINK_RELEASE, /* ENV links to a release: *ret_target is its path */
	LINK_STUB,    /* ENV links to a stub: *ret_target is the run id */
	LINK_OTHER,   /* something else or nothing: *ret_target describes it */
} LinkState;

bool link_state(const Site *site, LinkState *ret, char **ret_target, Err *err) NODISCARD;
/* Block with the stub of `run`; `old_version` names the folder that a real ENV moves to. */
bool link_block(const Site *site, const char *run, const char *old_version, Err *err) NODISCARD;
/* ENV -> release path (a complete environment), from the stub of `run`. The stub stays until
 * link_stub_remove. */
bool link_point(const Site *site, const char *release_path, Err *err) NODISCARD;
/* Back to a real folder at ENV, from the stub: the undo of the first block. The release lies at
 * ENV.releases/OLDVERSION. */
bool link_unfold(const Site *site, const char *old_version, Err *err) NODISCARD;
bool link_stub_remove(const Site *site, const char *run, Err *err) NODISCARD;
