/* installer.h - uv or pip, whichever this site has: one way to say what is wanted, and one way to
 * understand why it did not work.
 *
 * uv is looked for in PATH, in ~/.local/bin of the site's user and beside the environment's Python.
 * Everything runs as the site's user with that user's HOME and the proxy, index, CA and cache
 * settings (http_proxy, PIP_*, UV_*, SSL_CERT_FILE …) of belay's own environment, then of the
 * recipe's. The site's `overrides` and `wheels` are part of every argv that installs.
 *
 *     AUTO(installer_clear) Installer installer = {0};
 *     const InstallSpec want = {.python = python, .wants = ARGV("open-webui[all]==0.8.0")};
 *     if (!installer_choose(site, python, &installer, err) ||
 *         !installer_install(&installer, &want, log_file, err)) ... */
#pragma once
#include "base/error.h"
#include "base/list.h"
#include "config/site.h"
#include "os/proc.h"

typedef enum { INSTALLER_UV, INSTALLER_PIP } InstallerKind;

typedef struct Installer {
	const Site *site; /* not owned; must outlive the installer */
	InstallerKind kind;
	char *program; /* full path of uv; for pip the Python that runs `-m pip` */
	StrList env;
	char *user; /* NULL: runs as belay itself */
} Installer;

/* `python`: the Python of some environment of this site; pip is looked for in it. It may be one
 * that is still to be made (uv needs none; for pip call this after `-m venv`). ERR_REFUSED when the
 * one that the site names is not there, or `overrides` is set without uv. */
bool installer_choose(const Site *site, const char *python, Installer *ret, Err *err) NODISCARD;
void installer_clear(Installer *installer);

typedef struct InstallSpec {
	const char *python; /* of the environment to install into; with `target`: to install for */
	const char *target; /* unpack into this folder instead; NULL: into the environment */
	const char *const *wants; /* "open-webui[all]==0.8.0", …; NULL-terminated */
	bool no_deps;
	bool no_build; /* wheels only: nothing from the packages is run */
	bool dry_run;  /* resolve, change nothing */
} InstallSpec;

void installer_argv(const Installer *installer, const InstallSpec *want, StrList *ret);
/* `uv venv --python BASE FOLDER`, or `BASE -m venv FOLDER` (with pip in it). */
void installer_venv_argv(
	const Installer *installer, const char *base_python, const char *folder, StrList *ret);
/* After the environment is made: pip is the new environment's own from now on. Nothing for uv. */
void installer_use_python(Installer *installer, const char *python);

/* TMPDIR from now on: made anew, for the installer's user alone. pip unpacks there, and a killed
 * one leaves it, so it lies where the caller sweeps and where there is room. */
bool installer_use_temp(Installer *installer, const char *path, Err *err) NODISCARD;

/* Runs it (30 minutes, low priority, output appended to log_file, NULL: no log). Failures are told
 * apart: no such version or no wheel for this Python ERR_REFUSED, no index ERR_NETWORK, disk full
 * ERR_NO_SPACE, each with a hint; anything else ERR_EXEC. `ret` may be NULL. */
bool installer_run(const Installer *installer, const StrList *argv, const char *log_file,
	ProcResult *ret, Err *err) NODISCARD;
/* For questions (`uv pip compile -`): what it says on stdout. `input` may be NULL. */
bool installer_ask(const Installer *installer, const StrList *argv, const char *input, char **ret,
	Err *err) NODISCARD;
/* argv and run in one. */
bool installer_install(const Installer *installer, const InstallSpec *want, const char *log_file,
	Err *err) NODISCARD;
/* Turns what an installer said into the right error; `said` is the end of its output. Exposed for
 * tests. Always returns false. */
bool installer_explain(InstallerKind kind, const char *said, Err *err);
