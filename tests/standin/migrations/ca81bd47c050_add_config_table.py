"""Add config table

Revision ID: ca81bd47c050
"""

import sqlalchemy as sa
from alembic import op

revision = "ca81bd47c050"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "config",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime()),
    )


def downgrade():
    pass
