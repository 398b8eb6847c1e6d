"""The server: what Open WebUI prints, answers and leaves on the disk, as far as an upgrade sees it."""

import base64
import email.parser
import email.policy
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import markupsafe._speedups  # noqa: F401  (a compiled module of this environment, as every real server maps)

from open_webui import config, env, lies, release  # noqa: F401  (config runs the migrations)
from open_webui.store import store

READY_SINCE = "ready" in release.WORDS


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_of(user_id):
    head = b64(b'{"alg":"HS256","typ":"JWT"}') + "." + b64(json.dumps({"id": user_id}).encode())
    return head + "." + b64(hmac.digest(env.WEBUI_SECRET_KEY.encode(), head.encode(), "sha256"))


def user_of(token):
    head, _, given = token.rpartition(".")
    if not hmac.compare_digest(given, b64(hmac.digest(env.WEBUI_SECRET_KEY.encode(), head.encode(), "sha256"))):
        raise Refused(401, "Your session has expired or the token is invalid. Please sign in again.")
    payload = head.split(".")[1]
    user_id = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["id"]
    if not store.run('SELECT id FROM "user" WHERE id = ?', user_id):
        raise Refused(401, "We could not find what you're looking for :/")
    return user_id


def password_hash(text):
    return hashlib.sha256(("salt" + text).encode()).hexdigest()


class Refused(Exception):
    def __init__(self, status, detail):
        self.status, self.detail = status, detail


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *_):
        pass

    def answer(self, status, value, kind="application/json"):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def user(self):
        return user_of(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def serve(self, routes):
        path = self.path.split("?")[0]
        try:
            if lies.answered(self, path):
                return None
            for prefix, function in routes:
                if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                    return function(self, path.removeprefix(prefix))
            self.answer(200, b"<!doctype html><title>Open WebUI</title>\n", "text/html; charset=utf-8")
        except Refused as refused:
            self.answer(refused.status, {"detail": refused.detail})
        except Exception as error:
            print(f"ERROR: {error}", file=sys.stderr, flush=True)
            self.answer(500, {"detail": "Internal Server Error"})

    def do_GET(self):
        self.serve(GET)

    def do_POST(self):
        self.serve(POST)


def health(request, _):
    if "unhealthy" in release.WORDS:
        return request.answer(200, {"status": False})
    request.answer(200, {"status": True})


def health_db(request, _):
    store.run("SELECT 1")
    request.answer(200, {"status": True})


def ready(request, _):
    request.answer(200, {"status": True})


def version(request, _):
    request.answer(200, {"version": env.VERSION, "deployment_id": ""})


def public_config(request, _):
    answer = {"status": True, "name": "Open WebUI", "version": env.VERSION, "features": {"auth": True}}
    if not store.run('SELECT count(*) FROM "user"')[0][0]:
        answer["onboarding"] = True
    request.answer(200, answer)


def signup(request, _):
    form = json.loads(request.body())
    user_id, now = str(uuid.uuid4()), int(time.time())
    role = "user" if store.run('SELECT count(*) FROM "user"')[0][0] else "admin"
    store.run(
        'INSERT INTO "user" (id, name, email, role, created_at, updated_at, last_active_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
        user_id, form["name"], form["email"], role, now, now, now,
    )
    active = 1 if store.sqlite else True
    store.run(
        "INSERT INTO auth (id, email, password, active) VALUES (?, ?, ?, ?)",
        user_id, form["email"], password_hash(form["password"]), active,
    )
    request.answer(200, {"id": user_id, "email": form["email"], "role": role, "token": token_of(user_id)})


def signin(request, _):
    form = json.loads(request.body())
    rows = store.run(
        "SELECT id FROM auth WHERE email = ? AND password = ?", form["email"], password_hash(form["password"])
    )
    if not rows:
        raise Refused(400, "The email or password provided is incorrect.")
    request.answer(200, {"id": rows[0][0], "token": token_of(rows[0][0])})


def session_user(request, _):
    request.answer(200, {"id": request.user()})


def chat_answer(chat_id):
    rows = store.run("SELECT id, user_id, title, chat FROM chat WHERE id = ?", chat_id)
    if not rows:
        raise Refused(401, "We could not find what you're looking for :/")
    chat = rows[0][3] if isinstance(rows[0][3], dict) else json.loads(rows[0][3])
    return {"id": rows[0][0], "user_id": rows[0][1], "title": rows[0][2], "chat": chat}


def save_messages(chat_id, user_id, chat, now):
    if not store.has("chat_message"):
        return
    for message_id, message in chat.get("history", {}).get("messages", {}).items():
        store.run(
            "INSERT INTO chat_message (id, chat_id, user_id, role, content, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            f"{chat_id}-{message_id}", chat_id, user_id, message.get("role", "user"),
            json.dumps(message.get("content")), now, now,
        )


def new_chat(request, _):
    user_id, now, chat_id = request.user(), int(time.time()), str(uuid.uuid4())
    chat = json.loads(request.body())["chat"]
    store.run(
        "INSERT INTO chat (id, user_id, title, chat, archived, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        chat_id, user_id, chat.get("title", "New Chat"), json.dumps(chat), 0 if store.sqlite else False, now, now,
    )
    save_messages(chat_id, user_id, chat, now)
    request.answer(200, chat_answer(chat_id))


def get_chat(request, chat_id):
    user_id = request.user()
    if chat_id:
        return request.answer(200, chat_answer(chat_id))
    rows = store.run("SELECT id, title FROM chat WHERE user_id = ? ORDER BY created_at, id", user_id)
    request.answer(200, [{"id": row[0], "title": row[1]} for row in rows])


def upload(request, _):
    user_id, now, file_id = request.user(), int(time.time()), str(uuid.uuid4())
    raw = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode() + request.body()
    part = next(email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(raw).iter_parts())
    name, data = part.get_filename(), part.get_payload(decode=True)
    path = os.path.join(str(env.DATA_DIR), "uploads", f"{file_id}_{name}")
    with open(path, "wb") as f:
        f.write(data)
    store.run(
        "INSERT INTO file (id, user_id, filename, path, meta, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        file_id, user_id, name, path, json.dumps({"size": len(data)}), now, now,
    )
    request.answer(200, {"id": file_id, "filename": name})


def file_content(request, rest):
    request.user()
    rows = store.run("SELECT path FROM file WHERE id = ?", rest.removesuffix("/content"))
    with open(rows[0][0], "rb") as f:
        request.answer(200, f.read(), "application/octet-stream")


def new_note(request, _):
    user_id, now, note_id = request.user(), time.time_ns(), str(uuid.uuid4())
    form = json.loads(request.body())
    store.run(
        "INSERT INTO note (id, user_id, title, data, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        note_id, user_id, form["title"], json.dumps(form.get("data")), now, now,
    )
    request.answer(200, {"id": note_id, "title": form["title"], "data": form.get("data")})


def get_note(request, note_id):
    request.user()
    rows = store.run("SELECT id, title, data FROM note WHERE id = ?", note_id)
    if not rows:
        raise Refused(404, "not found")
    data = json.loads(rows[0][2]) if isinstance(rows[0][2], str) else rows[0][2]
    request.answer(200, {"id": rows[0][0], "title": rows[0][1], "data": data})


GET = [
    ("/health", health),
    ("/health/db", health_db),
    ("/api/version", version),
    ("/api/config", public_config),
    ("/api/v1/auths/", session_user),
    ("/api/v1/chats/", get_chat),
    ("/api/v1/files/", file_content),
    ("/api/v1/notes/", get_note),
]
if READY_SINCE:
    GET.append(("/ready", ready))
POST = [
    ("/api/v1/auths/signup", signup),
    ("/api/v1/auths/signin", signin),
    ("/api/v1/chats/new", new_chat),
    ("/api/v1/files/", upload),
    ("/api/v1/notes/create", new_note),
]


def data_folders():
    for name in ("uploads", "vector_db", "cache"):
        os.makedirs(os.path.join(str(env.DATA_DIR), name), exist_ok=True)
    chroma = sqlite3.connect(os.path.join(str(env.DATA_DIR), "vector_db", "chroma.sqlite3"))
    chroma.execute("CREATE TABLE IF NOT EXISTS collections (id TEXT PRIMARY KEY, name TEXT)")
    chroma.commit()
    return chroma


def fail_startup():
    print("Application startup failed. Exiting.", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(3)


def lifespan():
    """What old code does on a newer schema: log, print the banner, and then die."""
    if "needs-module" in release.WORDS:
        import asyncpg_standin  # noqa: F401
    if "dies" in release.WORDS:
        fail_startup()
    try:
        if not store.run("SELECT count(*) FROM config")[0][0]:
            store.run("INSERT INTO config (id, data, version) VALUES (1, ?, 0)", '{"version": 0, "ui": {}}')
        if release.HEAD == "c440947495f3":
            store.run("SELECT access_control FROM tool LIMIT 1")
    except Exception as error:
        print(f"Traceback (most recent call last):\n{error}", file=sys.stderr)
        fail_startup()


def end_by(number):
    sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def run(host, port):
    chroma = data_folders()
    print(f"\n  Open WebUI\n\nv{env.VERSION} - building the best AI user interface.\n")
    print("https://github.com/open-webui/open-webui\n")
    print(f"INFO:     Started server process [{os.getpid()}]", file=sys.stderr)
    print("INFO:     Waiting for application startup.", file=sys.stderr, flush=True)
    lifespan()
    stopped_by = []
    port = lies.before_listening(host, port, store, env.DATA_DIR)
    while port is None:
        signal.pause()
    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        print(f"ERROR:    [Errno {error.errno}] error while attempting to bind on address ('{host}', {port}): "
              "address already in use", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(3)
    server.daemon_threads = True

    def stop(number, _):
        stopped_by.append(number)
        threading.Thread(target=server.shutdown).start()

    if not lies.tells("ignores-term"):
        signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    lies.serving()
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    chroma.close()
    end_by(stopped_by[0])
