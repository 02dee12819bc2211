"""How are the keys told? As a table, or as JSON: their rights and what they spent, no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from rungwise.access.budget import dollars
from rungwise.access.keybook import keys
from rungwise.access.rights import limited
from rungwise.access.spending import Place, place_of, taken
from rungwise.config import LimitsConfig
from rungwise.types import Caller, Cap

__all__ = ["Listed", "as_json", "as_table", "listed"]

COLUMNS = ("name", "state", "made", "may use", "limits", "caps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A key as the server sees it: with the configured limits where it has none of its own."""

    caller: Caller
    created_at: float
    revoked_at: float | None
    used: Mapping[Cap, int]
    """Nano-dollars that are spent or set aside in the present window of each cap."""


def listed(connection: Connection, limits: LimitsConfig, at: float) -> list[Listed]:
    found = []
    for key in keys(connection):
        caller = limited(key.caller, limits)
        places: dict[Cap, Place] = {cap: place_of(caller, cap, at) for cap in caller.caps}
        used = taken(connection, list(places.values()))
        found.append(
            Listed(
                caller=caller,
                created_at=key.created_at,
                revoked_at=key.revoked_at,
                used={cap: used.get(place, 0) for cap, place in places.items()},
            )
        )
    return found


def as_json(found: Sequence[Listed]) -> dict[str, object]:
    return {"keys": [_told(key) for key in found]}


def as_table(found: Sequence[Listed]) -> str:
    rows = [COLUMNS, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _told(key: Listed) -> dict[str, object]:
    caller = key.caller
    return {
        "name": caller.name,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "names": None if caller.names is None else sorted(caller.names),
        "tiers": None if caller.tiers is None else sorted(caller.tiers),
        "local_only": caller.local_only,
        "sees_all": caller.sees_all,
        "outcomes_count": caller.outcomes_count,
        "requests_per_minute": caller.requests_per_minute,
        "concurrent": caller.concurrent,
        "caps": [
            {"usd": cap.nano / 1e9, "window": cap.window, "of": cap.of, "used_usd": nano / 1e9}
            for cap, nano in key.used.items()
        ],
    }


def _row(key: Listed) -> tuple[str, ...]:
    ended = key.revoked_at
    return (
        key.caller.name,
        "valid" if ended is None else f"revoked {_day(ended)}",
        _day(key.created_at),
        _rights(key.caller),
        _limits(key.caller),
        ", ".join(_cap(cap, nano) for cap, nano in key.used.items()) or "-",
    )


def _rights(caller: Caller) -> str:
    told = [", ".join(sorted(names)) for names in (caller.tiers, caller.names) if names is not None]
    marks = (
        ("local only", caller.local_only),
        ("sees all", caller.sees_all),
        ("outcomes noted", not caller.outcomes_count),
    )
    told = ["all"] if not (told or caller.local_only) else told
    return "; ".join([*told, *(mark for mark, is_so in marks if is_so)])


def _limits(caller: Caller) -> str:
    rate, many = caller.requests_per_minute, caller.concurrent
    told = [f"{rate}/min" if rate else "", f"{many} at once" if many else ""]
    return ", ".join(filter(None, told)) or "-"


def _cap(cap: Cap, used: int) -> str:
    of = "" if cap.of == "all" else " of escalation"
    return f"{dollars(used)} of {dollars(cap.nano)}/{cap.window}{of}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
