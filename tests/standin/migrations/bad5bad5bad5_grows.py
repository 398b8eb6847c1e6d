"""a migration that makes a large database of a small one

Revision ID: bad5bad5bad5
"""

import os

import sqlalchemy as sa
from alembic import op

revision = "bad5bad5bad5"
down_revision = @DOWN@


def upgrade():
    op.create_table("grown", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("data", sa.LargeBinary()))
    insert = sa.text("INSERT INTO grown VALUES (:id, :data)")
    for number in range(int(os.environ.get("STANDIN_GROWS_MB", "80"))):
        op.get_bind().execute(insert, {"id": number, "data": os.urandom(1 << 20)})


def downgrade():
    pass
