"""Who has a secret, 50 times a second until TERM: secret_watch.py FILE SECRETS

SECRETS is a file with one secret a line. Each process with one in its arguments or environment is
written to FILE once: "argv COMMAND" or "environ COMMAND"."""

import os
import signal
import sys
import time

secrets = [line for line in open(sys.argv[2], "rb").read().splitlines() if line]
seen, rounds, ended = set(), 0, False


def stop(*_):
    global ended
    ended = True


signal.signal(signal.SIGTERM, stop)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


with open(sys.argv[1], "w", buffering=1) as log:
    while not ended:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            argv = None
            for where, name in (("argv", "cmdline"), ("environ", "environ")):
                text = read(f"/proc/{pid}/{name}")
                if not any(secret in text for secret in secrets):
                    continue
                argv = argv or read(f"/proc/{pid}/cmdline").replace(b"\0", b" ")[:300]
                if (where, argv) not in seen:
                    seen.add((where, argv))
                    log.write(f"{where} {argv.decode(errors='replace')}\n")
        rounds += 1
        time.sleep(0.02)
    log.write(f"rounds {rounds}\n")
