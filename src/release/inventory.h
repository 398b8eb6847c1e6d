/* inventory.h - what is installed in a release, asked of its own Python (data/inventory.py on its
 * stdin). It runs as the user who owns the release: root never runs what others can write. */
#pragma once
#include "base/error.h"
#include "base/list.h"
#include "release/release.h"

typedef struct Inventory {
	char *base_python; /* the interpreter that the environment was made from */
	bool venv;         /* false: a Python of its own (conda, system) */
	StrList freeze;    /* sorted */
	StrList extra;     /* installed, but neither Open WebUI's own nor the environment's tools */
} Inventory;

/* `extras`: those that Open WebUI was installed with, separated by commas. */
bool inventory_read(const Release *release, const char *extras, Inventory *ret, Err *err) NODISCARD;
void inventory_clear(Inventory *inventory);
