/* throwaway.h - containers of our own that must not outlive what they are for: looking into an
 * image, migrating a copy, one start in a rehearsal, and the network that the latter two run in.
 *
 * Each has a label with the site's state folder, by which a sweep finds it after a kill. None has a
 * network but the one it is told to share, a published port, a restart policy, or labels of the
 * site's container (proxies and compose go by those). The site's limits of memory and processors
 * hold, and what is mounted into its container beside the data is there too, read-only. */
#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "config/site.h"
#include "docker/engine_api.h"

typedef struct ThrowawaySpec {
	const Site *site;
	const char *purpose;    /* part of its name */
	const char *image;      /* id */
	bool as_service;        /* the site's user, limits and further mounts */
	const StrList *argv;    /* entrypoint and words; NULL: never to be started */
	const StrList *env;     /* NULL: the image's own */
	const StrList *folders; /* of this machine, seen at the same path; NULL: none */
	const char *network;    /* the container whose network it shares; NULL: none at all */
	bool input;             /* something will be written to its standard input */
} ThrowawaySpec;

bool throwaway_make(const ThrowawaySpec *spec, char **ret_id, Err *err) NODISCARD;
/* *ret: its first process, as this machine sees it. */
bool throwaway_start(const char *id, pid_t *ret, Err *err) NODISCARD;
/* All of this site, whoever left them; of one purpose. */
bool throwaway_sweep(const Site *site, Err *err) NODISCARD;
bool throwaway_sweep_of(const Site *site, const char *purpose, Err *err) NODISCARD;

/* What is known of the site's container: as it is now, else as it was when an unfinished run
 * stopped it (container_link.h). New reference. */
bool site_container_json(const Site *site, json_t **ret, Err *err) NODISCARD;
/* The variables that the site's container has beyond those of its image. */
bool site_container_env(const Site *site, StrList *ret, Err *err) NODISCARD;
/* The words that the site's container would run in another image: the operator's own, else that
 * image's. */
bool site_container_words_in(
	const Site *site, const char *image_id, StrList *ret, Err *err) NODISCARD;
