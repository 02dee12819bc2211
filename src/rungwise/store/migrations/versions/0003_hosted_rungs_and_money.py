"""What did hosted rungs and money add? Tallies, keys, spending, remembered answers."""

import math

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


def upgrade() -> None:
    op.add_column("entry", sa.Column("baselines", sa.Text, nullable=False, server_default="{}"))
    op.add_column("attempt", sa.Column("joules", sa.Float))
    op.add_column("attempt", sa.Column("billed_as", sa.Text))
    op.add_column("attempt", sa.Column("uncached_nano", sa.BigInteger))
    _tallies()
    _access()
    _answers()
    if op.get_bind().dialect.name == "sqlite":  # before this step there was no other
        _fill()
        op.execute("pragma user_version = 3")  # earlier releases leave the file alone


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _sums(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _tallies() -> None:
    group = ("route", "step_type", "caller")
    op.create_table(
        "step_tally",
        _number("day"),
        *_key(*group, "tier"),
        *_counts("tasks", "answered", "labelled", "right", "escalated", "spilled", "recalled"),
        *_counts("cost_nano", "unpriced", "labelled_nano"),
    )
    op.create_table(
        "rung_tally",
        _number("day"),
        *_key(*group, "tier", "model", "role"),
        *_counts("attempts", "released", "abandoned", "failed", *USAGE, "abandoned_tokens"),
        *_counts("estimated", "cost_nano", "unpriced", "saved_nano"),
        *_sums("engine_s", "joules"),
    )
    op.create_table(
        "latency_tally",
        _number("day"),
        *_key(*group, "tier"),
        _number("bucket"),
        *_counts("answers"),
    )
    op.create_table(
        "baseline_tally",
        _number("day"),
        *_key(*group, "tier"),
        *_counts("answers", "nano", "unpriced", "answered_nano"),
    )
    op.create_table(
        "idle_tally",
        _number("day"),
        *_key("tier"),
        *_sums("up_s", "busy_s", "idle_joules"),
        *_counts("idle_nano"),
        *_sums("unpriced_s"),
    )


def _access() -> None:
    op.create_table(
        "api_key",
        *_key("name"),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        *_sums("created_at"),
        sa.Column("revoked_at", sa.Float),
        *_texts("rights"),
    )
    op.create_table("server", *_key("id"), *_sums("seen_at"))
    op.create_table(
        "spending",
        *_key("caller", "of", "window"),
        sa.Column("starts_at", sa.BigInteger, primary_key=True, autoincrement=False),
        *_counts("spent", "reserved"),
    )
    op.create_table(
        "reservation",
        *_key("id"),
        *_texts("server"),
        *_sums("at"),
        *_texts("caller", "bids", "windows"),
    )
    op.create_index("reservation_server", "reservation", ["server"])
    op.create_table("lost", *_key("id"), *_sums("at"), *_texts("caller", "bids", "windows"))
    op.create_index("lost_at", "lost", ["at"])
    op.create_table(
        "repeat",
        *_key("caller", "key"),
        *_texts("fingerprint", "entry_id", "server"),
        *_sums("at"),
        *_texts("state"),
        sa.Column("answer", sa.Text),
    )
    op.create_index("repeat_at", "repeat", ["at"])


def _answers() -> None:
    op.create_table(
        "remembered",
        *_key("fingerprint"),
        *_texts("tenant"),
        *_sums("at", "ends_at"),
        sa.Column("bytes", sa.Integer, nullable=False),
        *_texts("answer"),
    )
    op.create_index("remembered_at", "remembered", ["at"])


# ---- what older files hold, added up as ledger/tally.py adds up new entries --------------------

_DAY = "cast(e.at / 86400 as integer)"
_GROUP = f"{_DAY}, e.route, e.step_type, e.caller"
_ANY = "sum(exists (select 1 from attempt a where a.entry_id = e.id and {which}))"

_STEPS = f"""
insert into step_tally
select {_GROUP}, coalesce(e.tier, ''), count(*), sum(e.state = 'answered'),
    sum(e.outcome_right is not null), sum(coalesce(e.outcome_right, 0)),
    {_ANY.format(which="a.role = 'draft' and a.state = 'abandoned'")}, 0, 0,
    sum(coalesce(e.cost_nano, 0)), sum(e.cost_nano is null),
    sum(case when e.outcome_right is null then 0 else coalesce(e.cost_nano, 0) end)
from entry e group by 1, 2, 3, 4, 5
"""
_ABANDONED = "a.role = 'draft' and a.state = 'abandoned'"
_RUNGS = f"""
insert into rung_tally
select {_GROUP}, a.tier, a.model, a.role, count(*),
    sum(a.state in ('released', 'left', 'broken_off')), sum({_ABANDONED}),
    sum(a.state = 'failed'), {", ".join(f"sum(a.{part})" for part in USAGE)},
    sum(case when {_ABANDONED} then a.output + a.reasoning else 0 end), sum(a.estimated),
    sum(coalesce(a.cost_nano, 0)), sum(a.cost_nano is null), 0,
    sum(coalesce(a.engine_s, 0.0)), 0.0
from attempt a join entry e on e.id = a.entry_id group by 1, 2, 3, 4, 5, 6, 7
"""
_LATENCIES = f"""
insert into latency_tally
select {_DAY}, e.route, e.step_type, '', coalesce(e.tier, ''), latency_bucket(e.latency_s), count(*)
from entry e where e.state = 'answered' group by 1, 2, 3, 4, 5, 6
union all
select {_DAY}, '', '', e.caller, coalesce(e.tier, ''), latency_bucket(e.latency_s), count(*)
from entry e where e.state = 'answered' group by 1, 2, 3, 4, 5, 6
"""


def _fill() -> None:
    db = op.get_bind().connection.driver_connection
    assert db is not None
    db.create_function("latency_bucket", 1, _bucket, deterministic=True)
    for statement in (_STEPS, _RUNGS, _LATENCIES):
        op.execute(statement)


def _bucket(seconds: float) -> int:
    """As ledger/buckets.py has it."""
    return 0 if seconds <= 1e-6 else math.ceil(math.log(seconds / 1e-6) / math.log(1.0195))
