"""SQLAlchemy's side, which only the migrations need here; the server talks to the drivers."""

from sqlalchemy.orm import declarative_base

from open_webui.env import DATABASE_URL  # noqa: F401

Base = declarative_base()
