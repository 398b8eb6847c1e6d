"""add unique index on the lower case of e-mail addresses

Revision ID: f0bd01a18a3d
"""

import sqlalchemy as sa
from alembic import op

revision = "f0bd01a18a3d"
down_revision = @DOWN@


def upgrade():
    op.create_index("uq_user_email_lower", "user", [sa.text("lower(email)")], unique=True)


def downgrade():
    pass
