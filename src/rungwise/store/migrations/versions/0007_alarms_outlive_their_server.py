"""What has to be known to watch an alarm's stream, so that another server can go on with it."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

OF = ("calibration", "confidence", "model", "fingerprint")
"""What these are told of is known by a calibration, or a model, beside what they are about."""


def upgrade() -> None:
    op.add_column("alarm", sa.Column("state", sa.Text))
    connection = op.get_bind()
    rows = connection.execute(sa.text("select detector, state from drift_state")).all()
    kept = {row.detector: row.state for row in rows}
    on = connection.execute(sa.text("select id, kind, about from alarm where ended_at is null"))
    for id, kind, about in on.all():
        state = _state(kept, id, kind, about)
        if state is not None:
            told = {"id": id, "state": json.dumps([1, state])}
            connection.execute(sa.text("update alarm set state = :state where id = :id"), told)
    connection.execute(sa.text("delete from drift_state where detector = 'demotions'"))


def _state(kept: Mapping[str, str], id: str, kind: str, about: str) -> dict[str, Any] | None:
    """From what was kept of its stream, of its calibration or model, and of what it demotes."""
    stream = f"{kind}, {about}"
    for name in kept:
        if name != stream and not (kind in OF and name.startswith(f"{stream}, ")):
            continue  # accuracy of a tier is not that of one of its step types
        found, of = _read(kept[name]), name.removeprefix(stream).removeprefix(", ")
        if kind in ("model", "fingerprint") and found.get("new"):
            return {"models": found, "asked_for": of}
        if found.get("alarmed"):
            demoted = _read(kept.get("demotions", "")).get("calibrations", {})
            return {"detector": found, "of": of, "disbelieves": demoted.get(id, "")}
    return None


def _read(told: str) -> dict[str, Any]:
    try:
        _, state = json.loads(told)
    except (ValueError, TypeError):
        return {}
    return state if isinstance(state, dict) else {}
