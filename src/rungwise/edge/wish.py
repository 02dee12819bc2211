"""What does the caller ask of the cascade? The x-rungwise-* headers, whatever the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rungwise.edge.names import Name, Names
from rungwise.errors import CallerError
from rungwise.types import StepType, Wish

__all__ = ["read_wish"]

STEP_TYPE = "x-rungwise-step-type"
LOCAL_ONLY = "x-rungwise-local-only"
FLOOR = "x-rungwise-floor"
CEILING = "x-rungwise-ceiling"
HURRY = "x-rungwise-hurry"


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
    )


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


def _flag(headers: Mapping[str, str], header: str) -> bool:
    told = headers.get(header, "false").lower()
    if told not in ("true", "false"):
        raise CallerError(f"{header}: must be true or false", param=header)
    return told == "true"
