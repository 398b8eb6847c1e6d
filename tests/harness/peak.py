"""peak.py FILE COMMAND...: run it, and write its own largest memory in kB (VmHWM) to FILE; what its children take is theirs."""

import re
import subprocess
import sys
import time

peak = 0
with subprocess.Popen(sys.argv[2:]) as child:
    while child.poll() is None:
        try:
            found = re.search(r"^VmHWM:\s+(\d+) kB", open(f"/proc/{child.pid}/status").read(), re.M)
            peak = max(peak, int(found[1]) if found else 0)
        except OSError:
            pass
        time.sleep(0.02)
with open(sys.argv[1], "w") as out:
    print(peak, file=out)
sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)
