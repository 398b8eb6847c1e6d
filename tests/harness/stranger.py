"""Another user of the machine, 50 times a second until TERM: stranger.py FILE PRIVATE ... -- KEPT ...

Below PRIVATE nothing may be opened or listed; below KEPT nothing may be written or replaced. What
could be is written to FILE, one line a thing. Run it as a user without rights."""

import os
import signal
import stat
import sys
import time

out, words = sys.argv[1], sys.argv[2:]
private, kept = words[: words.index("--")], words[words.index("--") + 1 :]
found, rounds, ended = set(), 0, False


def stop(*_):
    global ended
    ended = True


signal.signal(signal.SIGTERM, stop)


def tell(what, path):
    if (what, path) not in found:
        found.add((what, path))
        log.write(f"{what} {path}\n")


def entries(folder):
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return None


def walk(path, seen, depth=0):
    """Everything that can be reached; links are not followed."""
    try:
        about = os.lstat(path)
    except OSError:
        return
    seen(path, about)
    if stat.S_ISDIR(about.st_mode) and depth < 6:
        for entry in entries(path) or ():
            walk(entry, seen, depth + 1)


def look_private(path, about):
    if path in private:
        if entries(path) is not None:
            tell("listed", path)
        return
    tell("seen", path)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        tell("opened", path)
    except OSError:
        pass


def look_kept(path, about):
    if stat.S_ISLNK(about.st_mode):
        return
    if os.access(path, os.W_OK) and not about.st_mode & stat.S_ISVTX:
        tell("writable", path)


with open(out, "w", buffering=1) as log:
    while not ended:
        for path in private:
            walk(path, look_private)
            walk(path, look_kept)
        for path in kept:
            walk(path, look_kept)
        rounds += 1
        time.sleep(0.02)
    log.write(f"rounds {rounds}\n")
