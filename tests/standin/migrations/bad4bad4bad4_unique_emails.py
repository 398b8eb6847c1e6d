"""a migration that only some data let through

Revision ID: bad4bad4bad4
"""

import sqlalchemy as sa
from alembic import op

revision = "bad4bad4bad4"
down_revision = @DOWN@


def upgrade():
    op.create_index("uq_user_email_lower", "user", [sa.text("lower(email)")], unique=True)


def downgrade():
    pass
