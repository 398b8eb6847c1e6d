/* guide.h - what the parts of RESTORE.md share (restore_md.h), and those about a container. */
#pragma once
#include "base/json.h"
#include "base/text.h"
#include "config/site.h"

#define GUIDE_MAX (64 * 1024)

typedef struct Guide {
	Text out;
	const Site *site;
	const json_t *manifest;
	char *data_dir, *environment, *directory, *user;
	const char *python;
	const char *container; /* of Open WebUI; NULL: none */
} Guide;

void guide_say(Guide *guide, const char *english, const char *korean);
void guide_heading(Guide *guide, const char *number, const char *english, const char *korean);
/* Commands stand in between. */
void guide_begin(Guide *guide);
void guide_end(Guide *guide);

/* guide_container.c */
void guide_add_engine(Guide *guide); /* within commands: which engine they are for */
void guide_add_ground(Guide *guide); /* volumes, networks, files of the project that are gone */
void guide_add_image(Guide *guide);  /* the image, and a container of it */
void guide_add_container_key(Guide *guide);
