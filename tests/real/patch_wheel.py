"""Copy a wheel of Open WebUI under another version number, with a migration that fails half-way:
patch_wheel.py FROM TO-FOLDER VERSION"""

import base64
import hashlib
import pathlib
import sys
import zipfile

TARGET = "open_webui/migrations/versions/f1e2d3c4b5a6_add_access_grant_table.py"
WRAP = '''

_whole_upgrade = upgrade


def upgrade() -> None:
    _whole_upgrade()
    op.execute(sa.text("UPDATE chat SET title = 'spoiled'"))
    raise RuntimeError("made to fail by the test")
'''

source, folder, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
old_version = source.name.split("-")[1]
old_info, info = (f"open_webui-{v}.dist-info" for v in (old_version, version))


def patched(name, data):
    if name == TARGET:
        return data + WRAP.encode()
    if name == f"{old_info}/METADATA":
        return data.replace(f"\nVersion: {old_version}\n".encode(), f"\nVersion: {version}\n".encode(), 1)
    return data


record = []
with (
    zipfile.ZipFile(source) as old,
    zipfile.ZipFile(folder / source.name.replace(old_version, version), "w", zipfile.ZIP_STORED) as new,
):
    for item in old.infolist():
        if item.is_dir() or item.filename == f"{old_info}/RECORD":
            continue
        data = patched(item.filename, old.read(item))
        name = item.filename.replace(old_info, info)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(data)}\n")
        new.writestr(name, data)
    new.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
