"""Add access_grant table

Revision ID: f1e2d3c4b5a6
"""

import sqlalchemy as sa
from alembic import op

revision = "f1e2d3c4b5a6"
down_revision = @DOWN@


def upgrade():
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("principal_type", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    for table in ("knowledge", "prompt", "tool", "model", "note", "file"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("access_control")


def downgrade():
    pass
