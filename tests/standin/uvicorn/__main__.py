"""`python -m uvicorn open_webui.main:app --host H --port P …`"""

import argparse

parser = argparse.ArgumentParser(prog="uvicorn")
parser.add_argument("app", choices=["open_webui.main:app"])
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8000)
options, _ = parser.parse_known_args()

from open_webui import main  # noqa: E402  (its import runs the migrations)

main.run(options.host, options.port)
