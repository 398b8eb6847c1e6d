"""The settings, found the way Open WebUI finds them: environment, then .env two levels above."""

import importlib.metadata
import json
import os
import shutil
from pathlib import Path

from open_webui import lies

OPEN_WEBUI_DIR = Path(__file__).resolve().parent
BACKEND_DIR = OPEN_WEBUI_DIR.parent
BASE_DIR = BACKEND_DIR.parent

if (BASE_DIR / ".env").exists():
    from dotenv import load_dotenv

    load_dotenv(str(BASE_DIR / ".env"))

FROM_INIT_PY = os.environ.get("FROM_INIT_PY", "False").lower() == "true"
if FROM_INIT_PY:
    VERSION = importlib.metadata.version("open-webui")
else:  # an image; without a package.json, a start that real ones answer "0.0.0" to
    PACKAGE_JSON = BASE_DIR / "package.json"
    VERSION = json.loads(PACKAGE_JSON.read_text())["version"] if PACKAGE_JSON.exists() else "0.0.0"
ENABLE_DB_MIGRATIONS = os.environ.get("ENABLE_DB_MIGRATIONS", "True").lower() == "true"

DATA_DIR = Path(os.getenv("DATA_DIR", BACKEND_DIR / "data")).resolve()
if FROM_INIT_PY:
    NEW_DATA_DIR = Path(os.getenv("DATA_DIR", OPEN_WEBUI_DIR / "data")).resolve()
    NEW_DATA_DIR.mkdir(parents=True, exist_ok=True)
    if DATA_DIR.exists() and DATA_DIR != NEW_DATA_DIR:
        for item in DATA_DIR.iterdir():
            if item.is_dir():
                shutil.copytree(item, NEW_DATA_DIR / item.name, dirs_exist_ok=True)
            else:
                shutil.copy2(item, NEW_DATA_DIR / item.name)
        shutil.make_archive(str(DATA_DIR.parent / "open_webui_data"), "zip", DATA_DIR)
        shutil.rmtree(DATA_DIR)
    DATA_DIR = Path(os.getenv("DATA_DIR", OPEN_WEBUI_DIR / "data"))

DATABASE_URL = os.environ.get("DATABASE_URL", f"sqlite:///{DATA_DIR}/webui.db")
DATABASE_TYPE = os.environ.get("DATABASE_TYPE")
DATABASE_USER = os.environ.get("DATABASE_USER")
DATABASE_PASSWORD = os.environ.get("DATABASE_PASSWORD")
DATABASE_CRED = DATABASE_USER or ""
if DATABASE_PASSWORD:
    DATABASE_CRED += f":{DATABASE_PASSWORD}"
DB_VARS = {
    "db_type": DATABASE_TYPE,
    "db_cred": DATABASE_CRED,
    "db_host": os.environ.get("DATABASE_HOST"),
    "db_port": os.environ.get("DATABASE_PORT"),
    "db_name": os.environ.get("DATABASE_NAME"),
}
if all(DB_VARS.values()):
    DATABASE_URL = "{db_type}://{db_cred}@{db_host}:{db_port}/{db_name}".format(**DB_VARS)
if "postgres://" in DATABASE_URL:
    DATABASE_URL = DATABASE_URL.replace("postgres://", "postgresql://")

lies.settings(globals())

WEBUI_SECRET_KEY = os.environ.get("WEBUI_SECRET_KEY", "t0p-s3cr3t")
VECTOR_DB = os.environ.get("VECTOR_DB", "chroma")
