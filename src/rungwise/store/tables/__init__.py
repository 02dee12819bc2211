"""Which tables are there? Every column that outlives the process, in SQLite and Postgres.

Times are Unix seconds, days are days since 1970-01-01 in UTC, money is nano-dollars. A text that
is "" in a tally stands for "none": a key of a table cannot be null.
"""

from rungwise.store.tables.access import api_key, lost, repeat, reservation, server, spending
from rungwise.store.tables.alarms import alarm, drift_state
from rungwise.store.tables.answers import remembered
from rungwise.store.tables.columns import TABLES
from rungwise.store.tables.entries import attempt, entry, outcome, task
from rungwise.store.tables.tallies import (
    audit_tally,
    baseline_tally,
    doubt_tally,
    idle_tally,
    judged_tally,
    rung_tally,
    shadow_tally,
    slot_latency,
    slot_tally,
    step_tally,
    task_tally,
    time_tally,
)

__all__ = [
    "TABLES",
    "alarm",
    "api_key",
    "attempt",
    "audit_tally",
    "baseline_tally",
    "doubt_tally",
    "drift_state",
    "entry",
    "idle_tally",
    "judged_tally",
    "lost",
    "outcome",
    "remembered",
    "repeat",
    "reservation",
    "rung_tally",
    "server",
    "shadow_tally",
    "slot_latency",
    "slot_tally",
    "spending",
    "step_tally",
    "task",
    "task_tally",
    "time_tally",
]
