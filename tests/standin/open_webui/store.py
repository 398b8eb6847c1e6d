"""One connection to the database, kept open as a pool would keep it, and made anew when it broke."""

import sqlite3
import threading
from urllib.parse import unquote, urlsplit

from open_webui.env import DATABASE_URL


class Store:
    def __init__(self, url):
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self.lock = threading.Lock()
        self.connection = None
        if not self.sqlite:
            import psycopg2

            self.driver = psycopg2

    def connect(self):
        if self.sqlite:
            connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), check_same_thread=False)
            connection.execute("PRAGMA journal_mode=DELETE")
            return connection
        return self.driver.connect(self.url)

    def attempt(self, statement, values):
        if self.connection is None:
            self.connection = self.connect()
        try:
            cursor = self.connection.cursor()
            cursor.execute(statement if self.sqlite else statement.replace("?", "%s"), values)
            rows = cursor.fetchall() if cursor.description else []
            self.connection.commit()
            return rows
        except Exception:
            try:
                self.connection.rollback()
            except Exception:
                self.connection = None
            raise

    def run(self, statement, *values):
        with self.lock:
            try:
                return self.attempt(statement, values)
            except Exception:
                if self.connection is not None:
                    raise
                return self.attempt(statement, values)

    def revisions(self):
        try:
            return [row[0] for row in self.run("SELECT version_num FROM alembic_version")]
        except Exception:
            return []

    def has(self, table):
        try:
            self.run(f"SELECT 1 FROM {table} LIMIT 1")
            return True
        except Exception:
            return False


store = Store(DATABASE_URL)
assert urlsplit(DATABASE_URL).scheme in ("sqlite", "postgresql"), f"Unrecognized or unsupported scheme: {DATABASE_URL}"
