"""Users at work, until TERM: clients.py URL CHAT LOG

Four clients sign in, read the chat CHAT over and over, and write new chats. Each request becomes a
line of LOG when it has ended: client, kind (read, write), ok, the id that the server gave, and from
when to when it took, in milliseconds of the wall clock.

clients.py windows LOG EVENTS [STEP ...]: complains of every failed read that was not going on in
the dark part of the run, or in one of the STEPs, whose lines of JSON (with "at", when each came)
are EVENTS."""

import http.client
import json
import signal
import sys
import threading
import time
from urllib.parse import urlsplit

CLIENTS = 4
PAUSE_S = 0.04
ACCOUNT = {"email": "ann@example.com", "password": "correct horse"}


def now():
    return int(time.time() * 1000)


class Client(threading.Thread):
    def __init__(self, number, url, chat, log, ended):
        super().__init__()
        self.number, self.url, self.chat, self.log, self.ended = number, urlsplit(url), chat, log, ended
        self.token = None

    def ask(self, method, path, value=None):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=15)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(value) if value else None, headers)
            answer = connection.getresponse()
            data = answer.read()
            return json.loads(data) if answer.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def do(self, kind, *request):
        began = now()
        answer = self.ask(*request)
        given = answer.get("id") if isinstance(answer, dict) else None
        line = {"client": self.number, "kind": kind, "ok": bool(given), "id": given, "began": began, "ended": now()}
        self.log.write(json.dumps(line) + "\n")

    def sign_in(self):
        while not self.token and not self.ended.is_set():
            self.token = (self.ask("POST", "/api/v1/auths/signin", ACCOUNT) or {}).get("token")

    def run(self):
        self.sign_in()
        count = 0
        while not self.ended.is_set():
            count += 1
            title = f"client {self.number}, chat {count}"
            self.do("write", "POST", "/api/v1/chats/new", {"chat": {"title": title, "history": {"messages": {}}}})
            for _ in range(2):
                self.do("read", "GET", f"/api/v1/chats/{self.chat}")
                time.sleep(PAUSE_S)


def work(url, chat, path):
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with open(path, "a", buffering=1) as log:
        clients = [Client(number, url, chat, log, ended) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()


def excused(events, steps):
    """From when to when a read may fail: while nobody is served, and in the steps named."""
    stop = [e["at"] for e in events if e.get("id") == "stop-service" and e.get("state") == "started"]
    well = [e["at"] for e in events if e.get("id") == "pass-gate" and e.get("state") == "done"]
    windows = list(zip(stop, well))
    for step in steps:
        at = {e["state"]: e["at"] for e in events if e.get("id") == step and "state" in e}
        windows.append((at["started"], at["done"]))
    return windows


def judge(log, events, steps):
    with open(log) as f:
        reads = [line for line in map(json.loads, f) if line["kind"] == "read"]
    with open(events) as f:
        windows = excused([json.loads(line) for line in f], steps)
    if not windows:
        sys.exit("the run had no dark part")
    bad = [
        read for read in reads
        if not read["ok"] and not any(read["began"] <= end and read["ended"] >= begin for begin, end in windows)
    ]
    for read in bad[:10]:
        print(f"a read failed outside of {windows}: {read}")
    print(f"{len(reads)} reads, {sum(not read['ok'] for read in reads)} failed, {len(bad)} of them without excuse")
    sys.exit(1 if bad or not any(read["ok"] for read in reads) else 0)


if sys.argv[1] == "windows":
    judge(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    work(*sys.argv[1:4])
