"""add scim column to user table

Revision ID: b2c3d4e5f6a7
"""

import sqlalchemy as sa
from alembic import op

revision = "b2c3d4e5f6a7"
down_revision = @DOWN@


def upgrade():
    op.add_column("user", sa.Column("scim", sa.JSON(), nullable=True))


def downgrade():
    pass
