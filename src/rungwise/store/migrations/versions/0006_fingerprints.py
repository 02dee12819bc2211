"""What serves an upstream's model, as it said with each answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("attempt", sa.Column("fingerprint", sa.Text))
