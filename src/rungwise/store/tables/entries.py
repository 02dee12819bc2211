"""What happened? Entries, their attempts, and what was said of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from rungwise.store.tables.columns import TABLES, some, usage

__all__ = ["attempt", "entry", "outcome", "task"]

entry = Table(
    "entry",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("step_type", Text, nullable=False),
    Column("plan_why", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tier", Text),
    Column("stream", Boolean, nullable=False),
    Column("first_byte_s", Float),
    Column("latency_s", Float, nullable=False),
    Column("cost_nano", BigInteger),
    Column("outcome_right", Boolean),
    Column("outcome_source", Text),
    Column("baselines", Text, nullable=False, server_default="{}"),
    Column("rungs", Text, nullable=False, server_default="[]"),  # JSON: of its plan
    Column("forecasts", Text, nullable=False, server_default="{}"),  # JSON: by tier
    Column("shadow", Text),  # JSON: [router, rungs, why]
    Column("conversation", Text),
    Column("sketch", LargeBinary),
    Column("task", Text),
    Column("audits", Text),  # the id of the entry that was looked at
    Index("entry_at", "at"),
    Index("entry_caller", "caller", "at"),
    some("entry_task", "task", "task", "at"),  # by time, whosever task it is
    some("entry_audits", "audits", "audits"),
    some("entry_outcome", "outcome_right", "outcome_right", "at"),
)

attempt = Table(
    "attempt",
    TABLES,
    Column("entry_id", Text, ForeignKey("entry.id"), primary_key=True),
    Column("rung", Integer, primary_key=True, autoincrement=False),
    Column("tier", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fault", Text),
    Column("started_s", Float, nullable=False),
    Column("first_piece_s", Float),
    Column("ended_s", Float, nullable=False),
    *usage(),
    Column("estimated", Boolean, nullable=False),
    Column("cost_nano", BigInteger),
    Column("engine_s", Float),
    Column("probability", Float),
    Column("calibration", Text),
    Column("readings", Text, nullable=False),
    Column("role", Text, nullable=False, server_default="draft"),
    Column("threshold", Float),
    Column("joules", Float),
    Column("billed_as", Text),
    Column("uncached_nano", BigInteger),
    Column("fingerprint", Text),
)

outcome = Table(  # the one that is believed also stands in its entry
    "outcome",
    TABLES,
    Column("entry_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),  # who said it
    Column("right", Boolean, nullable=False),
    Column("label", Text),
    Column("reward", Float),
    Column("corrected", Boolean, nullable=False),
    Column("correction", Text),
    Column("counted", Boolean, nullable=False),
    Index("outcome_caller", "caller", "at"),
)

task = Table(  # steps that a caller gave one name
    "task",
    TABLES,
    Column("caller", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("day", Integer, nullable=False),  # of its first step, as is the route
    Column("route", Text, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),  # of the priced ones
    Column("unpriced", BigInteger, nullable=False),
    Column("right", Boolean),
    Column("source", Text),
    Column("said_at", Float),
    Column("counted", Boolean),
    Index("task_day", "day"),
)
