"""How much work is a pattern for an engine that must hold an answer to it?

Such an engine writes the pattern out, place by place, and works with the transitions between
places: few for `[a-z]{1,40}-\\d{4}`, but half a million for `(.{1,1000}x?){1,1000}` or a row of a
thousand `.?`. They are counted here without writing anything out, after Glushkov's construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["transitions"]

MOST = 10**9
"""Counting further tells nothing more."""

_TOKEN = re.compile(
    r"""
      (?P<open> \( (?: \? (?: [:=!>] | <[=!] | P?<[^<>]{1,64}> ) )? )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<times> (?: [*+?] | \{ (?P<least>\d*) (?P<range>,?) (?P<most>\d*) \} ) [?+]? )
    | (?P<edge> [\^$] | \\[bB] )
    | (?P<one>
          \[ (?: \\. | [^\]\\] )* (?: \] | \Z )
        | \\ (?: [pP]\{[^{}]{1,64}\} | u\{[0-9a-fA-F]{1,8}\} )
        | \\ (?: u[0-9a-fA-F]{4} | x[0-9a-fA-F]{2} | . )
        | .
      )
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part of a pattern: at how many places it can begin and end, and what lies between."""

    firsts: int = 0
    lasts: int = 0
    may_be_empty: bool = True
    transitions: int = 0

    def then(self, other: _Part) -> _Part:
        between = self.lasts * other.firsts
        return _part(
            firsts=self.firsts + (other.firsts if self.may_be_empty else 0),
            lasts=other.lasts + (self.lasts if other.may_be_empty else 0),
            may_be_empty=self.may_be_empty and other.may_be_empty,
            transitions=self.transitions + between + other.transitions,
        )

    def either(self, other: _Part) -> _Part:
        # branches are told apart by what they begin with, nearly always: so max, not the sum
        return _part(
            firsts=max(self.firsts, other.firsts),
            lasts=max(self.lasts, other.lasts),
            may_be_empty=self.may_be_empty or other.may_be_empty,
            transitions=self.transitions + other.transitions,
        )

    def times(self, least: int, most: int | None) -> _Part:
        """`most` None is without end: as `least` copies, the last of them with a way back."""
        copies = max(least, 1) if most is None else max(most, least)
        if copies == 0:
            return _NOTHING
        between = self.lasts * self.firsts
        if self.may_be_empty:  # then every copy can begin it, and end it, and follow every other
            begins = ends = copies
            ways = copies * (copies - 1) // 2
        else:
            begins, ways = 1, copies - 1
            ends = 1 if most is None else copies - max(least, 1) + 1
        ways += 1 if most is None else 0
        return _part(
            firsts=self.firsts * begins,
            lasts=self.lasts * ends,
            may_be_empty=self.may_be_empty or least == 0,
            transitions=copies * self.transitions + ways * between,
        )


def _part(*, firsts: int, lasts: int, may_be_empty: bool, transitions: int) -> _Part:
    return _Part(
        firsts=min(firsts, MOST),
        lasts=min(lasts, MOST),
        may_be_empty=may_be_empty,
        transitions=min(transitions, MOST),
    )


_NOTHING = _Part()
_PLACE = _Part(firsts=1, lasts=1, may_be_empty=False)


@dataclass(slots=True)
class _Group:
    """A pair of brackets while it is read: the branch it is in, and that branch's last part."""

    branches: _Part | None = None
    before: _Part = field(default=_NOTHING)
    last: _Part = field(default=_NOTHING)

    def add(self, part: _Part) -> None:
        self.before, self.last = self.before.then(self.last), part

    def end_branch(self) -> _Part:
        branch = self.before.then(self.last)
        self.branches = branch if self.branches is None else self.branches.either(branch)
        self.before = self.last = _NOTHING
        return self.branches


def transitions(pattern: str) -> int:
    """Never raises. What is no pattern is counted as if it were one, up to MOST."""
    group, around = _Group(), list[_Group]()
    for token in _TOKEN.finditer(pattern):
        match token.lastgroup:
            case "open":
                around.append(group)
                group = _Group()
            case "close" if around:
                whole, group = group.end_branch(), around.pop()
                group.add(whole)
            case "either":
                group.end_branch()
            case "times":
                group.last = group.last.times(*_how_often(token))
            case "edge":
                group.add(_NOTHING)
            case _:
                group.add(_PLACE)
    while around:
        whole, group = group.end_branch(), around.pop()
        group.add(whole)
    return group.end_branch().transitions


def _how_often(token: re.Match[str]) -> tuple[int, int | None]:
    match token["times"][0]:
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
    least = _number(token["least"]) or 0
    if not token["range"]:
        return least, least
    return least, _number(token["most"])


def _number(digits: str) -> int | None:
    return min(int(digits[:10]), MOST) if digits else None
