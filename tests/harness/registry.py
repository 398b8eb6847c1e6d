"""A registry of images on 127.0.0.1, to pull from: registry.py PORT FOLDER [KILOBYTES].

FOLDER holds what `docker save` wrote, unpacked; each of its tags is served in any repository. Two more of
each: TAG-arm64, the same image said to be for another kind of machine, and TAG-index, a list of images for
several kinds of machines without this one. At most KILOBYTES a second, where given. What was asked for is
told on standard output.
"""

import hashlib
import http.server
import json
import os
import re
import sys
import time

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

port, folder = int(sys.argv[1]), sys.argv[2]
rate = int(sys.argv[3]) * 1024 if len(sys.argv) > 3 else None
files, texts, tags = {}, {}, {}  # digest: path; digest: (type, bytes); tag: digest


def digest_of_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()


def add_text(kind, text):
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    texts[digest] = kind, text
    return {"mediaType": kind, "size": len(text), "digest": digest}


def add_layer(name):
    path = os.path.join(folder, name)
    digest = digest_of_file(path)
    files[digest] = path
    return {"mediaType": LAYER, "size": os.path.getsize(path), "digest": digest}


def add_manifest(tag, config, layers):
    text = {"schemaVersion": 2, "mediaType": MANIFEST, "config": add_text(CONFIG, config), "layers": layers}
    entry = add_text(MANIFEST, json.dumps(text).encode())
    tags[tag] = entry["digest"]
    return entry


def add_image(tag, config, layers):
    add_manifest(tag, config, layers)
    other = {**json.loads(config), "architecture": "arm64"}
    entry = add_manifest(tag + "-arm64", json.dumps(other).encode(), layers)
    entry["platform"] = {"architecture": "arm64", "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    tags[tag + "-index"] = add_text(INDEX, json.dumps(index).encode())["digest"]


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, kind, length, digest=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()

    def no(self, code):
        text = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self.head(404, "application/json", len(text))
        if self.command == "GET":
            self.wfile.write(text)

    def send_file(self, digest):
        self.head(200, "application/octet-stream", os.path.getsize(files[digest]), digest)
        if self.command != "GET":
            return
        with open(files[digest], "rb") as file:
            for piece in iter(lambda: file.read(1 << 18), b""):
                self.wfile.write(piece)
                if rate:
                    time.sleep(len(piece) / rate)

    def send_text(self, digest):
        kind, text = texts[digest]
        self.head(200, kind, len(text), digest)
        if self.command == "GET":
            self.wfile.write(text)

    def do_GET(self):
        print(self.command, self.path, flush=True)
        asked = re.fullmatch(r"/v2/.+/(manifests|blobs)/([^/]+)", self.path)
        if self.path == "/v2/":
            self.head(200, "application/json", 2)
            self.wfile.write(b"{}")
        elif not asked:
            self.no("NAME_UNKNOWN")
        elif asked[2] in files:
            self.send_file(asked[2])
        elif tags.get(asked[2], asked[2]) in texts:
            self.send_text(tags.get(asked[2], asked[2]))
        else:
            self.no(asked[1].upper()[:-1] + "_UNKNOWN")

    do_HEAD = do_GET


with open(os.path.join(folder, "manifest.json")) as file:
    for image in json.load(file):
        with open(os.path.join(folder, image["Config"]), "rb") as config:
            text = config.read()
        layers = [add_layer(name) for name in image["Layers"]]
        for name in image["RepoTags"]:
            add_image(name.rpartition(":")[2], text, layers)
print("ready", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Registry).serve_forever()
