"""Breaks runs of belay at their fault points and judges what is left. ./dev torture calls it.

    torture.py [FLOW ...] [--on KIND,...] [--fault KIND[:N],...] [--way WAY|all]
               [--step N] [--offset N] [--minutes M] [--seed N] [--results FILE]
    torture.py random N [FLOW ...] [--on KIND,...] [--minutes M] [--seed N]
    torture.py rows FILE

Points are counted in an undisturbed run of each flow, never listed: a new effect is covered the
moment it has a fault point. Each kind of site has one process and one site of its own, put back
before each case. A case is FLOW KIND FAULT WAY; one that fails is printed as the command that
repeats it. With --minutes the cases come in random order, so that any part of them is a sample.
"""

import argparse
import collections
import json
import multiprocessing
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from lab import BELAY, KINDS, Lab, Wrong

FAULTS = ("kill", "torn", "fail", "full")
KILLING = ("kill", "torn", "after")  # after:SECONDS
# What is tried after a kill: the start script by hand or not, which way out, and once more a kill.
WAYS = ("finish", "hand+undo", "undo", "hand+finish", "finish+kill", "hand+undo+kill", "undo+kill", "hand+finish+kill")
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


def way_back(lab):
    return lab.belay("status").result["way_back"]["run"]


def oldest_set(lab):
    return min(one["name"] for one in lab.belay("backups").result["sets"])


# flow: state to start from (made once by a function), what is done before each case, the command.
FLOWS = {
    "upgrade": (None, None, lambda lab: ["upgrade", "0.8.0", "--yes"]),
    "rollback": (upgraded, None, lambda lab: ["rollback", "--yes", "--accept-loss"]),
    "backup": (None, None, lambda lab: ["backup"]),
    "restore": (upgraded, None, lambda lab: ["restore", oldest_set(lab), "--yes"]),
    "rehearse": (None, None, lambda lab: ["rehearse", "0.8.0"]),
    "prune": (many_sets, None, lambda lab: ["prune", "--way-back", way_back(lab), "--yes"]),
    "resume-finish": (None, broken_upgrade, lambda lab: ["resume", "--finish", "--yes"]),
    "resume-undo": (None, broken_upgrade, lambda lab: ["resume", "--undo", "--yes"]),
}


def expect(done, *wanted):
    if done.returncode not in wanted:
        raise Wrong(f"exit status {done.returncode}, not {wanted}: {' '.join(map(str, done.args[4:]))}\n"
                    f"{done.stderr[-1500:]}{json.dumps(done.result)[:400]}")
    return done


class Reference:
    """A flow that nothing disturbs: what is old, what is new, how many points there are."""

    def __init__(self, lab, flow):
        self.lab, self.flow = lab, flow
        made_by, self.prepare, self.command = FLOWS[flow]
        self.state = made_by.__name__ if made_by else "fresh"
        if self.state not in lab.paths:
            lab.put_back()
            lab.start()
            made_by(lab)
            lab.wait_for_server()
            lab.keep(self.state)
        lab.put_back(self.state)
        lab.start()
        self.old, self.old_names = lab.signature(), lab.listing()
        if self.prepare:
            self.prepare(lab)
        words = self.command(lab)
        log = lab.folder / "points"
        log.unlink(missing_ok=True)
        began = time.monotonic()
        expect(lab.belay(*words, points=log), 0)
        self.seconds = time.monotonic() - began
        lab.wait_for_server()
        self.ends = "old" if flow == "resume-undo" else "new"
        if self.ends == "old":
            # What is new then is what the other way would have brought.
            self.begin()
            expect(lab.belay("resume", "--finish", "--yes"), 0)
            lab.wait_for_server()
        self.new, self.new_names = lab.signature(), lab.listing()
        lines = log.read_text().splitlines()
        self.names = [line.split()[1] for line in lines if not line.startswith("torn")]
        self.torn = len(lines) - len(self.names)

    def points(self, fault):
        return self.torn if fault == "torn" else len(self.names)

    def begin(self):
        self.lab.put_back(self.state)
        self.lab.start()
        if self.prepare:
            self.prepare(self.lab)
        return self.command(self.lab)


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
        self.reference, self.lab = reference, reference.lab
        self.fault, self.way = point_of(reference.names, fault), way
        self.log = self.lab.folder / "points"

    def point_name(self):
        kind, _, number = self.fault.partition(":")
        if kind == "torn" or not number or int(number) > len(self.reference.names):
            return "write" if kind == "torn" else "?"
        return self.reference.names[int(number) - 1]

    # ---- after the fault ----

    def by_hand(self):
        """What the site's own start script brings up now must not be a mix; often it is nothing."""
        lab, ref = self.lab, self.reference
        if lab.servers():
            return
        lab.start_script()
        # Not the servers: between the fork and the exec it is a shell yet.
        lab.until(lambda: lab.is_up() or not lab.processes(), 20)
        if lab.servers():
            lab.wait_for_server()
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
        word = "--undo" if undo else "--finish"
        if again:
            number = int(re.sub(r"\D", "", self.fault) or 1)
            self.resume(word, fault=f"kill:{1 + number * 7 % 40}")
            if hand:
                self.by_hand()
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
        return self.reference.prepare or any(line.endswith(" after-intent") for line in self.log.read_text().splitlines())

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
        if self.reference.prepare or done.returncode == 5:
            expect(done, 1, 3, 4, 5)
            expect(self.resume(), 0)
            return ("old", "new")
        expect(done, 1, 3, 4)
        return ("old",)

    # ---- the judge ----

    def judge(self, allowed):
        lab, ref = self.lab, self.reference
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
            missing = {one for one in wanted - names if re.match(sought, one)}
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
        done = self.lab.belay(*words, fault=self.fault, points=self.log)
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


# ---- many of them ----

def command_of(flow, kind, fault, way):
    words = f"./dev torture {flow} --on {kind} --fault {fault}"
    return words + (f" --way {way}" if re.split("[:@]", fault)[0] in KILLING else "")


def plan_of(references, options):
    """[(flow, fault, way)]"""
    cases = []
    for flow, reference in references.items():
        for number, fault in enumerate(options.fault):
            kind, _, only = fault.partition(":")
            if "@" in fault or only:
                points = [fault]
            else:
                last = reference.points(kind)
                step = min(options.step, max(last // 3, 1))
                points = [f"{kind}:{n}" for n in range(1 + (options.offset + 3 * number) % step, last + 1, step)]
            for at, point in enumerate(points):
                ways = WAYS if options.way == "all" else [options.way or WAYS[(at + 3 * number) % len(WAYS)]]
                cases += [(flow, point, way) for way in (ways if kind in KILLING else ["-"])]
    if options.minutes:
        random.Random(options.seed).shuffle(cases)
    return cases


def attempt(case, how):
    """One case: (verdict, why)."""
    try:
        return ("ok", "") if how() else ("not reached", "")
    except Wrong as wrong:
        return "FAILED", str(wrong)
    except Exception:
        return "FAILED", traceback.format_exc()


def work(kind, folder, options, results):
    """All cases of one kind of site; puts (flow, kind, fault, point, way, verdict, why, seconds)."""
    lab = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lab = Lab(kind, folder)
        references = {flow: Reference(lab, flow) for flow in options.flows}
        cases = options.cases(references)
        results.put((kind, len(cases), {flow: (len(ref.names), ref.torn) for flow, ref in references.items()}))
        # The minutes are those of the cases; and a loaded machine does some of them nevertheless.
        deadline = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
        for number, (flow, fault, way) in enumerate(cases):
            if number >= 3 and time.monotonic() > deadline:
                break
            began = time.monotonic()
            try:
                case = Case(references[flow], fault, way)
            except Wrong as wrong:
                results.put((flow, kind, fault, "", way, "FAILED", str(wrong), 0))
                continue
            fault = case.fault
            if fault.startswith("after:"):
                how = lambda: case.run_killed_after(float(fault[6:]))  # noqa: E731
            else:
                how = case.run
            verdict, why = attempt(case, how)
            if verdict == "not reached" and options.rows:
                verdict, why = "FAILED", "no such point any more: the row proves nothing"
            results.put((flow, kind, fault, case.point_name() if ":" in fault and not fault.startswith("after") else "",
                         way, verdict, why, time.monotonic() - began))
            if verdict == "FAILED" and options.stop:
                input_kept(lab)
                return
    except BaseException:
        results.put((kind, -1, traceback.format_exc()))
    finally:
        results.put(None)
        if lab and not options.stop:
            lab.close()


def input_kept(lab):
    print(f"kept: {lab.folder}", flush=True)


def random_cases(options):
    def cases(references):
        dice = random.Random(options.seed)
        weights = [reference.seconds for reference in references.values()]
        made = []
        for _ in range(options.count // len(options.on) + 1):
            flow = dice.choices(list(references), weights)[0]
            made.append((flow, f"after:{dice.uniform(0.005, references[flow].seconds * 1.05):.3f}", dice.choice(WAYS)))
        return made
    return cases


def run_all(options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="belay-torture.", dir=options.dir))
    folder.chmod(0o755)
    results = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(kind, folder / kind, options, results))
               for kind in options.on]
    for worker in workers:
        worker.start()
    signal.signal(signal.SIGTERM, lambda *_: [worker.terminate() for worker in workers])
    signal.signal(signal.SIGINT, lambda *_: [worker.terminate() for worker in workers])
    rows, broken, open_workers, planned = [], [], len(workers), 0
    while open_workers:
        one = results.get()
        if one is None:
            open_workers -= 1
        elif len(one) == 3:
            if one[1] < 0:
                broken.append(one)
                print(f"# {one[0]}: {one[2]}", flush=True)
            else:
                planned += one[1]
                print(f"# {one[0]}: {one[1]} cases; points and writes: {one[2]}", flush=True)
        else:
            rows.append(one)
            tell(one, options)
    for worker in workers:
        worker.join()
    if not options.stop:
        shutil.rmtree(folder, ignore_errors=True)
    table(rows, planned)
    return not broken and rows and all(row[5] != "FAILED" for row in rows)


def tell(row, options):
    flow, kind, fault, point, way, verdict, why, seconds = row
    if options.results:
        with open(options.results, "a") as file:
            print(*map(str, (flow, kind, fault, point, way, verdict, f"{seconds:.1f}")), sep="\t", file=file)
    if verdict == "FAILED":
        print(f"FAILED {flow} {kind} {fault} ({point}) {way}\n    {why.strip()[-2500:]}\n    again: "
              f"{command_of(flow, kind, fault, way)}", flush=True)
    elif options.verbose:
        print(f"{verdict} {flow} {kind} {fault} ({point}) {way} {seconds:.1f} s", flush=True)


def table(rows, planned):
    """Counts per flow, database and fault, as docs/reliability.md has them."""
    counts = collections.Counter()
    for flow, kind, fault, _, _, verdict, _, _ in rows:
        name = "random" if fault.startswith("after:") else re.split("[:@]", fault)[0]
        counts[flow, kind, name, verdict] += 1
    faults = [name for name in (*FAULTS, "random") if any(key[2] == name for key in counts)]
    print("\n| flow | on |" + "".join(f" {name} |" for name in faults) + " failed |")
    print("| --- | --- |" + " ---: |" * (len(faults) + 1))
    for flow, kind in sorted({key[:2] for key in counts}):
        cells = [counts[flow, kind, name, "ok"] for name in faults]
        failed = sum(counts[flow, kind, name, "FAILED"] for name in faults)
        print(f"| {flow} | {kind} | " + " | ".join(map(str, cells)) + f" | {failed} |")
    verdicts = collections.Counter(row[5] for row in rows)
    print(f"\n{verdicts['ok']} passed, {verdicts['FAILED']} failed, {verdicts['not reached']} not reached, "
          f"{planned - len(rows)} of {planned} not run")


def rows_of(path):
    """FLOW KIND FAULT WAY and what was wrong once; # begins a comment."""
    for line in pathlib.Path(path).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")[:4]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="FLOW", help=", ".join(FLOWS))
    parser.add_argument("--on", default="sqlite,postgres", help="kinds of sites: " + ", ".join(KINDS))
    parser.add_argument("--fault", default=",".join(FAULTS))
    parser.add_argument("--way", default="")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", help="append a line a case to this file")
    parser.add_argument("--dir", help="where the sites are made")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure and keep the site")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.on = options.on.split(",")
    options.fault = options.fault.split(",")
    options.count = 0
    options.rows = []
    words = options.words
    if words[:1] == ["random"]:
        options.count, words = int(words[1]), words[2:]
        options.cases = random_cases(options)
    elif words[:1] == ["rows"]:
        options.rows, words = list(rows_of(words[1])), []
    else:
        options.cases = lambda references: plan_of(references, options)
    options.flows = [flow for word in words for flow in FLOWS if flow == word or flow.startswith(f"{word}-")] or list(FLOWS)
    unknown = [word for word in words if not any(flow == word or flow.startswith(f"{word}-") for flow in FLOWS)]
    if unknown or set(options.on) - set(KINDS):
        parser.error(f"unknown: {unknown or options.on}")
    return options


def main():
    options = parse()
    if not options.rows:
        return run_all(options)
    # The regression table: each kind with its own rows only.
    good = True
    for kind in KINDS:
        rows = [row for row in options.rows if row[1] == kind]
        if rows:
            options.on, options.flows = [kind], sorted({row[0] for row in rows})
            options.cases = lambda _, rows=rows: [(row[0], row[2], row[3]) for row in rows]
            good = run_all(options) and good
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
