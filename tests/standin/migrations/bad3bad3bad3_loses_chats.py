"""a migration that loses chats

Revision ID: bad3bad3bad3
"""

import sqlalchemy as sa
from alembic import op

revision = "bad3bad3bad3"
down_revision = @DOWN@


def upgrade():
    op.execute(sa.text("DELETE FROM chat_message"))
    op.execute(sa.text("DELETE FROM chat"))


def downgrade():
    pass
