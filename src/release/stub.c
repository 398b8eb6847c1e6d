#include "release/stub.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

/* Everything that start scripts, units and cron jobs are known to call in an environment. */
static const char *const programs[] = {"open-webui", "python", "python3", "python3.11",
	"python3.12", "python3.13", "uvicorn", "gunicorn", "pip", "pip3", "alembic"};

/* Both languages at once: a unit or cron job has no language of the person who reads its log. */
static const char program_text[] = "#!/bin/sh\n"
				   "echo 'run %s is unfinished: belay resume' >&2\n"
				   "echo '%s 실행이 끝나지 않았습니다: belay resume' >&2\n"
				   "exit 1\n";

/* `source ENV/bin/activate && open-webui serve` must reach the stub, not another open-webui in
 * PATH. The stub's own path, not ENV: a shell that was activated during a run must not start the
 * new release the moment the link moves on. */
static const char activate_text[] = "# run %s is unfinished: belay resume\n"
				    "deactivate () {\n"
				    "\tif [ -n \"${_BELAY_OLD_PATH:-}\" ]; then\n"
				    "\t\tPATH=$_BELAY_OLD_PATH\n"
				    "\t\texport PATH\n"
				    "\t\tunset _BELAY_OLD_PATH\n"
				    "\tfi\n"
				    "\tunset VIRTUAL_ENV\n"
				    "\thash -r 2>/dev/null || :\n"
				    "\t[ \"${1:-}\" = nondestructive ] || unset -f deactivate\n"
				    "}\n"
				    "deactivate nondestructive\n"
				    "VIRTUAL_ENV=%s\n"
				    "export VIRTUAL_ENV\n"
				    "_BELAY_OLD_PATH=$PATH\n"
				    "PATH=\"$VIRTUAL_ENV/bin:$PATH\"\n"
				    "export PATH\n"
				    "hash -r 2>/dev/null || :\n";

static char *shell_quote(const char *word)
{
	AUTO(text_clear) Text out = TEXT_INIT(16 * 1024);

	text_add(&out, "'");
	for (; *word; word++) {
		if (*word == '\'')
			text_add(&out, "'\\''");
		else
			text_add_bytes(&out, word, 1);
	}
	text_add(&out, "'");
	return text_take(&out);
}

char *stub_path(const char *releases_dir, const char *run)
{
	return str_format("%s/" STUB_PREFIX "%s", releases_dir, run);
}

const char *stub_run(const char *path)
{
	const char *name = path_name(path);

	return str_starts(name, STUB_PREFIX) ? name + strlen(STUB_PREFIX) : NULL;
}

bool stub_make(const char *path, const char *run, Err *err)
{
	AUTO(free_auto) char *bin = path_join(path, "bin");
	AUTO(free_auto) char *program = str_format(program_text, run, run);
	AUTO(free_auto) char *quoted = shell_quote(path);
	AUTO(free_auto) char *activate = str_format(activate_text, run, quoted);
	AUTO(free_auto) char *activate_path = path_join(bin, "activate");

	if (!dir_make(bin, 0755, err))
		return err_wrap(err, "making the stub of run '%s'", run);
	for (size_t i = 0; i < COUNT_OF(programs); i++) {
		AUTO(free_auto) char *file = path_join(bin, programs[i]);

		if (!file_write_text(file, program, 0755, err))
			return err_wrap(err, "making the stub of run '%s'", run);
	}
	if (!file_write_text(activate_path, activate, 0644, err))
		return err_wrap(err, "making the stub of run '%s'", run);
	return true;
}
