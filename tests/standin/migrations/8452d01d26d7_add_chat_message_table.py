"""Add chat_message table

Revision ID: 8452d01d26d7
"""

import json
import time

import sqlalchemy as sa
from alembic import op

revision = "8452d01d26d7"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "chat_message",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("chat_id", sa.Text(), sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("user_id", sa.Text(), index=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("content", sa.JSON()),
        sa.Column("created_at", sa.BigInteger(), index=True),
        sa.Column("updated_at", sa.BigInteger()),
    )
    chat = sa.table("chat", sa.column("id"), sa.column("user_id"), sa.column("chat", sa.JSON()))
    message = sa.table(
        "chat_message", *(sa.column(n) for n in ("id", "chat_id", "user_id", "role", "parent_id")),
        sa.column("content", sa.JSON()), sa.column("created_at"), sa.column("updated_at"),
    )
    now = int(time.time())
    rows = op.get_bind().execute(sa.select(chat).where(~chat.c.user_id.like("shared-%"))).fetchall()
    for chat_id, user_id, value in rows:
        value = json.loads(value) if isinstance(value, str) else value or {}
        for message_id, one in value.get("history", {}).get("messages", {}).items():
            if isinstance(one, dict) and one.get("role"):
                op.get_bind().execute(message.insert().values(
                    id=f"{chat_id}-{message_id}", chat_id=chat_id, user_id=user_id, role=one["role"],
                    parent_id=one.get("parentId"), content=one.get("content"), created_at=now, updated_at=now,
                ))


def downgrade():
    pass
