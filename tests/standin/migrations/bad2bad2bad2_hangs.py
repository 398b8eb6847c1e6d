"""a migration that hangs

Revision ID: bad2bad2bad2
"""

import sqlalchemy as sa
from alembic import op

revision = "bad2bad2bad2"
down_revision = @DOWN@


def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Text(), primary_key=True))
    import threading

    threading.Event().wait()


def downgrade():
    pass
