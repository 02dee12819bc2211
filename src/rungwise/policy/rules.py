"""Which rule of the owner fits this chat? Names are compared, and patterns searched with a limit.

What a pattern searches was written by anyone, so it may be made to stall it. A pattern that takes
too long does not fit; that is in the log once for each rule.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import thread_time
from typing import TYPE_CHECKING

from rungwise.config import RuleConfig
from rungwise.types import Chat, StepType

if TYPE_CHECKING:
    import regex

__all__ = ["LONGEST_S", "SEARCHED", "Fit", "Rules"]

SEARCHED = 2048
"""Characters at either end of a text that are searched; what lies between is a line end."""

LONGEST_S = 0.002
"""For one pattern. `regex` looks at its clock now and then: it may take a few times as long."""

LONGEST_TOGETHER_S = 0.01
"""For all patterns on one chat."""

_log = logging.getLogger("rungwise.policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A rule that fits a chat."""

    number: int
    """From 1."""
    step_type: StepType
    by_text: bool = False
    """Whether it searched a text for that, which anyone may have written."""
    otherwise: StepType | None = None
    """Where it did, the step type of the first rule that fits and searches none."""


class Rules:
    def __init__(self, rules: Sequence[RuleConfig]) -> None:
        self._rules = tuple(_Rule(number, rule) for number, rule in enumerate(rules, start=1))

    def first(self, chat: Chat) -> Fit | None:
        """The first rule that fits."""
        if not self._rules:
            return None
        seen = _Seen(chat)
        found = next((rule for rule in self._rules if rule.fits(seen)), None)
        if found is None:
            return None
        if not found.by_text:
            return Fit(number=found.number, step_type=found.step_type)
        apart = next((rule for rule in self._rules if not rule.by_text and rule.fits(seen)), None)
        return Fit(
            number=found.number,
            step_type=found.step_type,
            by_text=True,
            otherwise=None if apart is None else apart.step_type,
        )


class _Seen:
    """What the rules look at, read from a chat where one does."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.tools = frozenset(tool.name for tool in chat.tools)
        self.left_s = LONGEST_TOGETHER_S
        self._texts: dict[str, str] = {}

    def text(self, part: str) -> str:
        """`prompt` is the last turn, of a user or a tool; `system` every system message."""
        if part not in self._texts:
            read = _last_turn if part == "prompt" else _system
            self._texts[part] = _ends(read(self.chat))
        return self._texts[part]


class _Rule:
    def __init__(self, number: int, rule: RuleConfig) -> None:
        import regex  # like re, and it takes a time limit

        self.number, self.step_type, self._rule = number, rule.step_type, rule
        self._tools = None if rule.tools is None else frozenset(rule.tools)
        self._any_tool = frozenset(rule.any_tool or ())
        told = {"prompt": rule.prompt, "system": rule.system}
        self._patterns = [(part, regex.compile(p)) for part, p in told.items() if p is not None]
        self.by_text = bool(self._patterns)
        self._stalled = False

    def fits(self, seen: _Seen) -> bool:
        rule, chat = self._rule, seen.chat
        return (
            (self._tools is None or self._tools == seen.tools)
            and (not self._any_tool or not self._any_tool.isdisjoint(seen.tools))
            and (rule.shape is None or _asks_for(rule.shape, chat))
            and (rule.route is None or rule.route == chat.route)
            and (rule.agent is None or rule.agent == chat.agent)
            and all(self._found(pattern, part, seen) for part, pattern in self._patterns)
        )

    def _found(self, pattern: regex.Pattern[str], part: str, seen: _Seen) -> bool:
        text, begun = seen.text(part), thread_time()
        limit_s = min(LONGEST_S, seen.left_s)
        try:
            # it keeps the interpreter meanwhile: getting it back can take longer than the search
            return limit_s > 0 and bool(pattern.search(text, timeout=limit_s, concurrent=False))
        except TimeoutError:
            if not self._stalled:
                self._stalled = True
                _log.warning(
                    "routing.rules: rule %d: its %s took longer than %g ms to search a text, and "
                    "does not fit such texts; make it simpler",
                    self.number,
                    part,
                    LONGEST_S * 1e3,
                )
            return False
        finally:
            seen.left_s -= thread_time() - begun


def _asks_for(shape: str, chat: Chat) -> bool:
    if chat.shape is None:
        return False
    return shape == "*" or (chat.shape.schema is not None and chat.shape.name == shape)


def _last_turn(chat: Chat) -> Iterable[str]:
    return (m.text for m in reversed(chat.messages) if m.role in ("user", "tool"))


def _system(chat: Chat) -> Iterable[str]:
    return ("\n".join(m.text for m in chat.messages if m.role in ("system", "developer")),)


def _ends(texts: Iterable[str]) -> str:
    """The first text, without its middle where it is long."""
    text = next(iter(texts), "")
    if len(text) <= 2 * SEARCHED:
        return text
    return f"{text[:SEARCHED]}\n{text[-SEARCHED:]}"
