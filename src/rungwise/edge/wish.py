"""What does the caller ask, and say of itself? x-rungwise-* headers, and the body's metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import get_args

from rungwise.edge.names import Name, Names
from rungwise.errors import CallerError
from rungwise.traceparent import read_traceparent
from rungwise.types import Ability, StepType, Wish

__all__ = [
    "METADATA",
    "is_dry_run",
    "read_agent",
    "read_tags",
    "read_task",
    "read_trace",
    "read_wish",
]

METADATA = ("step_type", "agent", "tags", "task")
"""What the metadata of a body may say."""

STEP_TYPE = "x-rungwise-step-type"
LOCAL_ONLY = "x-rungwise-local-only"
FLOOR = "x-rungwise-floor"
CEILING = "x-rungwise-ceiling"
HURRY = "x-rungwise-hurry"
DEADLINE = "x-rungwise-deadline-s"
MOST_USD = "x-rungwise-max-usd"
RECALL = "x-rungwise-recall"
NEEDS = "x-rungwise-needs"
LEAST_RIGHT = "x-rungwise-least-right"
AGENT = "x-rungwise-agent"
TAGS = "x-rungwise-tags"
TASK = "x-rungwise-task"
TRACE = "traceparent"
DRY_RUN = "x-rungwise-dry-run"
ONCE = "idempotency-key"

LONGEST_KEY = 255
LONGEST_MARK = 80
MOST_TAGS = 16
MOST_WORDS = 64
"""In one list, also of the same word."""
MOST = 1_000_000

_ABILITIES: Mapping[str, Ability] = {ability: ability for ability in get_args(Ability)}


def read_wish(
    name: Name, headers: Mapping[str, str], names: Names, *, metadata: Mapping[str, str]
) -> Wish:
    """A header wins over the body's metadata, and that over the alias.

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
        step_type=_step_type(headers.get(STEP_TYPE), metadata.get("step_type")) or name.step_type,
        hurry=_flag(headers, HURRY),
        deadline_s=_number(headers, DEADLINE),
        most_nano=None if (usd := _number(headers, MOST_USD)) is None else round(usd * 1e9),
        recall=_flag(headers, RECALL) if RECALL in headers else None,
        least_right=_number(headers, LEAST_RIGHT, most=1),
        needs=_needs(headers),
        once=_once(headers),
    )


def read_agent(headers: Mapping[str, str], metadata: Mapping[str, str]) -> str | None:
    """Which of the caller's agents asks; the header wins. Raises CallerError."""
    return _named(headers, AGENT, metadata, "agent")


def read_task(headers: Mapping[str, str], metadata: Mapping[str, str]) -> str | None:
    """The caller's own name for what this step is one of; the header wins. Raises CallerError."""
    return _named(headers, TASK, metadata, "task")


def read_trace(headers: Mapping[str, str]) -> str | None:
    """The caller's `traceparent`, as W3C Trace Context has it; what is none is left alone."""
    told = headers.get(TRACE, "").strip()
    return told if read_traceparent(told) is not None else None


def read_tags(headers: Mapping[str, str], metadata: Mapping[str, str]) -> frozenset[str]:
    """Those of header and metadata together: one of them may make the chat private, so none is
    lost. Raises CallerError."""
    tags = {_mark(word, TAGS) for word in _listed(headers, TAGS)}
    if (told := metadata.get("tags")) is not None:
        tags |= {_mark(word, "metadata.tags") for word in _words(told, "metadata.tags")}
    if len(tags) > MOST_TAGS:
        raise CallerError(f"{TAGS}: {len(tags)} tags are more than {MOST_TAGS}", param=TAGS)
    return frozenset(tags)


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


def _needs(headers: Mapping[str, str]) -> frozenset[Ability]:
    words = _listed(headers, NEEDS)
    for word in words:
        if word not in _ABILITIES:
            known = ", ".join(_ABILITIES)
            raise CallerError(f"{NEEDS}: {word!r:.60} is none of {known}", param=NEEDS)
    return frozenset(_ABILITIES[word] for word in words)


def _listed(headers: Mapping[str, str], header: str) -> list[str]:
    """A header that is sent twice is one list, as HTTP has it."""
    told = [value for name, value in headers.items() if name == header]
    return _words(",".join(told), header) if told else []


def _words(told: str, param: str) -> list[str]:
    """What stands between commas."""
    if told.count(",") >= MOST_WORDS:
        raise CallerError(f"{param}: a list of more than {MOST_WORDS} words", param=param)
    return [word.strip() for word in told.split(",")]


def _named(
    headers: Mapping[str, str], header: str, metadata: Mapping[str, str], key: str
) -> str | None:
    if header in headers:
        return _mark(headers[header], header)
    told = metadata.get(key)
    return None if told is None else _mark(told, f"metadata.{key}")


def _mark(told: str, param: str) -> str:
    """A name that the caller gives. In a header nothing beyond ASCII: one client sends that as
    UTF-8 and another does not, and it would be another name."""
    told = told.strip()
    if not (0 < len(told) <= LONGEST_MARK and told.isprintable()):
        raise CallerError(
            f"{param}: a name has 1 to {LONGEST_MARK} printable characters", param=param
        )
    if param.startswith("x-") and not told.isascii():
        raise CallerError(f"{param}: only ASCII; the body's metadata takes others", param=param)
    return told


def _number(headers: Mapping[str, str], header: str, *, most: int = MOST) -> float | None:
    """At least 0, and of a size that a clock and a purse can hold."""
    told = headers.get(header)
    if told is None:
        return None
    try:
        number = float(told)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise CallerError(f"{header}: must be a number from 0 to {most:,}", param=header)
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
