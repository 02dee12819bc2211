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
    keys = ("route", "step_type", "caller", "router", "basis", "tier", "beyond")
    counts = (
        *("tasks", "same", "lower", "higher", "labelled", "right"),
        *("live_nano", "known_nano", "unpriced", "rest_nano", "rest_unpriced"),
    )
    op.create_table(
        "shadow_tally",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in keys),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
    )
    op.create_table(
        "judged_tally",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tier", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("judged", "refused")),
    )
    whole = "e.at / 86400" if op.get_bind().dialect.name == "sqlite" else "floor(e.at / 86400)"
    op.execute(_JUDGED.format(day=f"cast({whole} as integer)"))


# ---- what is held already, added up as ledger/tally.py adds up new entries ---------------------

_JUDGED = """
insert into judged_tally
select {day}, a.tier, count(*), sum(case when a.state = 'abandoned' then 1 else 0 end)
from attempt a join entry e on e.id = a.entry_id
where a.role = 'draft' and (a.state = 'abandoned'
    or a.threshold is not null and a.state in ('released', 'left', 'broken_off'))
group by 1, 2
"""
