"""a migration that fails half-way

Revision ID: bad1bad1bad1
"""

import sqlalchemy as sa
from alembic import op

revision = "bad1bad1bad1"
down_revision = @DOWN@


def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Text(), primary_key=True))
    op.execute(sa.text("INSERT INTO half_done VALUES ('1')"))
    op.execute(sa.text("UPDATE chat SET title = 'spoiled'"))
    raise RuntimeError("duplicate column name: made to fail by the stand-in")


def downgrade():
    pass
