"""Migrations at start, as Open WebUI runs them."""

import logging
import sys

from open_webui import release
from open_webui.env import ENABLE_DB_MIGRATIONS, OPEN_WEBUI_DIR
from open_webui.store import store

log = logging.getLogger("open_webui.env")


def announce():
    """The lines alembic prints when there is nothing to do, without the half second of importing it."""
    kind = "SQLiteImpl" if store.sqlite else "PostgresqlImpl"
    ddl = "non-transactional" if store.sqlite else "transactional"
    print(f"INFO  [alembic.runtime.migration] Context impl {kind}.", file=sys.stderr)
    print(f"INFO  [alembic.runtime.migration] Will assume {ddl} DDL.", file=sys.stderr, flush=True)


def run_migrations():
    if store.revisions() == [release.HEAD]:
        announce()
        return
    try:
        from alembic import command
        from alembic.config import Config

        config = Config(OPEN_WEBUI_DIR / "alembic.ini")
        config.set_main_option("script_location", str(OPEN_WEBUI_DIR / "migrations"))
        command.upgrade(config, "head")
    except Exception as e:
        log.exception(f"Error running migrations: {e}")
        if "raises" in release.WORDS:
            raise


if ENABLE_DB_MIGRATIONS:
    run_migrations()
