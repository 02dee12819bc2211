"""What did the first release keep? Entries and their attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "entry",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("step_type", sa.Text, nullable=False),
        sa.Column("plan_why", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tier", sa.Text),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("first_byte_s", sa.Float),
        sa.Column("latency_s", sa.Float, nullable=False),
        sa.Column("cost_nano", sa.BigInteger),
        sa.Column("outcome_right", sa.Boolean),
        sa.Column("outcome_source", sa.Text),
    )
    op.create_index("entry_at", "entry", ["at"])
    op.create_table(
        "attempt",
        sa.Column("entry_id", sa.Text, sa.ForeignKey("entry.id"), primary_key=True),
        sa.Column("rung", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("fault", sa.Text),
        sa.Column("started_s", sa.Float, nullable=False),
        sa.Column("first_piece_s", sa.Float),
        sa.Column("ended_s", sa.Float, nullable=False),
        sa.Column("input", sa.BigInteger, nullable=False),
        sa.Column("cache_read", sa.BigInteger, nullable=False),
        sa.Column("cache_write_5m", sa.BigInteger, nullable=False),
        sa.Column("cache_write_1h", sa.BigInteger, nullable=False),
        sa.Column("output", sa.BigInteger, nullable=False),
        sa.Column("reasoning", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost_nano", sa.BigInteger),
        sa.Column("engine_s", sa.Float),
        sa.Column("probability", sa.Float),
        sa.Column("calibration", sa.Text),
        sa.Column("readings", sa.Text, nullable=False),
    )
