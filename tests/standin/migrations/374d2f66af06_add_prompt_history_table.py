"""Add prompt history table

Revision ID: 374d2f66af06
"""

import sqlalchemy as sa
from alembic import op

revision = "374d2f66af06"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "prompt_history",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("prompt_id", sa.Text(), nullable=False, index=True),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )


def downgrade():
    pass
