"""init

Revision ID: 7e5b5dc7342b
"""

import sqlalchemy as sa
from alembic import op

revision = "7e5b5dc7342b"
down_revision = @DOWN@


def upgrade():
    text, json_, big, flag = sa.Text, sa.JSON, sa.BigInteger, sa.Boolean
    tables = {
        "user": {"name": text, "email": text, "role": text, "profile_image_url": text, "api_key": text,
                 "settings": json_, "last_active_at": big, "created_at": big, "updated_at": big},
        "auth": {"email": text, "password": text, "active": flag},
        "chat": {"user_id": text, "title": text, "share_id": text, "archived": flag, "created_at": big,
                 "updated_at": big, "chat": json_, "pinned": flag, "meta": json_, "folder_id": text},
        "file": {"user_id": text, "filename": text, "meta": json_, "created_at": big, "hash": text,
                 "data": json_, "updated_at": big, "path": text, "access_control": json_},
        "note": {"user_id": text, "title": text, "data": json_, "meta": json_, "access_control": json_,
                 "created_at": big, "updated_at": big},
        "tool": {"user_id": text, "name": text, "content": text, "access_control": json_},
        "function": {"user_id": text, "name": text, "content": text},
        "model": {"user_id": text, "name": text, "access_control": json_},
        "prompt": {"command": text, "user_id": text, "title": text, "content": text, "access_control": json_},
        "knowledge": {"user_id": text, "name": text, "access_control": json_},
        "folder": {"user_id": text, "name": text},
        "tag": {"user_id": text, "name": text, "meta": json_},
        "memory": {"user_id": text, "content": text},
    }
    for table, columns in tables.items():
        op.create_table(
            table, sa.Column("id", sa.Text(), primary_key=True), *(sa.Column(n, t()) for n, t in columns.items())
        )


def downgrade():
    pass
