/* python.h - the folder of a new environment: made from the base Python, byte-compiled, its
 * database driver tried. The parts of build.c that start programs other than the installer. */
#pragma once
#include "base/error.h"
#include "release/installer.h"
#include "release/release.h"

/* The interpreter to build with. Never one inside ENV or ENV.releases: it would go with its
 * release. */
bool python_base_usable(const Site *site, const char *base, Err *err) NODISCARD;
/* pythonX.Y on PATH for "X.Y"; ERR_REFUSED when there is none. Caller frees. */
bool python_on_path(const char *version, char **ret, Err *err) NODISCARD;
/* A clone of a conda environment, made without network. ERR_REFUSED without the conda program. */
bool python_clone_conda(const Installer *installer, const Release *current, const char *folder,
	const char *log_file, Err *err) NODISCARD;
/* Compiles what the installer left uncompiled. Without byte code the first start takes twice as
 * long. */
bool python_compile(const Installer *installer, const Release *release, const char *log_file,
	Err *err) NODISCARD;
/* Can it load `module`? A Python that does not even start is an error. */
bool python_imports(const Installer *installer, const char *python, const char *module, bool *ret,
	Err *err) NODISCARD;
/* pip from the copy that Python brings along, without network; false when there is none. */
bool python_ensure_pip(
	const Installer *installer, const char *python, const char *log_file) NODISCARD;
