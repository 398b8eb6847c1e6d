"""A site that is made once and put back as it was in a moment, and the questions asked of it.

Lab(kind, folder).put_back() gives the same stopped site each time, at the same place: files are
copied, environments hard-linked, a PostgreSQL server gets its data folder back. What the journal
knows files by (device and inode) is written anew, since a copy has other inodes.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BELAY = os.environ.get("BELAY", str(ROOT / "build-test/src/cli/belay"))
KINDS = ("sqlite", "postgres", "inside", "system")
DATABASE = "openwebui_torture"
LIMIT = 240  # seconds that one command of belay may take on a loaded machine


class Wrong(Exception):
    """What was promised is not so."""


def sh(words, env=None, check=True, **more):
    done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=LIMIT, **more)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))[:200]}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def digest(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()[:16]


def digest_folder(folder, but=None):
    sums = [f"{path.relative_to(folder)} {digest(path.read_bytes())}"
            for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != but]
    return digest("\n".join(sums))


def inode(path):
    there = os.lstat(path) if os.path.lexists(path) else None
    return f"{there.st_dev}:{there.st_ino}" if there else None


class Postgres:
    """A server of this lab's own; its stopped data folder is what is put back."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "server/data"
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1].parent
        # Initialised, started and given its role by the harness.
        sh(["sh", "-c", '. "$0/tests/harness/site.sh"; . "$0/tests/harness/postgres.sh"; postgres_start "$1"; '
            'printf "%s\\n%s\\n" "$PG_PORT" "$PG_PASSWORD" >"$2"', ROOT, folder / "server", folder / "access"],
           env={**os.environ, "ROOT": str(ROOT)})
        self.port, self.password = (folder / "access").read_text().splitlines()
        self.env = {"PGHOST": "127.0.0.1", "PGPORT": self.port, "PGUSER": "webui", "PGPASSWORD": self.password}

    def control(self, *words):
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}/server -c fsync=off -c autovacuum=off"
        words = [str(self.bin / "pg_ctl"), "-D", str(self.data), "-w", "-l", f"{self.folder}/server/log", *words]
        if words[-1] == "start":
            words[-1:] = ["-o", options, "start"]
        if os.geteuid() == 0:
            words = ["runuser", "-u", "postgres", "--", *words]
        # The server keeps what it is given as its output: never a pipe.
        subprocess.run(words, cwd="/", check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=LIMIT)

    def put_back(self, kept):
        if (self.data / "postmaster.pid").exists():
            self.control("-m", "immediate", "stop")
        shutil.rmtree(self.data)
        sh(["cp", "-a", kept, self.data])
        self.control("start")

    def ask(self, sql, database="postgres"):
        done = sh(["psql", "-d", database, "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", sql], env={**os.environ, **self.env})
        return done.stdout.splitlines()


# What the application or a migration stamps with the time of day.
STAMPED = {"user": ("last_active_at", "updated_at"), "chat_message": ("created_at", "updated_at")}
DIGESTS = """SELECT table_name || ' ' || (xpath('/table/row/d/text()', query_to_xml(format(
 'SELECT md5(coalesce(string_agg((to_jsonb(t) - %L::text[])::text, chr(10)
  ORDER BY (to_jsonb(t) - %L::text[])::text), '''')) d FROM %I.%I t',
  skip, skip, table_schema, table_name), false, false, '')))[1]::text
 FROM information_schema.tables, LATERAL (SELECT CASE table_name WHEN 'user' THEN '{last_active_at,updated_at}'
  WHEN 'chat_message' THEN '{created_at,updated_at}' ELSE '{}' END skip) s WHERE table_schema = 'public' ORDER BY 1"""
SHAPE = """SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
 WHERE table_schema = 'public' ORDER BY 1, 2"""


class Lab:
    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.site = folder / "site"
        self.kept = folder / "kept"
        self.scratch = folder / "tmp"
        self.kept.mkdir(parents=True)
        self.scratch.mkdir()
        for made in (folder, self.kept):
            made.chmod(0o755)
        self.postgres = Postgres(folder) if kind == "postgres" else None
        self.env = {**os.environ, "LC_ALL": "C", "BELAY_STATE_DIR": str(self.site / "state"),
                    "TMPDIR": str(self.scratch)}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        for name in ("BELAY_FAULT", "BELAY_FAULT_LOG", "LD_PRELOAD"):
            self.env.pop(name, None)
        extra = {**self.postgres.env, "PGDATABASE": DATABASE} if self.postgres else {}
        sh(["sh", ROOT / "tests/crash/make_site.sh", kind, folder], env={**os.environ, **extra})
        self.read_site()
        self.paths = {}  # of each kept state: what was where, by inode
        self.keep("fresh")

    def read_site(self):
        words = dict(line.split("=", 1) for line in (self.site / "site.env").read_text().splitlines())
        self.port = int(words["SITE_PORT"])
        self.data = pathlib.Path(words["SITE_DATA"].strip("'"))
        self.link = self.site / ("start/openwebui-env" if self.kind == "system" else "env")

    # ---- kept states ----

    def keep(self, name):
        """The stopped site as it is now, under a name."""
        self.stop()
        self.paths[name] = {inode(path): path for path in self.site.rglob("*") if "site-packages" not in path.parts}
        sh(["cp", "-a", self.site, self.kept / name])
        if self.postgres:
            self.postgres.control("-m", "fast", "stop")
            sh(["cp", "-a", self.postgres.data, self.kept / f"{name}.pg"])
            self.postgres.control("start")

    def put_back(self, name="fresh"):
        self.stop()
        self.end_strangers()
        for folder in (self.site, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o755)
        for entry in (self.kept / name).iterdir():
            # Nobody writes into an installed file in place; everything else is a copy.
            linked = entry.name in ("env", "env.releases", "userbase") and self.kind != "inside"
            sh(["cp", "-al" if linked else "-a", entry, self.site / entry.name])
        self.rename_inodes({was: inode(path) for was, path in self.paths[name].items()})
        if self.postgres:
            self.postgres.put_back(self.kept / f"{name}.pg")

    def rename_inodes(self, table):
        def swap(text):
            # DEVICE:INODE, and the time of a change in nanoseconds.
            return re.sub(r"\b(?:\d+:\d{3,}|\d{19})\b", lambda found: table.get(found[0]) or found[0], text)

        for side in self.data.glob("*.made"):
            side.write_text(swap(side.read_text()))
        if not (self.site / "state/site/journal.db").exists():
            return
        journal = sqlite3.connect(self.site / "state/site/journal.db")
        for run, key, value in journal.execute("SELECT run, key, value FROM fact").fetchall():
            if swap(value) != value:
                # Each row has a sum of its own: src/journal/journal.c.
                parts = "".join(f"{len(part.encode())}:{part}" for part in (run, key, swap(value)))
                journal.execute("UPDATE fact SET value = ?, sum = ? WHERE run = ? AND key = ?",
                                (swap(value), digest(parts), run, key))
        journal.commit()
        journal.close()

    # ---- processes ----

    def processes(self):
        """Everything that runs for this site: pid, command line."""
        found = {}
        mark = str(self.site).encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                line = (entry / "cmdline").read_bytes()
                if line and (mark in line or mark in (entry / "environ").read_bytes()):
                    found[int(entry.name)] = line.replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue  # it ended
        return found

    def servers(self):
        return [pid for pid, line in self.processes().items()
                if "open-webui" in line and f"--port {self.port}" in line]

    def end_strangers(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self):
        for pid in self.servers():
            os.kill(pid, signal.SIGTERM)
        self.until(lambda: not self.servers(), 10) or self.end_strangers()

    @staticmethod
    def until(question, seconds):
        deadline = time.monotonic() + seconds
        while not question():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.03)
        return True

    def start_script(self):
        """The site's own start script, as an impatient person or a reboot runs it."""
        try:
            subprocess.run(["setsid", "bash", self.site / "start/start_openwebui.sh"], env=self.env, cwd="/",
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
        except subprocess.TimeoutExpired:
            raise Wrong("the start script hangs")

    def lose(self):
        """The machine is gone; what is left is the newest backup set, and what the judge knows."""
        self.stop()
        kept = self.site / "lost"
        newest = max((self.site / "start/backups").glob("openwebui_backup_*"))
        kept.mkdir()
        newest.rename(kept / newest.name)
        for entry in self.site.iterdir():
            if entry.name not in ("lost", "expected", "token", "site.env"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if self.postgres:
            self.postgres.ask(f"DROP DATABASE {DATABASE}")

    def is_lost(self):
        return not (self.site / "site.conf").exists()

    def start(self):
        if self.is_lost():
            return
        self.start_script()
        self.wait_for_server()

    def wait_for_server(self):
        if self.is_lost():
            return
        if not self.until(self.is_up, 40):
            log = (self.site / "start/openwebui.log").read_text(errors="replace")[-1500:]
            raise Wrong(f"no server answers on port {self.port}; its log ends:\n{log}")

    def is_up(self):
        """By its own server: the port of a stopped site is anybody's."""
        try:
            return self.http("GET", "/health")[1].get("status") is True and bool(self.servers())
        except (OSError, ValueError):
            return False

    def http(self, method, path, body=None):
        token = (self.site / "token").read_text().strip()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=json.dumps(body).encode() if body else None,
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                data = answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {}
        try:
            return 200, json.loads(data)
        except ValueError:
            return 200, data

    # ---- belay ----

    def belay(self, *words, fault=None, points=None, env=None):
        env = {**self.env, **(env or {})}
        if fault:
            env["BELAY_FAULT"] = fault
        if points:
            env["BELAY_FAULT_LOG"] = str(points)
        try:
            done = sh([BELAY, "--site", self.site / "site.conf", "--json", *words], env=env, check=False)
        except subprocess.TimeoutExpired:
            raise Wrong(f"belay {' '.join(words)} does not end in {LIMIT} s")
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        done.result = json.loads(lines[-1]) if done.returncode >= 0 and lines else {}
        return done

    # ---- what is there ----

    def digests(self):
        if self.postgres:
            rows = self.postgres.ask(DIGESTS, DATABASE) + self.postgres.ask(SHAPE, DATABASE)
            self.rows = rows
            return digest("\n".join(rows)), self.postgres.ask("SELECT version_num FROM alembic_version", DATABASE)[0]
        base = sqlite3.connect(f"file:{self.data}/webui.db?mode=ro", uri=True, timeout=20)
        rows = []
        if base.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise Wrong("the database file is damaged")
        for name, shape in base.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall():
            rows.append(f"{name} {shape}")
            if shape and shape.startswith("CREATE TABLE"):
                columns = [column[1] for column in base.execute(f'PRAGMA table_info("{name}")')
                           if column[1] not in STAMPED.get(name, ())]
                names = ", ".join(f'"{c}"' for c in columns)
                rows += sorted(map(repr, base.execute(f'SELECT {names} FROM "{name}"')))
        revision = base.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        base.close()
        self.rows = rows
        return digest("\n".join(rows)), revision

    def signature(self):
        """What must be all old or all new. The server is up."""
        if self.is_lost():
            return {"lost": digest_folder(self.site / "lost"), "places": self.places(), "processes": self.processes()}
        database, revision = self.digests()
        pids = self.servers()
        program = {os.readlink(f"/proc/{pid}/cwd") for pid in pids}
        if len(pids) != 1 or program != {str(self.site / "start")}:
            raise Wrong(f"servers: {self.processes()}")
        return {
            "database": database,
            "revision": revision,
            "version": self.http("GET", "/api/version")[1].get("version"),
            "release": self.release(),
            "uploads": digest_folder(self.data / "uploads"),
            "vectors": digest_folder(self.data / "vector_db"),
            # The system's Python is never changed; running it writes byte code.
            "system": digest_folder(self.site / "userbase", ".pyc"),
            "key": digest((self.site / "start/.webui_secret_key").read_bytes()),
        }

    def release(self):
        """A site in the system's Python gets an environment of its own, which an undo may leave."""
        if self.kind == "system" and not self.link.exists():
            return f"{self.link.name}.releases/0.7.2"
        return os.path.relpath(os.path.realpath(self.link), self.site if self.kind != "system" else self.site / "start")

    def reads_back(self):
        for name in sorted(path.stem for path in (self.site / "expected").glob("chat-*.json")):
            ident = (self.site / f"expected/{name}.id").read_text().strip()
            chat = self.http("GET", f"/api/v1/chats/{ident}")[1].get("chat")
            if chat != json.loads((self.site / f"expected/{name}.json").read_text()):
                raise Wrong(f"{name} does not read back: {chat}")
        status, _ = self.http("POST", "/api/v1/auths/signin", {"email": "ann@example.com", "password": "correct horse"})
        if status != 200:
            raise Wrong(f"the account cannot sign in: {status}")

    def write_chat(self, title):
        status, answer = self.http("POST", "/api/v1/chats/new", {"chat": {"title": title, "history": {"messages": {}}}})
        if status != 200 or not answer.get("id"):
            raise Wrong(f"users cannot save: {status} {answer}")

    def listing(self):
        """Every name below the site that is not inside a release; times and run ids taken out."""
        names = set()
        for folder, subfolders, files in os.walk(self.site):
            at = os.path.relpath(folder, self.site)
            in_release = at == "env" or re.fullmatch(r"(env|start/openwebui-env)\.releases/[^./][^/]*", at)
            if in_release or at in ("userbase", "expected") or re.fullmatch(r"state/site/runs/[^/]*", at):
                subfolders[:] = []
                continue
            names.update(os.path.join(at, name).removeprefix("./") for name in subfolders + files)
        plain = {re.sub(r"\d{8}-?\d{6}(-[a-z]+)*(-\d+)?", "RUN", re.sub(
            r"openwebui_backup_\d{8}_\d{6}(_\d+)?", "SET", name)) for name in names}
        return {name for name in plain if not re.search(r"__pycache__|\.pyc$|-(wal|shm|journal)$", name)} | self.places()

    def places(self):
        """Databases of the server, with what could still hold users off."""
        if not self.postgres:
            return set()
        rows = self.postgres.ask(
            "SELECT 'database ' || datname || CASE WHEN datallowconn THEN '' ELSE ' shut' END FROM pg_database"
            " WHERE NOT datistemplate UNION ALL SELECT 'setting of ' || coalesce(datname, '-') || ' ' || setconfig::text"
            " FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase")
        return {re.sub(r"\d{8}[-_]?\d{6}(_[a-z]+)?", "RUN", row) for row in rows}

    def close(self):
        self.stop()
        self.end_strangers()
        if self.postgres:
            self.postgres.control("-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
