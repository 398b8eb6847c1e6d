"""add current_message_id to chat

Revision ID: 9a1b2c3d4e5f
"""

import sqlalchemy as sa
from alembic import op

revision = "9a1b2c3d4e5f"
down_revision = @DOWN@


def upgrade():
    op.add_column("chat", sa.Column("current_message_id", sa.Text(), nullable=True))


def downgrade():
    pass
