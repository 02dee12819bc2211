"""Does a tool loop get on? Not one that repeats itself, and not one in which everything fails.

A call that is repeated while its results change is waiting for something, and gets on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rungwise.types import Message

__all__ = ["stuck", "was_stuck"]

OFTEN = 3
"""Steps that make a loop: the first may be chance, and the second a second try."""
SHORTEST = 4
"""The last steps, among which every kind of loop can be seen."""
READ = 32
"""Messages that are looked back over."""
LATELY = 6
"""Steps for which a loop counts, once it is over."""
LOOKED_AT = 2048
"""Characters at either end of a call or a result by which two are the same, and their length."""
CALLS = 8
"""Of one step's calls, so many; and how many there are."""
HEAD = 160
"""Characters of a result in which it says that it failed."""

_FAILED = re.compile(
    r"""[\s"'{\[(<]*
    (?: (?:\w+\s)?(?:error|exception|failure|fatal|failed)\b["']?\s*[:=!>\])]\s*
        (?!null\b|none\b|false\b|0\b|""|\[\]|\{\})\S
      | (?:[\w.]+)?(?:Error|Exception):\s
      | traceback\s\(most
      | command\s(?:failed|not\sfound)
      | (?:process\s)?exit(?:ed)?(?:\swith)?\s(?:code|status):?\s*-?[1-9]
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""How results say that they failed where the protocol has no word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What an assistant called, and what came of it."""

    told: int
    """The hash of what was called and of what came of it: no text is compared twice."""
    failed: bool
    """All of it."""


def stuck(messages: Sequence[Message]) -> str | None:
    """How this turn's loop does not get on, at every third step of that; else None."""
    if not any(run >= OFTEN for _, run in _runs(_steps(messages, most=SHORTEST))):
        return None
    steps = _steps(messages)
    return next((told for told, run in _runs(steps) if run and run % OFTEN == 0), None)


def was_stuck(messages: Sequence[Message]) -> str | None:
    """How this turn's loop did not get on in one of its last steps; else None."""
    steps = _steps(messages)
    ends = (steps[: len(steps) - back] for back in range(min(LATELY, len(steps))))
    return next((told for end in ends for told, run in _runs(end) if run >= OFTEN), None)


def _runs(steps: Sequence[_Step]) -> tuple[tuple[str, int], ...]:
    """For how many steps, up to the last one, each kind of loop has gone on."""
    return (
        ("the same call is made again and again", _run(steps, _repeats)),
        ("one tool call after the other fails", _run(steps, lambda steps, i: steps[i].failed)),
        ("two calls take turns", _alternations(steps)),
    )


def _run(steps: Sequence[_Step], goes_on: Callable[[Sequence[_Step], int], bool]) -> int:
    back = range(len(steps) - 1, -1, -1)
    return sum(1 for _ in takewhile(lambda i: goes_on(steps, i), back))


def _repeats(steps: Sequence[_Step], i: int) -> bool:
    """Whether a step is as the last one."""
    return bool(steps) and _same(steps[i], steps[-1])


def _alternations(steps: Sequence[_Step]) -> int:
    """How many times a pair of two different steps came, up to the last one, as threes of it."""
    if len(steps) < 4 or _same(steps[-1], steps[-2]):
        return 0
    pair, run = steps[-2:], 0
    for i in range(1, len(steps) + 1):
        if not _same(steps[-i], pair[-1 - (i - 1) % 2]):
            break
        run = i
    # twice each is enough: four steps count as three
    return run - 1 if run >= 4 else 0


def _same(one: _Step, other: _Step) -> bool:
    return one.told == other.told


def _steps(messages: Sequence[Message], *, most: int = READ) -> list[_Step]:
    """Of this turn: the last ones since the user spoke, of the last READ messages."""
    found: list[_Step] = []
    results: list[Message] = []
    for message in reversed(messages[-READ:]):
        if message.role == "tool":
            results.append(message)
        elif message.role == "assistant" and message.tool_calls and results:
            found.append(_Step(told=_told(message, results), failed=all(map(_went_wrong, results))))
            results = []
            if len(found) == most:
                break
        else:
            break
    return found[::-1]


def _told(message: Message, results: Sequence[Message]) -> int:
    calls, count = message.tool_calls[:CALLS], len(message.tool_calls)
    called = tuple((_ends(call.name), _ends(call.arguments)) for call in calls)
    return hash((count, called, tuple(_ends(result.text) for result in results)))


def _ends(text: str) -> tuple[int, str, str]:
    """What is looked at of a text, however long it is."""
    if len(text) <= 2 * LOOKED_AT:
        return len(text), text, ""
    return len(text), text[:LOOKED_AT], text[-LOOKED_AT:]


def _went_wrong(result: Message) -> bool:
    return result.failed or _FAILED.match(result.text[:HEAD]) is not None
