"""What does it add up to? Written in the entry's own transaction, read by reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, PrimaryKeyConstraint, Table, Text

from rungwise.store.tables.columns import TABLES, group, usage

__all__ = [
    "audit_tally",
    "baseline_tally",
    "doubt_tally",
    "idle_tally",
    "judged_tally",
    "rung_tally",
    "shadow_tally",
    "slot_latency",
    "slot_tally",
    "step_tally",
    "task_tally",
    "time_tally",
]

step_tally = Table(
    "step_tally",
    TABLES,
    *group(),
    Column("tier", Text, primary_key=True),  # the rung that answered
    Column("steps", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("right", BigInteger, nullable=False),
    Column("escalated", BigInteger, nullable=False),
    Column("spilled", BigInteger, nullable=False),
    Column("recalled", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),  # of the priced ones
    Column("unpriced", BigInteger, nullable=False),
    Column("labelled_nano", BigInteger, nullable=False),  # of the priced ones with an outcome
    Column("right_priced", BigInteger, nullable=False, server_default="0"),  # of those, right
)

# Of tasks, by their first step; a step that names none is one of its own.
task_tally = Table(
    "task_tally",
    TABLES,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("route", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("tasks", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("right", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),  # of the priced ones, with steps however late
    Column("unpriced", BigInteger, nullable=False),  # those with a step without a price
    Column("labelled_nano", BigInteger, nullable=False),  # of the priced ones with an outcome
    Column("right_priced", BigInteger, nullable=False, server_default="0"),  # of those, right
)

rung_tally = Table(
    "rung_tally",
    TABLES,
    *group(),
    Column("tier", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("abandoned", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    *usage(),
    Column("abandoned_tokens", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),  # attempts whose usage is an own count
    Column("cost_nano", BigInteger, nullable=False),  # of the priced ones
    Column("unpriced", BigInteger, nullable=False),
    Column("saved_nano", BigInteger, nullable=False),  # by prompt caching, writes deducted
    Column("engine_s", Float, nullable=False),
    Column("joules", Float, nullable=False),
)

# Each answer is counted twice: once by route and step type for all callers (caller ""), once by
# caller for all routes and step types (both ""). All of them at once would be as many as answers.
# It has more rows than all others together, so they lie in the order in which reports read them.
time_tally = Table(
    "time_tally",
    TABLES,
    Column("day", Integer, nullable=False),
    Column("route", Text, nullable=False),
    Column("step_type", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("tier", Text, nullable=False),  # the rung that answered
    Column("bucket", Integer, nullable=False),
    Column("answers", BigInteger, nullable=False),  # by when they ended
    Column("first_bytes", BigInteger, nullable=False),  # by when they began
    PrimaryKeyConstraint("day", "caller", "route", "step_type", "tier", "bucket"),
    sqlite_with_rowid=False,
)

# Drafts that were doubted, by what spoke against them: see escalations.py.
doubt_tally = Table(
    "doubt_tally",
    TABLES,
    *group(),
    Column("tier", Text, primary_key=True),
    Column("why", Text, primary_key=True),
    Column("drafts", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

# Answers that a higher rung answered too, and how many of them it found no worse than its own.
audit_tally = Table(
    "audit_tally",
    TABLES,
    *group(),
    Column("tier", Text, primary_key=True),  # the rung whose answer was looked at
    Column("audited", BigInteger, nullable=False),
    Column("agreed", BigInteger, nullable=False),
)

# For the last two weeks, in slots of five minutes: what the page draws. In the order of their key,
# and by tier within a slot: two weeks are added up as they are read (see ledger/series.py).
slot_tally = Table(
    "slot_tally",
    TABLES,
    Column("slot", Integer, nullable=False),  # of 300 s, since 1970
    Column("route", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("tier", Text, nullable=False),  # the rung that answered
    Column("steps", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("escalated", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("right", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("abandoned_tokens", BigInteger, nullable=False),
    PrimaryKeyConstraint("slot", "tier", "route", "caller"),
    sqlite_with_rowid=False,
)

slot_latency = Table(  # of all callers
    "slot_latency",
    TABLES,
    Column("slot", Integer, nullable=False),
    Column("route", Text, nullable=False),
    Column("bucket", Integer, nullable=False),  # twelve of buckets.py's
    Column("answers", BigInteger, nullable=False),
    PrimaryKeyConstraint("slot", "bucket", "route"),
    sqlite_with_rowid=False,
)

baseline_tally = Table(
    "baseline_tally",
    TABLES,
    *group(),
    Column("tier", Text, primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("nano", BigInteger, nullable=False),  # of the priced ones
    Column("unpriced", BigInteger, nullable=False),
    Column("answered_nano", BigInteger, nullable=False),  # what the same answers did cost
)

# How many drafts of a rung could have been refused, and were.
judged_tally = Table(
    "judged_tally",
    TABLES,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("tier", Text, primary_key=True),
    Column("judged", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

# Of entries with a shadow plan; see ledger/shadowed.py.
shadow_tally = Table(
    "shadow_tally",
    TABLES,
    *group(),
    Column("router", Text, primary_key=True),
    Column("basis", Text, primary_key=True),  # recorded, estimated, unknown
    Column("tier", Text, primary_key=True),  # the first of its rungs that nobody asked
    Column("beyond", Text, primary_key=True),  # the one that a refusal there would lead to
    Column("steps", BigInteger, nullable=False),
    Column("same", BigInteger, nullable=False),  # by where it starts
    Column("lower", BigInteger, nullable=False),
    Column("higher", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("right", BigInteger, nullable=False),
    Column("live_nano", BigInteger, nullable=False),  # unless the basis is unknown, as all below
    Column("known_nano", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),  # a draft of `tier` is not in known_nano
    Column("rest_nano", BigInteger, nullable=False),  # and this, should that draft be refused
    Column("rest_unpriced", BigInteger, nullable=False),  # a draft of `beyond` is not in rest_nano
)

idle_tally = Table(
    "idle_tally",
    TABLES,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("tier", Text, primary_key=True),
    Column("up_s", Float, nullable=False),
    Column("busy_s", Float, nullable=False),
    Column("idle_joules", Float, nullable=False),
    Column("idle_nano", BigInteger, nullable=False),
    Column("unpriced_s", Float, nullable=False),  # idle seconds of a tier without a price
)
