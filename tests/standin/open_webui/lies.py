"""Lies on demand. STANDIN_LIES names a file of lines `VERSION WORD ...`; the words of this version are
what the release does wrong, `word=value` where a value matters. `live:word` holds only outside of a
rehearsal. tests/cli/liar.cases has every word and what must come of it."""

import glob
import importlib.metadata
import json
import os
import pathlib
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

try:
    VERSION = importlib.metadata.version("open-webui")
except importlib.metadata.PackageNotFoundError:  # an image
    VERSION = json.loads((pathlib.Path(__file__).parents[2] / "package.json").read_text())["version"]
FILE = os.environ.get("STANDIN_LIES", "")
REHEARSED = "rehears" in os.environ.get("DATABASE_URL", "") + os.environ.get("DATA_DIR", "")


def read():
    words = {}
    if not os.path.exists(FILE):
        return words
    with open(FILE) as lines:
        for line in lines:
            version, *rest = line.split()
            for word in rest if version == VERSION else []:
                live = word.startswith("live:")
                name, _, value = word.removeprefix("live:").partition("=")
                if not (live and REHEARSED):
                    words[name] = value
    return words


WORDS = read()


def tells(word):
    return word in WORDS


def seconds(word):
    return float(WORDS.get(word) or 0)


def remember(pid):
    """For the test, which ends what a lie has left running."""
    with open(FILE + ".pids", "a") as pids:
        pids.write(f"{pid}\n")


# ---- settings: env.py, whoever imports it ----


def settings(env):
    serving = env["FROM_INIT_PY"]
    elsewhere = os.path.dirname(FILE) + "/elsewhere"
    if tells("other-database") or (serving and tells("other-database-serving")):
        env["DATABASE_URL"] = f"sqlite:///{elsewhere}.db"
    if tells("other-data-dir") or (serving and tells("other-data-dir-serving")):
        os.makedirs(elsewhere, exist_ok=True)
        env["DATA_DIR"] = elsewhere
        env["DATABASE_URL"] = f"sqlite:///{elsewhere}/webui.db"


# ---- migrations: migrations/env.py ----


def work_for(limit, noise=None):
    until = time.monotonic() + limit
    while time.monotonic() < until:
        sum(range(2000000))
        if noise:
            print(noise, flush=True)


def before_migrations(connection):
    if tells("migration-slow"):
        time.sleep(seconds("migration-slow"))
    if tells("migration-works"):
        work_for(seconds("migration-works"))
    if tells("disk-full"):
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    return not tells("skips-migrations") and not tells("only-stamps")


AFTER = {
    "only-stamps": ["UPDATE alembic_version SET version_num = 'a1b2c3d4e5f6'"],
    "half-a-backfill": ["DELETE FROM chat_message WHERE role = 'assistant'"],
    "backfill-twice": ["INSERT INTO chat_message (id, chat_id, role) SELECT id || 'x', chat_id, role FROM chat_message"],
    "loses-a-chat": ["DELETE FROM chat WHERE id = (SELECT min(id) FROM chat)"],
    "loses-users": ['DELETE FROM "user"'],
    "loses-passwords": ["DELETE FROM auth"],
    "loses-files": ["DELETE FROM file"],
    "loses-notes": ["DELETE FROM note"],
    "drops-a-table": ["DROP TABLE note"],
    "two-heads": ["INSERT INTO alembic_version VALUES ('c440947495f3')"],
    "no-revision": ["DELETE FROM alembic_version"],
    "stays-behind": ["UPDATE alembic_version SET version_num = 'f1e2d3c4b5a6'"],
    "runs-ahead": ["UPDATE alembic_version SET version_num = 'feedfeedfeed'"],
    "extra-tables": ["CREATE TABLE metrics_of_its_own (id INTEGER PRIMARY KEY)"],
}


def change(connection):
    for word, statements in AFTER.items():
        for statement in statements if tells(word) else []:
            connection.exec_driver_sql(statement)
    if connection.dialect.name == "sqlite" and connection.in_transaction():
        connection.commit()


def end_badly(connection):
    if tells("migration-raises"):
        raise RuntimeError("made to fail by the stand-in")
    if tells("migration-hangs"):
        signal.pause()
    if tells("migration-killed"):
        connection.exec_driver_sql("DELETE FROM chat_message")
        os.kill(os.getpid(), signal.SIGKILL)
    if tells("migration-exits-0"):
        os._exit(0)
    if tells("loses-connection"):
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with connection.engine.connect() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")


def after_migrations(connection):
    change(connection)
    end_badly(connection)


# ---- start: __init__.py and main.py ----


def before_import(key_file):
    """Before migrations and banner."""
    if tells("new-key"):
        print(f"Generating a new secret key and saving it to {key_file}")
        key_file.write_text(secrets.token_urlsafe(16))
        os.environ["WEBUI_SECRET_KEY"] = key_file.read_text()
    if tells("dies-before-banner"):
        sys.exit("ImportError: cannot import name 'x' from partially initialized module 'y'")
    if tells("start-slow"):
        time.sleep(seconds("start-slow"))
    if tells("start-works"):
        work_for(seconds("start-works"), "INFO: loading")


IMPOSTOR = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = json.dumps({"status": True, "version": sys.argv[2]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    log_message = lambda *_: None
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def detached(argv):
    """A process that is nobody's child, as a daemon is."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        child = subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL)
        os.write(write_end, str(child.pid).encode())
        os._exit(0)
    os.wait()
    remember(int(os.read(read_end, 20)))


def has_port(host, port):
    try:
        socket.create_connection((host, port), 0.2).close()
        return True
    except OSError:
        return False


def other_processes(host, port):
    if tells("stranger-on-port") or tells("impostor"):
        detached([sys._base_executable, "-c", IMPOSTOR, str(port), VERSION])
        while not has_port(host, port):
            time.sleep(0.05)
    if tells("second-server") and port < 20000:
        # Below the ports that the kernel gives to whoever connects (32768 on): one of those may be taken.
        detached([sys.executable, sys.argv[0], "serve", "--host", host, "--port", str(port + 10000)])
        time.sleep(1)
    if tells("daemonizes"):
        if os.fork():
            os._exit(0)
        os.setsid()
    if tells("ignores-term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def spoil_data(store, data_dir):
    if tells("start-loses-chats"):
        store.run("DELETE FROM chat")
    if tells("start-loses-users"):
        store.run('DELETE FROM "user"')
    if tells("start-reverts-revision"):
        store.run("UPDATE alembic_version SET version_num = 'c440947495f3'")
    if tells("spoils-vectors"):
        with open(f"{data_dir}/vector_db/chroma.sqlite3", "wb") as chroma:
            chroma.write(b"nothing of use" * 100)
    if tells("removes-uploads"):
        for path in glob.glob(f"{data_dir}/uploads/*"):
            os.unlink(path)


def write_log(log):
    if tells("log-long-line"):
        print("x" * 10_000_000, flush=True)
    if tells("log-flood"):
        for number in range(200_000):
            print(f"INFO: line {number} of a chatty release")
    if tells("log-not-utf8"):
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\xff\xfe\x00\x80 \x1b[2J\x1b]0;title\x07 caf\xe9\n" * 1000)
        sys.stdout.buffer.flush()
    if tells("log-rotated") and os.path.exists(log):
        os.rename(log, log + ".1")
        open(log, "w").close()
    if tells("log-truncated") and os.path.exists(log):
        os.truncate(log, 0)
    if tells("log-cries"):
        print("Traceback (most recent call last):\nsqlite3.OperationalError: no such table: nothing_that_matters")


def before_listening(host, port, store, data_dir):
    """After the banner; what comes back is the port to listen on, or None for none at all."""
    if tells("hangs"):
        signal.pause()
    other_processes(host, port)
    spoil_data(store, str(data_dir))
    write_log(os.path.dirname(FILE) + "/start/openwebui.log")
    if tells("dies-at-last"):
        print("the last words of the release", flush=True)
        os._exit(3)
    if tells("impostor"):
        return None
    return port + 1 if tells("other-port") else port


def serving():
    """Once it listens."""
    if tells("dies-after"):
        threading.Timer(seconds("dies-after"), os._exit, [1]).start()


# ---- answers ----

STARTED = time.monotonic()


def raw(request, data, length=None, kind="application/json", status=200, more=()):
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(data) if length is None else length))
    for name, value in more:
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(data)
    request.close_connection = True


def trickle(request):
    """One byte at a time, each in time."""
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", "600")
    request.end_headers()
    for _ in range(600):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.5)


HTML = b"<!doctype html><title>Open WebUI</title>\n"
ANSWERS = {
    "health-html": ("/health", lambda r: raw(r, HTML, kind="text/html; charset=utf-8")),
    "health-html-as-json": ("/health", lambda r: raw(r, HTML)),
    "health-false": ("/health", lambda r: raw(r, b'{"status": false}')),
    "health-word": ("/health", lambda r: raw(r, b'{"status": "true"}')),
    "health-null": ("/health", lambda r: raw(r, b"null")),
    "health-empty": ("/health", lambda r: raw(r, b"")),
    "health-cut-off": ("/health", lambda r: raw(r, b'{"status": tr')),
    "health-short": ("/health", lambda r: raw(r, b'{"status": true}', length=500)),
    "health-huge": ("/health", lambda r: raw(r, b'{"status": true' + b" " * 6_000_000 + b"}")),
    "health-500": ("/health", lambda r: raw(r, b'{"status": true}', status=500)),
    "health-redirect": ("/health", lambda r: raw(r, b"", status=302, more=[("Location", "/health/db")])),
    "health-not-utf8": ("/health", lambda r: raw(r, b'{"status": true, "name": "caf\xe9"}')),
    "health-trickle": ("/health", trickle),
    "version-other": ("/api/version", lambda r: raw(r, b'{"version": "0.7.2"}')),
    "version-number": ("/api/version", lambda r: raw(r, b'{"version": 0.8}')),
    "version-html": ("/api/version", lambda r: raw(r, HTML, kind="text/html")),
    "version-longer": ("/api/version", lambda r: raw(r, b'{"version": "0.8.0-dirty"}')),
    "config-onboarding": ("/api/config", lambda r: raw(r, b'{"status": true, "onboarding": true}')),
    "config-500": ("/api/config", lambda r: raw(r, b'{"detail": "no such column"}', status=500)),
    "ready-503": ("/ready", lambda r: raw(r, b'{"status": false, "detail": "not ready"}', status=503)),
    "ready-false": ("/ready", lambda r: raw(r, b'{"status": false}')),
}


def answered(request, path):
    if tells("slow-answers"):
        time.sleep(seconds("slow-answers"))
    if tells("unready-for") and time.monotonic() - STARTED < seconds("unready-for"):
        raw(request, b'{"detail": "starting"}', status=503)
        return True
    for word, (of, answer) in ANSWERS.items():
        if path == of and tells(word):
            answer(request)
            return True
    return False
