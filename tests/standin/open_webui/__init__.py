"""The command line: `open-webui serve [--host H] [--port P]`, and the secret key that serve decides on."""

import argparse
import base64
import os
import random
from pathlib import Path

KEY_FILE = Path.cwd() / ".webui_secret_key"


def find_key():
    if os.getenv("WEBUI_SECRET_KEY") is not None:
        return
    print("Loading WEBUI_SECRET_KEY from file, not provided as an environment variable.")
    if not KEY_FILE.exists():
        print(f"Generating a new secret key and saving it to {KEY_FILE}")
        KEY_FILE.write_bytes(base64.b64encode(random.randbytes(12)))
    print(f"Loading WEBUI_SECRET_KEY from {KEY_FILE}")
    os.environ["WEBUI_SECRET_KEY"] = KEY_FILE.read_text()


def app():
    parser = argparse.ArgumentParser(prog="open-webui")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--host", default="0.0.0.0")
    serve.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    os.environ["FROM_INIT_PY"] = "true"
    find_key()
    from open_webui import lies

    lies.before_import(KEY_FILE)
    from open_webui import main

    main.run(options.host, options.port)
