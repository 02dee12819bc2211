"""What did the gate add? An attempt's role, and what was asked of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("attempt", sa.Column("role", sa.Text, nullable=False, server_default="draft"))
    op.add_column("attempt", sa.Column("threshold", sa.Float))
