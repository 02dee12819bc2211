"""What has to be known to watch an alarm's stream, so that another server can go on with it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("alarm", sa.Column("state", sa.Text))
