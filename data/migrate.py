# Runs the migrations of the Open WebUI release whose Python reads this on its standard input, in the
# folder of its package. belay sets BELAY_DATABASE_URL and BELAY_DATA_DIR to what may be touched, and
# the release's own variables to the same; here the release is asked what it made of them, since
# DATABASE_* parts, a .env file or a sitecustomize can say something else. Exit 3: refused, nothing done.
#
# Reports to belay are lines on standard output that begin with "belay-migrate: "; everything else
# that is printed comes from the release.
import sys

# The package has folders named socket, tools, utils: here they must not hide the real modules.
sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]

import json
import logging
import os
import time

PACKAGE = os.path.realpath(os.getcwd())
WANTED_URL = os.environ.pop("BELAY_DATABASE_URL")
WANTED_DATA = os.environ.pop("BELAY_DATA_DIR")


def tell(event, **facts):
    sys.stdout.write("belay-migrate: " + json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def refuse(what, would, wanted):
    tell("refused", what=what, would=str(would), wanted=str(wanted))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a release that catches everything must not go on.
    os._exit(3)


def parsed(url):
    from sqlalchemy.engine import make_url

    return make_url(str(url).replace("postgres://", "postgresql://", 1))


def place(url):
    """What a URL opens, whatever driver and options it names."""
    if url.get_backend_name() == "sqlite":
        return ("sqlite", os.path.realpath(url.database or ""))
    return (url.get_backend_name(), url.username, url.host, url.port or 5432, url.database)


def require_place(what, url):
    wanted = parsed(WANTED_URL)
    if place(url) != place(wanted):
        refuse(what, url.render_as_string(hide_password=True), wanted.render_as_string(hide_password=True))


def check_release():
    import open_webui

    found = os.path.realpath(os.path.dirname(open_webui.__file__))
    if found != PACKAGE:
        refuse("package", found, PACKAGE)

    from open_webui import env

    require_place("DATABASE_URL", parsed(env.DATABASE_URL))
    if os.path.realpath(env.DATA_DIR) != os.path.realpath(WANTED_DATA):
        refuse("DATA_DIR", env.DATA_DIR, WANTED_DATA)
    if getattr(env, "ENABLE_DB_MIGRATIONS", False):
        refuse("ENABLE_DB_MIGRATIONS", "true", "false")

    from open_webui.internal import db

    for name in ("engine", "async_engine"):
        url = getattr(getattr(db, name, None), "url", None)
        # "sqlite://" without a file is the mask of an engine that is made by a function.
        if url is not None:
            require_place("internal.db." + name, url)


class Watch(logging.Filter):
    """Says which migration begins and ends, and how long it took."""

    def __init__(self):
        super().__init__()
        self.started = time.monotonic()
        self.current = None

    def filter(self, record):
        step = record.args[0] if isinstance(record.args, tuple) and record.args else None
        revision = getattr(getattr(step, "revision", None), "revision", None)
        if revision:
            self.started = time.monotonic()
            self.current = revision
            tell("begins", revision=revision)
        return True

    def applied(self, ctx, step, heads, run_args, **more):
        now = time.monotonic()
        before = list(step.down_revision_ids)
        tell(
            "done",
            revision=step.up_revision_id,
            ms=int((now - self.started) * 1000),
            **{"from": before[0] if before else None},
        )
        self.started = now


def watch_alembic(watch):
    from alembic.runtime import migration

    logging.getLogger("alembic.runtime.migration").addFilter(watch)
    original = migration.MigrationContext.__init__

    def patched(self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.on_version_apply_callbacks = tuple(self.on_version_apply_callbacks or ()) + (watch.applied,)
        # The connection that the statements will go through, not what some setting says.
        if self.connection is not None:
            require_place("the connection of alembic", self.connection.engine.url)

    migration.MigrationContext.__init__ = patched


def main():
    tell("starts", pid=os.getpid())
    check_release()
    watch = Watch()
    watch_alembic(watch)
    from alembic import command
    from alembic.config import Config

    tell("migrates")
    try:
        command.upgrade(Config("alembic.ini"), "head")
    except BaseException as error:
        import traceback

        traceback.print_exc()
        said = " ".join(str(error).split())[:500]
        tell("failed", revision=watch.current, error=type(error).__name__ + ": " + said)
        sys.stdout.flush()
        os._exit(1)
    tell("finished")


main()
