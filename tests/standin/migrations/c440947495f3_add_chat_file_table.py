"""Add chat_file table

Revision ID: c440947495f3
"""

import sqlalchemy as sa
from alembic import op

revision = "c440947495f3"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "chat_file",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("chat_id", sa.Text(), sa.ForeignKey("chat.id", ondelete="CASCADE"), nullable=False),
        sa.Column("file_id", sa.Text(), sa.ForeignKey("file.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def downgrade():
    pass
