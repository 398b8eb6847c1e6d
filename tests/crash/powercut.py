"""Power cuts: belay and all of its site stop at one instant, and only what was synced is sure to be
there; the rest is there, is not, or is there in part. ./dev torture powercut N calls it.

    powercut.py N [FLOW ...] [--on KIND,...] [--minutes M] [--seed N]

Everything of the site runs with powercut.c preloaded, which notes what each fsync() covered. At a
random fault point all of it is killed, and the site's folder is made anew from the notes: for each
name of each folder dice choose between what was last synced and what was there; likewise for the
content of each file. The machine comes up again: the start script or not, `status`, `verify` of
every set that says it is proven, `resume` one way or the other. Then the judge of case.py. A
PostgreSQL server keeps what it has: it is the files of belay and of the application that are cut.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import traceback

from case import FLOWS, Case, Reference, expect
from lab import ROOT, Lab, Wrong

SHIM = pathlib.Path(os.environ.get("POWERCUT", ROOT / "build-test/tests/crash/powercut.so"))
FLOWS_CUT = [flow for flow in FLOWS if not flow.startswith("resume")]
Entry = collections.namedtuple("Entry", "key mode target")  # target: of a symbolic link


def births(folder):
    """KEY of powercut.c needs the time of birth, which Python's stat does not have."""
    names = subprocess.run(["find", folder, "-print0"], capture_output=True, check=True).stdout
    lines = subprocess.run(["xargs", "-0", "stat", "--printf", "%i-%.9W %n\\0"], input=names, capture_output=True,
                           check=True).stdout.decode(errors="surrogateescape")
    return {path: key for key, _, path in (line.partition(" ") for line in lines.split("\0") if line)}


class Tree:
    """What is below a folder: names of each folder by its key, path of each key."""

    def __init__(self, root):
        self.names, self.paths = {}, {}
        keys = births(root)
        for path, key in keys.items():
            self.paths.setdefault(key, path)
            if os.path.isdir(path) and not os.path.islink(path):
                self.names[key] = {}
        for path, key in keys.items():
            if path != str(root):
                folder, name = os.path.split(path)
                there = os.lstat(path)
                target = os.readlink(path) if stat.S_ISLNK(there.st_mode) else ""
                self.names[keys[folder]][name] = Entry(key, there.st_mode, target)
        self.root = keys[str(root)]


class Remains:
    """The site's folder as it may be found after the cut."""

    def __init__(self, lab, before, kept_before, notes, dice):
        self.lab, self.before, self.kept_before, self.notes, self.dice = lab, before, kept_before, notes, dice
        self.now = Tree(lab.site)
        synced = notes / "synced"
        self.synced_ns = int(synced.read_text()) if synced.exists() else 0
        self.made = {}     # key: path in the new tree, for hard links
        self.renamed = {}  # "DEV:INODE" and times of change of before: of after
        self.told = []     # what was lost, for the report

    # ---- folders ----

    def covered(self, key, path):
        """It was there when everything was synced, and was not written to since. Not by the time of
        change, which a further hard link elsewhere moves too."""
        seconds, _, rest = key.partition("-")[2].partition(".")
        return max(os.lstat(path).st_mtime_ns, int(seconds + rest)) <= self.synced_ns

    def durable_names(self, key):
        note = self.notes / f"{key}.names"
        path = self.now.paths.get(key)
        if path and self.covered(key, path):
            return self.now.names[key]
        if note.exists():
            lines = [line.split("\t") for line in note.read_text().splitlines()]
            return {name: Entry(child, int(mode, 8), target) for name, child, mode, target in lines}
        return self.before.names.get(key, {})

    def folder(self, key, mode, to):
        durable, now = self.durable_names(key), self.now.names.get(key, {})
        to.mkdir(mode=0o700)
        taste = self.dice.choice(("lost", "kept", "any"))
        for name in sorted({*durable, *now}):
            entry = durable.get(name)
            if entry != now.get(name):
                if taste == "kept" or (taste == "any" and self.dice.random() < 0.5):
                    entry = now.get(name)
                self.told.append(f"{to / name}: {'as it was' if entry != now.get(name) else 'as synced or newer'}")
            if entry:
                self.entry(entry, to / name)
        path = self.now.paths.get(key)
        there = os.stat(path) if path else None
        os.chmod(to, stat.S_IMODE(mode))
        if there:
            os.utime(to, ns=(there.st_atime_ns, there.st_mtime_ns))
            self.rename(there, to)

    def entry(self, entry, to):
        if stat.S_ISDIR(entry.mode):
            self.folder(entry.key, entry.mode, to)
        elif stat.S_ISLNK(entry.mode):
            to.symlink_to(entry.target)
        elif entry.key in self.made:
            os.link(self.made[entry.key], to)
        else:
            self.content(entry, to)
            self.made[entry.key] = to

    # ---- files ----

    def durable_content(self, key):
        """A path to read it from; None: nothing of it was ever synced."""
        note = self.notes / f"{key}.content"
        path = self.now.paths.get(key)
        if path and self.covered(key, path):
            return path
        if note.exists():
            return note
        return self.kept_before.get(key)

    def content(self, entry, to):
        durable, now = self.durable_content(entry.key), self.now.paths.get(entry.key)
        same = durable and now and os.stat(durable).st_size == os.stat(now).st_size and \
            pathlib.Path(durable).read_bytes() == pathlib.Path(now).read_bytes()
        taste = "now" if same or not now and not durable else self.dice.choice(("durable", "durable", "now", "half"))
        if taste == "durable" or not now:
            source = durable
        else:
            source = now
        if source is None:
            to.touch()
        elif same and "site-packages" in to.parts and entry.key in self.kept_before:
            os.link(self.kept_before[entry.key], to)  # thousands of these; nobody writes into them
            return
        else:
            shutil.copy2(source, to)
        if taste == "half" and now and not durable:
            os.truncate(to, os.stat(to).st_size // 2)
        if not same:
            self.told.append(f"{to}: content {taste}, {os.stat(to).st_size} bytes")
        os.chmod(to, stat.S_IMODE(entry.mode))
        if now:
            self.rename(os.stat(now), to)

    def rename(self, was, to):
        there = os.stat(to)
        self.renamed[f"{was.st_dev}:{was.st_ino}"] = f"{there.st_dev}:{there.st_ino}"
        self.renamed[str(was.st_ctime_ns)] = str(there.st_ctime_ns)

    def put(self):
        """Instead of the site's folder."""
        new = self.lab.folder / "remains"
        shutil.rmtree(new, ignore_errors=True)
        self.folder(self.now.root, 0o755, new)
        shutil.rmtree(self.lab.site)
        new.rename(self.lab.site)
        try:
            # A machine would have the inodes and times that the journal knows.
            self.lab.rename_inodes(self.renamed)
        except sqlite3.DatabaseError:
            pass  # damaged: that is for belay to find


class Cut:
    def __init__(self, reference, dice):
        self.reference, self.lab, self.dice = reference, reference.lab, dice
        self.point = dice.randint(1, len(reference.names))
        self.way = dice.choice(("finish", "undo", "hand+finish", "hand+undo", "hand+", ""))
        self.told = []

    def run(self):
        lab = self.lab
        notes = lab.folder / "notes"
        shutil.rmtree(notes, ignore_errors=True)
        notes.mkdir(mode=0o777)
        lab.put_back(self.reference.state)
        before = Tree(lab.site)
        kept = lab.kept / self.reference.state
        kept_before = {key: kept / os.path.relpath(path, lab.site) for key, path in before.paths.items()}
        shim = {"LD_PRELOAD": str(SHIM), "POWERCUT_ROOT": str(lab.site), "POWERCUT_KEPT": str(notes)}
        lab.env.update(shim)
        try:
            lab.start()
            done = lab.belay(*self.reference.command(lab), fault=f"kill:{self.point}")
            lab.end_strangers()
            lab.until(lambda: not lab.processes(), 10)
        finally:
            for name in shim:
                lab.env.pop(name)
        expect(done, -9, 0)
        for mapped in lab.site.rglob("*-shm"):
            mapped.unlink()  # what is only in memory
        remains = Remains(lab, before, kept_before, notes, self.dice)
        remains.put()
        self.told = remains.told
        self.look()

    def look(self):
        """The machine is up again."""
        lab, ref = self.lab, self.reference
        case = Case(ref, f"kill:{self.point}", self.way)
        if "hand" in self.way:
            case.by_hand()
        if not lab.is_lost():
            self.resume()
        if lab.is_lost():
            case.once_more()
        if not lab.servers():
            lab.start()
        lab.wait_for_server()
        now = lab.signature()
        if now not in (ref.old, ref.new):
            raise Wrong("a mix:\n" + "\n".join(f"{key}: {now[key]}, old {ref.old[key]}, new {ref.new[key]}" for key in now))
        expect(lab.belay("status", "--check"), 0)
        lab.reads_back()
        lab.write_chat("saved afterwards")

    def resume(self):
        lab = self.lab
        expect(lab.belay("status"), 0)
        for one in lab.belay("backups").result.get("sets", []):
            if one["proven"]:
                expect(lab.belay("verify", one["name"]), 0)
        words = ["--undo"] if "undo" in self.way else ["--finish"] if "finish" in self.way else []
        done = lab.belay("resume", *words, "--yes")
        if done.returncode == 3 and "undo" in self.way:
            done = lab.belay("resume", "--finish", "--yes")
        expect(done, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("flows", nargs="*", metavar="FLOW")
    parser.add_argument("--on", default="sqlite,postgres")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    flows = options.flows or FLOWS_CUT
    if set(flows) - set(FLOWS_CUT):
        parser.error(f"flows: {', '.join(FLOWS_CUT)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="belay-powercut."))
    folder.chmod(0o755)
    counts, failed = collections.Counter(), 0
    kinds = options.on.split(",")
    for kind in kinds:
        lab = Lab(kind, folder / kind)
        references = {}
        deadline = time.monotonic() + 60 * options.minutes / len(kinds) if options.minutes else float("inf")
        try:
            for number in range(options.seed, options.seed + options.count):
                if number > options.seed and time.monotonic() > deadline:
                    break
                dice = random.Random(number)
                flow = dice.choice(flows)
                cut = None
                try:
                    if flow not in references:
                        references[flow] = Reference(lab, flow)
                    cut = Cut(references[flow], dice)
                    cut.run()
                    counts[flow, kind] += 1
                except Exception as wrong:
                    failed += 1
                    why = str(wrong) if isinstance(wrong, Wrong) else traceback.format_exc()
                    print(f"FAILED {flow} {kind} {cut and f'kill:{cut.point}'} {cut and cut.way}\n    {why[-2500:]}")
                    print("    lost: " + "; ".join(re.sub(r".*/remains/", "", one) for one in (cut.told if cut else []))[:1500])
                    print(f"    again: ./dev torture powercut 1 {' '.join(options.flows)} --on {kind} --seed {number}", flush=True)
        finally:
            lab.close()
    shutil.rmtree(folder, ignore_errors=True)
    print("\n| flow | on | power cuts |\n| --- | --- | ---: |")
    for (flow, kind), count in sorted(counts.items()):
        print(f"| {flow} | {kind} | {count} |")
    print(f"\n{sum(counts.values())} passed, {failed} failed")
    return 0 if not failed and counts else 1


if __name__ == "__main__":
    sys.exit(main())
