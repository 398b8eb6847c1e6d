"""Add skill table

Revision ID: a1b2c3d4e5f6
"""

import sqlalchemy as sa
from alembic import op

revision = "a1b2c3d4e5f6"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "skill",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("content", sa.Text(), nullable=False),
    )


def downgrade():
    pass
