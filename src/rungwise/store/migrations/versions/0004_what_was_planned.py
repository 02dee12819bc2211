"""What did routing add? What was planned and foreseen, and how a shadow compares."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("entry", sa.Column("rungs", sa.Text, nullable=False, server_default="[]"))
    op.add_column("entry", sa.Column("forecasts", sa.Text, nullable=False, server_default="{}"))
    op.add_column("entry", sa.Column("shadow", sa.Text))
    op.add_column("entry", sa.Column("conversation", sa.Text))
    op.add_column("entry", sa.Column("sketch", sa.LargeBinary))
    keys = ("route", "step_type", "caller", "router", "basis", "tier")
    counts = (
        *("tasks", "same", "lower", "higher", "labelled", "right"),
        *("live_nano", "known_nano", "unpriced", "rest_nano"),
    )
    op.create_table(
        "shadow_tally",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in keys),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
    )
