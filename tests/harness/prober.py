"""Ask a URL 20 times a second until TERM; then write the longest time without a yes, in milliseconds."""

import http.client
import signal
import sys
import time
from urllib.parse import urlsplit

url, out = urlsplit(sys.argv[1]), sys.argv[2]
last_yes, longest = time.monotonic(), 0.0


def finish(*_):
    # Who ends it in the dark, or while a question of the dark still waits, has seen no later yes.
    dark = max(longest, time.monotonic() - last_yes)
    with open(out, "w") as f:
        f.write(f"{dark * 1000:.0f}\n")
    sys.exit(0)


signal.signal(signal.SIGTERM, finish)
while True:
    began = time.monotonic()
    try:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=2)
        connection.request("GET", url.path)
        if connection.getresponse().read(100).replace(b" ", b"") == b'{"status":true}':
            now = time.monotonic()
            longest, last_yes = max(longest, now - last_yes), now
        connection.close()
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(max(0.0, 0.05 - (time.monotonic() - began)))
