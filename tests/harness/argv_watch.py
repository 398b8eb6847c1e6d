"""Collect the argument lists of all processes, until TERM: argv_watch.py FILE"""

import os
import sys
import time

seen = set()
with open(sys.argv[1], "wb", buffering=0) as out:
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().replace(b"\0", b" ")
            except OSError:
                continue
            if argv and argv not in seen:
                seen.add(argv)
                out.write(argv + b"\n")
        time.sleep(0.03)
