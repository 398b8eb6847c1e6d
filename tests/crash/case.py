"""One case: a flow at its starting state, a fault, the way out, and the judge. torture.py and powercut.py
run many of them.
"""

import json
import os
import re
import subprocess
import time

from lab import BELAY, Wrong

FAULTS = ("kill", "torn", "fail", "full")
KEEP_ONE = "keep_last = 1\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n"


def upgraded(lab):
    expect(lab.belay("upgrade", "0.8.0", "--yes"), 0)
    lab.write_chat("written since the upgrade")


def many_sets(lab):
    """Sets that retention lets go, one that a crash left unfinished, and a way back."""
    conf = lab.site / "site.conf"
    conf.write_text(conf.read_text().replace("[backup]\n", "[backup]\n" + KEEP_ONE))
    expect(lab.belay("backup"), 0)
    expect(lab.belay("upgrade", "0.8.0", "--yes"), 0)
    (lab.site / "start/backups/openwebui_backup_20200101_000000").mkdir(mode=0o700)


def broken_upgrade(lab):
    """Killed between the exchange of the databases and that of the releases."""
    expect(lab.belay("upgrade", "0.8.0", "--yes", fault="kill@link-create:2"), -9)


def built(lab):
    """The release is there, and nothing else of the run."""
    expect(lab.belay("rehearse", "0.8.0", fault="fail@dump-create"), 1)


def rehearsed(lab):
    expect(lab.belay("rehearse", "0.8.0"), 0)


def lost(lab):
    """A machine that has nothing of the site but a backup set."""
    expect(lab.belay("backup"), 0)
    lab.lose()


def way_back(lab):
    return lab.belay("status").result["way_back"]["run"]


def oldest_set(lab):
    return min(one["name"] for one in lab.belay("backups").result["sets"])


def lost_set(lab):
    return str(next((lab.site / "lost").iterdir()))


# flow: state to start from, run that was broken off there (both made once, by a function), the command.
FLOWS = {
    "upgrade": (None, None, lambda lab: ["upgrade", "0.8.0", "--yes"]),
    "rollback": (upgraded, None, lambda lab: ["rollback", "--yes", "--accept-loss"]),
    "backup": (None, None, lambda lab: ["backup"]),
    "restore": (upgraded, None, lambda lab: ["restore", oldest_set(lab), "--yes"]),
    "restore-empty": (lost, None, lambda lab: ["restore", lost_set(lab), "--wheels", f"{os.environ['CACHE']}/wheelhouse",
                                               "--start-timeout", "60", "--watch", "0", "--yes"]),
    "rehearse": (None, None, lambda lab: ["rehearse", "0.8.0"]),
    "prune": (many_sets, None, lambda lab: ["prune", "--way-back", way_back(lab), "--yes"]),
    "resume-finish": (None, broken_upgrade, lambda lab: ["resume", "--finish", "--yes"]),
    "resume-undo": (None, broken_upgrade, lambda lab: ["resume", "--undo", "--yes"]),
}

# The same end of a flow, reached sooner: most of a case's time goes into building and rehearsing.
SOONER = {
    "upgrade": [(rehearsed, None, lambda lab: ["upgrade", "0.8.0", "--skip-rehearsal", "--yes"]),
                (built, None, lambda lab: ["upgrade", "0.8.0", "--yes"])],
    "rehearse": [(built, None, lambda lab: ["rehearse", "0.8.0"])],
}


def expect(done, *wanted):
    if done.returncode not in wanted:
        raise Wrong(f"exit status {done.returncode}, not {wanted}: {' '.join(map(str, done.args[4:]))}\n"
                    f"{done.stderr[-1500:]}{json.dumps(done.result)[:400]}")
    return done


class Reference:
    """A flow that nothing disturbs: what is old, what is new, how many points there are."""

    def __init__(self, lab, flow, row=None):
        self.lab, self.flow, self.sooner = lab, flow, []
        made_by, breaks, self.command = row or FLOWS[flow]
        self.state = made_by.__name__ if made_by else "fresh"
        self.broken = breaks.__name__ if breaks else None
        if self.state not in lab.paths:
            lab.put_back()
            lab.start()
            made_by(lab)
            lab.wait_for_server()
            lab.keep(self.state)
        lab.put_back(self.state)
        lab.start()
        self.old, self.old_names = lab.signature(), lab.listing()
        if self.broken and self.broken not in lab.paths:
            breaks(lab)
            lab.keep(self.broken)
        self.words = self.command(lab)
        log = lab.folder / "points"
        log.unlink(missing_ok=True)
        if self.broken:
            self.begin()
        began = time.monotonic()
        expect(lab.belay(*self.words, points=log), 0)
        self.seconds = time.monotonic() - began
        lab.wait_for_server()
        self.ends = "old" if flow == "resume-undo" else "new"
        if self.ends == "old":
            # What is new then is what the other way would have brought.
            self.begin()
            expect(lab.belay("resume", "--finish", "--yes"), 0)
            lab.wait_for_server()
        self.new, self.new_names = lab.signature(), lab.listing()
        self.labels = ["torn" if line.startswith("torn") else line.split()[1] for line in log.read_text().splitlines()]
        self.names = [label for label in self.labels if label != "torn"]
        self.torn = len(self.labels) - len(self.names)

    def points(self, fault):
        return self.torn if fault == "torn" else len(self.names)

    def use_sooner(self):
        self.sooner = [Reference(self.lab, self.flow, row) for row in SOONER.get(self.flow, [])]

    def shared(self, other):
        """The last labels that both runs have, from the first step on that is wholly the same."""
        length = next((n for n, pair in enumerate(zip(reversed(self.labels), reversed(other.labels)))
                       if pair[0] != pair[1]), len(other.labels))
        labels = self.labels[len(self.labels) - length:]
        return labels[labels.index("after-intent"):] if "after-intent" in labels else []

    def place(self, fault):
        """Where a point is reached soonest: (reference, the fault by its number there)."""
        kind, _, number = fault.partition(":")
        if kind in FAULTS and number.isdigit():
            from_end = self.points(kind) - int(number)
            for other in self.sooner:
                shared = [label for label in self.shared(other) if (label == "torn") == (kind == "torn")]
                if 0 <= from_end < len(shared):
                    return other, f"{kind}:{other.points(kind) - from_end}"
        return self, fault

    def begin(self):
        self.lab.put_back(self.broken or self.state)
        if not self.broken:
            self.lab.start()
        return self.words


def point_of(names, fault):
    """KIND@NAME>NAME>...: each the first after the one before, the last is meant. As KIND:N."""
    kind, _, path = fault.partition("@")
    if ">" not in path:
        return fault
    at = 0
    for name in path.split(">"):
        if name not in names[at:]:
            raise Wrong(f"{fault}: there is no point '{name}' any more after point {at}")
        at = names.index(name, at) + 1
    return f"{kind}:{at}"


class Case:
    def __init__(self, reference, fault, way):
        self.whole, self.lab = reference, reference.lab
        self.fault, self.way = point_of(reference.names, fault), way
        self.reference, self.sent = reference.place(self.fault)
        self.log = self.lab.folder / "points"

    def point_name(self):
        kind, _, number = self.fault.partition(":")
        if kind == "torn" or not number or int(number) > len(self.whole.names):
            return "write" if kind == "torn" else "?"
        return self.whole.names[int(number) - 1]

    # ---- after the fault ----

    def by_hand(self):
        """What the site's own start script brings up now must not be a mix; often it is nothing."""
        lab, ref = self.lab, self.reference
        if lab.servers():
            return
        lab.start_script()
        # Not the servers: between the fork and the exec it is a shell yet, and in the exec it has no name.
        # Where the database lets nobody in, it dies by itself.
        gone = lambda: not lab.processes() and not time.sleep(0.2) and not lab.processes()  # noqa: E731
        if not lab.until(lambda: lab.is_up() or gone(), 40):
            raise Wrong(f"started by hand: neither up nor gone: {lab.processes()}")
        if lab.is_up():
            pair = lab.http("GET", "/api/version")[1].get("version"), lab.digests()[1]
            if pair not in [(one["version"], one["revision"]) for one in (ref.old, ref.new)]:
                raise Wrong(f"started by hand: a mix: {pair}")

    def resume(self, *words, **more):
        return self.lab.belay("resume", *words, "--yes", **more)

    def way_out(self):
        """Returns which of old and new may be there now."""
        hand, undo, again = ("hand" in self.way), ("undo" in self.way), ("+kill" in self.way)
        if hand:
            self.by_hand()
        if self.reference.flow == "prune":
            self.finish_prune()
            return ("new",)
        if self.lab.is_lost():
            return self.once_more()
        word = "--undo" if undo else "--finish"
        if again:
            number = int(re.sub(r"\D", "", self.fault) or 1)
            self.resume(word, fault=f"kill:{1 + number * 7 % 40}")
            if hand:
                self.by_hand()
            if self.lab.is_lost():
                return self.once_more()
            expect(self.resume(), 0)
            return ("old", "new")
        done = self.resume(word)
        if undo and done.returncode == 3:
            expect(self.resume("--finish"), 0)
            return ("new",)
        # An undo that had begun may have touched the file that was copied: finishing sees that, and undoes.
        if self.reference.flow == "resume-undo" and done.returncode == 4 and done.result.get("outcome") == "undone":
            return ("old",)
        expect(done, 0)
        if done.result.get("outcome") == "nothing-to-do" or not self.began():
            return ("old", "new")
        return ("old",) if undo else ("new",)

    def began(self):
        return bool(self.reference.broken) or any(line.endswith(" after-intent") for line in self.log.read_text().splitlines())

    def once_more(self):
        """Nothing can be resumed where no site is known; the same command begins anew."""
        expect(self.lab.belay(*self.reference.words), 0)
        return ("new",)

    def finish_prune(self):
        status = self.lab.belay("status").result
        words = ["--way-back", status["way_back"]["run"]] if status.get("way_back") else []
        expect(self.lab.belay("prune", *words, "--yes"), 0)

    def failed(self, done):
        """The call returned an error: which of old and new may be there."""
        if done.returncode == 0:
            # Its end could not be written down: that is said, and for the next command it is open.
            if '"id": "journal"' in done.stdout.replace('"id":"', '"id": "') and "belay resume" in done.stdout:
                expect(self.resume(), 0)
            return (self.reference.ends,)
        if not done.stderr.strip():
            raise Wrong(f"exit status {done.returncode} without a word")
        if self.reference.flow == "prune":
            expect(done, 1, 3)
            self.finish_prune()
            return ("new",)
        if self.reference.broken or done.returncode == 5:
            expect(done, 1, 3, 4, 5)
            expect(self.resume(), 0)
            return ("old", "new")
        expect(done, 1, 3, 4)
        return ("old",)

    # ---- the judge ----

    def judge(self, allowed):
        lab, ref = self.lab, self.reference
        if lab.is_lost():
            self.judge_lost(allowed)
            allowed = self.once_more()
        lab.wait_for_server()
        if self.fault.startswith(("fail", "full")) and self.left_over():
            # It was the removal that failed. Then it is said, and the next one takes it away.
            expect(lab.belay("prune", "--yes"), 0)
        lab.until(lambda: len(lab.processes()) <= 1, 5)
        if len(lab.processes()) != 1:
            raise Wrong(f"processes were left: {lab.processes()}")
        now = lab.signature()
        which = [name for name in ("old", "new") if now == getattr(ref, name)]
        if not which:
            raise Wrong("a mix:\n" + "\n".join(f"{key}: {now[key]}, old {ref.old[key]}, new {ref.new[key]}" for key in now))
        if not set(which) & set(allowed):
            raise Wrong(f"it is {which}, and should be {allowed}")
        self.judge_names(which)
        expect(lab.belay("status", "--check"), 0)
        lab.reads_back()
        if ref.flow == "backup":
            for one in lab.belay("backups").result["sets"]:
                expect(lab.belay("verify", one["name"]), 0)
        lab.write_chat("saved afterwards")

    def judge_lost(self, allowed):
        """Undone to the last file: what is there is a backup set, and belay's own notes."""
        lab, ref = self.lab, self.reference
        now = lab.signature()
        if now != ref.old or "old" not in allowed:
            raise Wrong(f"no site is there, and should be {allowed}; {now}, once {ref.old}")
        extra = {name for name in lab.listing() - ref.old_names if not re.match("state(/|$)", name)}
        if extra and not self.fault.startswith(("fail", "full")):
            raise Wrong(f"left over where the site was: {sorted(extra)}")

    def left_over(self):
        return self.lab.listing() - self.reference.old_names - self.reference.new_names

    def judge_names(self, which):
        """Nothing too much and nothing missing, among files and databases."""
        lab, ref = self.lab, self.reference
        names = lab.listing()
        sought = r"(data|start|env|env\.releases/[^.][^/]*|database .*)(/|$)"
        complaints = []
        for name in which:
            wanted = getattr(ref, f"{name}_names")
            # What was built and proven on the way may stay for the next try, as may evidence.
            stays = {one for one in ref.new_names | ref.old_names
                     if re.match(r"(start/backups|env\.releases|start/openwebui-env(\.releases)?|state)(/|$)", one)}
            # A half-written file of belay's own has one name, and the next write of it takes it over.
            half = {one for one in names if re.match(r"(state|env\.releases/\.prewarm)/(.*/)?\.[^/]*\.belay-new$", one)}
            extra = names - wanted - stays - half
            # What starts a server sooner may be missing: the next rehearsal writes it.
            missing = {one for one in wanted - names if re.match(sought, one) and "releases/.prewarm" not in one}
            if not extra and not missing:
                break
            complaints.append(f"against {name}: left over {sorted(extra)[:12]}, missing {sorted(missing)[:12]}")
        else:
            raise Wrong("\n".join(complaints))
        left = [str(path.relative_to(lab.scratch)) for path in lab.scratch.iterdir()]
        if left:
            raise Wrong(f"left in the folder for temporary files: {left}")
        for folder in (lab.site / "start/backups").glob("openwebui_backup_*"):
            if not (folder / "manifest.json").exists() and not folder.name.startswith("openwebui_backup_2020"):
                raise Wrong(f"an unfinished backup set was left: {folder.name}")

    def run(self):
        """None: the fault was not reached."""
        words = self.reference.begin()
        self.log.unlink(missing_ok=True)
        self.log.touch()
        done = self.lab.belay(*words, fault=self.sent, points=self.log)
        kind = self.fault.partition(":")[0].partition("@")[0]
        if done.returncode == -9:
            allowed = self.way_out()
        elif kind in ("kill", "torn"):
            return None if done.returncode == 0 else expect(done, -9)
        else:
            allowed = self.failed(done)
        self.judge(allowed)
        return True

    def run_killed_after(self, seconds):
        """kill -9 at a moment of its own; True when it came before the end."""
        words = self.reference.begin()
        lab = self.lab
        self.log.unlink(missing_ok=True)
        with subprocess.Popen([BELAY, "--site", lab.site / "site.conf", "--json", *words], stdin=subprocess.DEVNULL,
                              env={**lab.env, "BELAY_FAULT_LOG": str(self.log)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.touch()
        if process.returncode == -9:
            self.judge(self.way_out())
            return True
        expect(process, 0)
        self.judge((self.reference.ends,))
        return None
