/* env_file.h - a project's .env as compose reads it, with the place of each value. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct EnvValue {
	char *name, *value;
	size_t at;     /* where the value stands in the file */
	bool verbatim; /* it stands there byte for byte: no escapes, no variables in it */
} EnvValue;

typedef struct EnvFile {
	EnvValue *items;
	size_t len;
} EnvFile;

/* Lines that are no assignment are passed over, as compose complains of them itself. */
void env_file_parse(const char *text, EnvFile *ret);
/* The last one of that name, which is the one that counts; NULL: none. */
const EnvValue *env_file_get(const EnvFile *file, const char *name);
void env_file_clear(EnvFile *file);
