"""Breaks runs of belay at their fault points and judges what is left. ./dev torture calls it.

    torture.py [FLOW ...] [--on KIND,...] [--fault KIND[:N],...] [--way WAY|all]
               [--step N] [--offset N] [--minutes M] [--seed N] [--jobs N] [--results FILE]
    torture.py random N [FLOW ...] [--on KIND,...] [--minutes M] [--seed N] [--jobs N]
    torture.py rows FILE

Points are counted in an undisturbed run of each flow, never listed: a new effect is covered the
moment it has a fault point. Each worker (--jobs of them for each kind of site) has one site of its
own, put back before each case. A case is FLOW KIND FAULT WAY; one that fails is printed as the
command that repeats it. With --minutes the cases come in random order, so that any part of them is
a sample. What passed according to --results FILE is not run again and counts in the table: a long
run goes on where it was stopped. The sites lie in memory where there is room, unless TMPDIR or
--dir says otherwise: what a kill leaves does not depend on the disk.
"""

import argparse
import collections
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

from case import FAULTS, FLOWS, Case, Reference
from lab import KINDS, Lab, Wrong

KILLING = ("kill", "torn", "after")  # after:SECONDS
# What is tried after a kill: the start script by hand or not, which way out, and once more a kill.
WAYS = ("finish", "hand+undo", "undo", "hand+finish", "finish+kill", "hand+undo+kill", "undo+kill", "hand+finish+kill")


def command_of(flow, kind, fault, way, options):
    words = f"./dev torture {flow} --on {kind} --fault {fault}" + (" --from-start" if options.from_start else "")
    return words + (f" --way {way}" if re.split("[:@]", fault)[0] in KILLING else "")


def plan_of(references, options):
    """[(flow, fault, way)]"""
    cases = []
    for flow, reference in references.items():
        for number, fault in enumerate(options.fault):
            kind, _, only = fault.partition("@" if "@" in fault else ":")
            if only:
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


def work(kind, share, folder, options, results):
    """Its share of the cases of one kind of site; puts (flow, kind, fault, point, way, verdict, why, seconds)."""
    lab = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lab = Lab(kind, folder)
        references = {flow: Reference(lab, flow) for flow in options.flows}
        if not options.from_start:
            for reference in references.values():
                reference.use_sooner()
        cases = [case for case in options.cases(references)[share::options.jobs] if (kind, *case) not in options.done]
        results.put((kind, len(cases), {flow: (len(ref.names), ref.torn) for flow, ref in references.items()}))
        if options.verbose:
            for ref in references.values():
                print(f"# {ref.flow} {kind}: {ref.seconds:.1f} s", *(
                    f"{other.state}: the last {len(ref.shared(other))} points, {other.seconds:.1f} s"
                    for other in ref.sooner), sep="; ", flush=True)
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


def in_memory(labs):
    """A folder in memory, if there are 2 GB a lab; None: where temporary files go."""
    try:
        free = shutil.disk_usage("/dev/shm").free
    except OSError:
        return None
    return "/dev/shm" if "TMPDIR" not in os.environ and free > labs * 2 << 30 else None


def known_rows(path):
    """What passed in an earlier run of these results: its last word on each case counts."""
    last = {}
    if path and os.path.exists(path):
        for line in pathlib.Path(path).read_text().splitlines():
            flow, kind, fault, point, way, verdict, seconds = line.split("\t")
            last[kind, flow, fault, way] = (flow, kind, fault, point, way, verdict, "", float(seconds))
    return {case: row for case, row in last.items() if row[5] != "FAILED"}


def run_all(options):
    shares = [(kind, share) for kind in options.on for share in range(options.jobs)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="belay-torture.", dir=options.dir or in_memory(len(shares))))
    folder.chmod(0o755)
    # No two labs get the same port: tests/harness/site.sh.
    claims_are_ours = "BELAY_TEST_CLAIMS" not in os.environ
    os.environ.setdefault("BELAY_TEST_CLAIMS", str(folder / "ports"))
    pathlib.Path(os.environ["BELAY_TEST_CLAIMS"]).mkdir(exist_ok=True)
    results = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(kind, share, folder / f"{kind}-{share}", options, results))
               for kind, share in shares]
    for worker in workers:
        worker.start()
    signal.signal(signal.SIGTERM, lambda *_: [worker.terminate() for worker in workers])
    signal.signal(signal.SIGINT, lambda *_: [worker.terminate() for worker in workers])
    rows, broken, open_workers, planned = list(options.known), [], len(workers), len(options.known)
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
    if claims_are_ours:
        del os.environ["BELAY_TEST_CLAIMS"]
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
              f"{command_of(flow, kind, fault, way, options)}", flush=True)
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


def flows_named(word):
    """A flow, or those that begin with the word: resume."""
    return [word] if word in FLOWS else [flow for flow in FLOWS if flow.startswith(f"{word}-")]


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
    parser.add_argument("--jobs", type=int, default=1, help="workers for each kind of site")
    parser.add_argument("--results", help="a line a case; those that passed are not run again")
    parser.add_argument("--from-start", action="store_true", help="no case begins at a rehearsed site")
    parser.add_argument("--dir", help="where the sites are made")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure and keep the site")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.on = options.on.split(",")
    options.fault = options.fault.split(",")
    options.count = 0
    options.rows = []
    options.done = known_rows(options.results)
    options.known = list(options.done.values())
    words = options.words
    if words[:1] == ["random"]:
        options.count, words = int(words[1]), words[2:]
        options.cases = random_cases(options)
    elif words[:1] == ["rows"]:
        options.rows, words = list(rows_of(words[1])), []
        options.from_start = True
    else:
        options.cases = lambda references: plan_of(references, options)
    options.flows = [flow for word in words for flow in flows_named(word)] or list(FLOWS)
    unknown = [word for word in words if not flows_named(word)]
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
