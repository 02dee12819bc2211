"""What did watching add? Outcomes of their own, tasks, reasons of doubts, slots, alarms."""

import math

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("entry", sa.Column("task", sa.Text))
    op.add_column("entry", sa.Column("audits", sa.Text))
    op.create_index("entry_caller", "entry", ["caller", "at"])
    _index("entry_task", "task", "task", "at")
    _index("entry_audits", "audits", "audits")
    _index("entry_outcome", "outcome_right", "outcome_right", "at")
    _outcomes()
    _tallies()
    _drift()
    _fill()


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _index(name: str, known: str, *columns: str) -> None:
    where = sa.text(f"{known} is not null")
    op.create_index(name, "entry", [*columns], sqlite_where=where, postgresql_where=where)


def _outcomes() -> None:
    op.create_table(
        "outcome",
        *_key("entry_id", "source"),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("right", sa.Boolean, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("reward", sa.Float),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.Column("correction", sa.Text),
        sa.Column("counted", sa.Boolean, nullable=False),
    )
    op.create_index("outcome_caller", "outcome", ["caller", "at"])
    op.create_table(
        "task",
        *_key("caller", "id"),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        *_counts("steps", "cost_nano", "unpriced"),
        sa.Column("right", sa.Boolean),
        sa.Column("source", sa.Text),
        sa.Column("said_at", sa.Float),
        sa.Column("counted", sa.Boolean),
    )
    op.create_index("task_day", "task", ["day"])


def _tallies() -> None:
    group = ("route", "step_type", "caller")
    op.alter_column("step_tally", "tasks", new_column_name="steps")
    op.alter_column("shadow_tally", "tasks", new_column_name="steps")
    right_priced = sa.Column("right_priced", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("step_tally", right_priced)
    op.create_table(
        "task_tally",
        _number("day"),
        *_key("route", "caller"),
        *_counts("tasks", "labelled", "right", "cost_nano", "unpriced", "labelled_nano"),
        sa.Column("right_priced", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "time_tally",
        sa.Column("day", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*group, "tier")),
        sa.Column("bucket", sa.Integer, nullable=False),
        *_counts("answers", "first_bytes"),
        sa.PrimaryKeyConstraint("day", "caller", "route", "step_type", "tier", "bucket"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "doubt_tally",
        _number("day"),
        *_key(*group, "tier", "why"),
        *_counts("drafts", "tokens"),
    )
    op.create_table(
        "audit_tally",
        _number("day"),
        *_key(*group, "tier"),
        *_counts("audited", "agreed"),
    )
    op.create_table(
        "slot_tally",
        sa.Column("slot", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("route", "caller", "tier")),
        *_counts("steps", "answered", "escalated", "labelled", "right"),
        *_counts("cost_nano", "unpriced", "abandoned_tokens"),
        sa.PrimaryKeyConstraint("slot", "tier", "route", "caller"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "slot_latency",
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False),
        *_counts("answers"),
        sa.PrimaryKeyConstraint("slot", "bucket", "route"),
        sqlite_with_rowid=False,
    )


def _drift() -> None:
    op.create_table(
        "alarm",
        *_key("id"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("ended_by", sa.Text),
        sa.Column("demotes", sa.Text),
        sa.Column("server", sa.Text, nullable=False),
    )
    op.create_index("alarm_began_at", "alarm", ["began_at"])
    op.create_table(
        "drift_state",
        *_key("detector"),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )


# ---- what is held already, added up as ledger/tally.py adds up new entries ---------------------

_OUTCOMES = """
insert into outcome (entry_id, source, at, caller, "right", corrected, counted)
select id, coalesce(outcome_source, 'caller'), at, caller, outcome_right, false, true
from entry where outcome_right is not null
"""
"""Of when it was said nothing is known: it counts as at once."""

_RIGHT_PRICED = """
update step_tally set right_priced = found.steps from (
    select {day} as day, e.route, e.step_type, e.caller, coalesce(e.tier, '') as tier,
        count(*) as steps
    from entry e where e.outcome_right and e.cost_nano is not null group by 1, 2, 3, 4, 5
) as found
where step_tally.day = found.day and step_tally.route = found.route
    and step_tally.step_type = found.step_type and step_tally.caller = found.caller
    and step_tally.tier = found.tier
"""

_TASKS = """
insert into task_tally
select day, route, caller, sum(steps), sum(labelled), sum("right"), sum(cost_nano), sum(unpriced),
    sum(labelled_nano), sum(right_priced)
from step_tally group by 1, 2, 3
"""
"""Until now no step named a task: each was one of its own."""

_BEGUN = "from entry e where e.state = 'answered' and e.first_byte_s is not null"
_TIMES = f"""
insert into time_tally
select day, route, step_type, caller, tier, bucket, sum(answers), sum(first_bytes) from (
    select day, route, step_type, caller, tier, bucket, answers, 0 as first_bytes
    from latency_tally
    union all
    select {{day}}, e.route, e.step_type, '', coalesce(e.tier, ''), {{first_bucket}}, 0, 1 {_BEGUN}
    union all
    select {{day}}, '', '', e.caller, coalesce(e.tier, ''), {{first_bucket}}, 0, 1 {_BEGUN}
) as told group by 1, 2, 3, 4, 5, 6
"""

_ASKED = """exists (select 1 from attempt b where b.entry_id = a.entry_id and b.role <> 'draft'
    and b.ended_s <= a.ended_s and not exists (select 1 from attempt c
        where c.entry_id = a.entry_id and c.role = 'draft'
        and c.state not in ('outrun', 'spilled', 'recalled') and c.ended_s >= b.ended_s
        and (c.ended_s < a.ended_s or c.ended_s = a.ended_s and c.rung < a.rung)))"""
_DOUBTS = f"""
insert into doubt_tally
select {{day}}, e.route, e.step_type, e.caller, a.tier, case
    when substr(a.reason, 1, 13) = 'stopped early' then 'early'
    when substr(a.reason, 1, 12) = 'not verified' then 'evidence'
    when {_ASKED} then 'evidence'
    when a.threshold is null then 'checks'
    when a.probability is null then 'unread'
    when a.probability < a.threshold then 'confidence'
    else 'checks' end, count(*), sum(a.output + a.reasoning)
from attempt a join entry e on e.id = a.entry_id
where a.role = 'draft' and a.state = 'abandoned' group by 1, 2, 3, 4, 5, 6
"""

_LATELY = "e.at >= (select max(at) from entry) - 14 * 86400"
_DOUBTED = """select {0} from attempt a
    where a.entry_id = e.id and a.role = 'draft' and a.state = 'abandoned'"""
_SLOTS = f"""
insert into slot_tally
select {{slot}}, e.route, e.caller, coalesce(e.tier, ''), count(*),
    sum(case when e.state = 'answered' then 1 else 0 end),
    sum(case when exists ({_DOUBTED.format("1")}) then 1 else 0 end),
    sum(case when e.outcome_right is not null then 1 else 0 end),
    sum(case when e.outcome_right then 1 else 0 end),
    sum(coalesce(e.cost_nano, 0)), sum(case when e.cost_nano is null then 1 else 0 end),
    sum(coalesce(({_DOUBTED.format("sum(a.output + a.reasoning)")}), 0))
from entry e where {_LATELY} group by 1, 2, 3, 4
"""
_SLOT_LATENCIES = f"""
insert into slot_latency
select {{slot}}, e.route, ({{whole_bucket}}) / 12, count(*)
from entry e where {_LATELY} and e.state = 'answered' group by 1, 2, 3
"""


def _fill() -> None:
    lite = op.get_bind().dialect.name == "sqlite"
    if lite:
        db = op.get_bind().connection.driver_connection
        assert db is not None
        db.create_function("time_bucket", 1, _bucket, deterministic=True)
    told = {
        "day": _whole("e.at / 86400", lite=lite),
        "slot": _whole("e.at / 300", lite=lite),
        "first_bucket": _bucket_of("e.first_byte_s", lite=lite),
        "whole_bucket": _bucket_of("e.latency_s", lite=lite),
    }
    for fill in (_OUTCOMES, _RIGHT_PRICED, _TASKS, _TIMES, _DOUBTS, _SLOTS, _SLOT_LATENCIES):
        op.execute(fill.format(**told))
    op.drop_table("latency_tally")


def _whole(number: str, *, lite: bool) -> str:
    return f"cast({number if lite else f'floor({number})'} as integer)"


def _bucket_of(seconds: str, *, lite: bool) -> str:
    if lite:
        return f"time_bucket({seconds})"
    which = f"ceil(ln({seconds} / cast(1e-6 as float8)) / ln(cast(1.0195 as float8)))"
    return f"case when {seconds} <= 1e-6 then 0 else cast({which} as integer) end"


def _bucket(seconds: float) -> int:
    """As ledger/buckets.py has it."""
    return 0 if seconds <= 1e-6 else math.ceil(math.log(seconds / 1e-6) / math.log(1.0195))
