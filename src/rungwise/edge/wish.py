"""What does the caller ask of the cascade? The x-rungwise-* headers, whatever the protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rungwise.edge.names import Name, Names
from rungwise.errors import CallerError
from rungwise.types import StepType, Wish

__all__ = ["is_dry_run", "read_wish"]

STEP_TYPE = "x-rungwise-step-type"
LOCAL_ONLY = "x-rungwise-local-only"
FLOOR = "x-rungwise-floor"
CEILING = "x-rungwise-ceiling"
HURRY = "x-rungwise-hurry"
DEADLINE = "x-rungwise-deadline-s"
MOST_USD = "x-rungwise-max-usd"
RECALL = "x-rungwise-recall"
DRY_RUN = "x-rungwise-dry-run"
ONCE = "idempotency-key"

LONGEST_KEY = 255
MOST = 1_000_000


def read_wish(
    name: Name, headers: Mapping[str, str], names: Names, *, step_type: str | None
) -> Wish:
    """`step_type` is the one the body names; the header wins over it, and it over the alias.

    Raises CallerError whose `param` is the header.
    """
    floor, ceiling = (_tier(headers, header, names.tiers) for header in (FLOOR, CEILING))
    if floor and ceiling and names.tiers.index(floor) > names.tiers.index(ceiling):
        raise CallerError(f"{FLOOR} {floor} stands above {CEILING} {ceiling}", param=FLOOR)
    return Wish(
        pin=name.tier,
        floor=floor,
        ceiling=ceiling,
        local_only=_flag(headers, LOCAL_ONLY),
        step_type=_step_type(headers.get(STEP_TYPE), step_type) or name.step_type,
        hurry=_flag(headers, HURRY),
        deadline_s=_number(headers, DEADLINE),
        most_nano=None if (usd := _number(headers, MOST_USD)) is None else round(usd * 1e9),
        recall=_flag(headers, RECALL) if RECALL in headers else None,
        once=_once(headers),
    )


def is_dry_run(headers: Mapping[str, str]) -> bool:
    """Whether only the plan is asked for. Raises CallerError."""
    return _flag(headers, DRY_RUN)


def _step_type(header: str | None, body: str | None) -> StepType | None:
    told, param = (header, STEP_TYPE) if header is not None else (body, "metadata.step_type")
    if told is None:
        return None
    try:
        return StepType(told)
    except ValueError:
        known = ", ".join(step_type.value for step_type in StepType)
        raise CallerError(
            f"unknown step type {told!r:.60}; known are {known}", param=param
        ) from None


def _tier(headers: Mapping[str, str], header: str, tiers: Sequence[str]) -> str | None:
    told = headers.get(header)
    if told is not None and told not in tiers:
        raise CallerError(
            f"{header}: no tier {told!r:.60}; the ladder has {', '.join(tiers)}", param=header
        )
    return told


def _number(headers: Mapping[str, str], header: str) -> float | None:
    """At least 0, and of a size that a clock and a purse can hold."""
    told = headers.get(header)
    if told is None:
        return None
    try:
        number = float(told)
    except ValueError:
        number = math.nan
    if not 0 <= number <= MOST:
        raise CallerError(f"{header}: must be a number from 0 to {MOST:,}", param=header)
    return number


def _once(headers: Mapping[str, str]) -> str | None:
    told = headers.get(ONCE)
    if told is not None and not (0 < len(told) <= LONGEST_KEY and told.isprintable()):
        wrong = f"must be 1 to {LONGEST_KEY} printable characters"
        raise CallerError(f"{ONCE}: {wrong}", param=ONCE)
    return told


def _flag(headers: Mapping[str, str], header: str) -> bool:
    told = headers.get(header, "false").lower()
    if told not in ("true", "false"):
        raise CallerError(f"{header}: must be true or false", param=header)
    return told == "true"
