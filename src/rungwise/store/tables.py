"""Which tables are there? Every column that outlives the process, in SQLite and Postgres.

Times are Unix seconds, days are days since 1970-01-01 in UTC, money is nano-dollars. A text that
is "" in a tally stands for "none": a key of a table cannot be null.
"""

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
    MetaData,
    Table,
    Text,
)

__all__ = [
    "TABLES",
    "api_key",
    "attempt",
    "baseline_tally",
    "entry",
    "idle_tally",
    "judged_tally",
    "latency_tally",
    "lost",
    "remembered",
    "repeat",
    "reservation",
    "rung_tally",
    "server",
    "shadow_tally",
    "spending",
    "step_tally",
]

TABLES = MetaData()


def _usage() -> list[Column[int]]:
    parts = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
    return [Column(part, BigInteger, nullable=False) for part in parts]


def _group() -> list[Column[str]]:
    """What every tally is kept by."""
    day: Column[int] = Column("day", Integer, primary_key=True, autoincrement=False)
    names = ("route", "step_type", "caller")
    return [day, *(Column(name, Text, primary_key=True) for name in names)]  # type: ignore[list-item]


# ---- what happened ---------------------------------------------------------------------------

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
    Index("entry_at", "at"),
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
    *_usage(),
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
)

# ---- what it adds up to: written in the entry's own transaction, read by reports --------------

step_tally = Table(
    "step_tally",
    TABLES,
    *_group(),
    Column("tier", Text, primary_key=True),  # the rung that answered
    Column("tasks", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("labelled", BigInteger, nullable=False),
    Column("right", BigInteger, nullable=False),
    Column("escalated", BigInteger, nullable=False),
    Column("spilled", BigInteger, nullable=False),
    Column("recalled", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),  # of the priced ones
    Column("unpriced", BigInteger, nullable=False),
    Column("labelled_nano", BigInteger, nullable=False),  # of the priced ones with an outcome
)

rung_tally = Table(
    "rung_tally",
    TABLES,
    *_group(),
    Column("tier", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("abandoned", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    *_usage(),
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
latency_tally = Table(
    "latency_tally",
    TABLES,
    *_group(),
    Column("tier", Text, primary_key=True),  # the rung that answered
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("answers", BigInteger, nullable=False),
)

baseline_tally = Table(
    "baseline_tally",
    TABLES,
    *_group(),
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
    *_group(),
    Column("router", Text, primary_key=True),
    Column("basis", Text, primary_key=True),  # recorded, estimated, unknown
    Column("tier", Text, primary_key=True),  # the first of its rungs that nobody asked
    Column("beyond", Text, primary_key=True),  # the one that a refusal there would lead to
    Column("tasks", BigInteger, nullable=False),
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

# ---- who may ask, and what they spent ---------------------------------------------------------

api_key = Table(
    "api_key",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the key, hex
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("rights", Text, nullable=False),  # JSON: names, tiers, local_only, limits, caps
)

server = Table(
    "server",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("seen_at", Float, nullable=False),
)

spending = Table(
    "spending",
    TABLES,
    Column("caller", Text, primary_key=True),
    Column("of", Text, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
)

reservation = Table(
    "reservation",
    TABLES,
    Column("id", Text, primary_key=True),  # the entry's
    Column("server", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("bids", Text, nullable=False),  # JSON: tier, nano, escalation of each granted rung
    Column("windows", Text, nullable=False),  # JSON: the rows of `spending` that hold it
    Index("reservation_server", "server"),
)

lost = Table(  # what a server that died had set aside, should it come back after all
    "lost",
    TABLES,
    Column("id", Text, primary_key=True),  # the entry's
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("bids", Text, nullable=False),
    Column("windows", Text, nullable=False),
    Index("lost_at", "at"),
)

repeat = Table(
    "repeat",
    TABLES,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("state", Text, nullable=False),  # open, answered, spent
    Column("answer", Text),
    Index("repeat_at", "at"),
)

# ---- what may be given again ------------------------------------------------------------------

remembered = Table(
    "remembered",
    TABLES,
    Column("fingerprint", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Index("remembered_at", "at"),
)
