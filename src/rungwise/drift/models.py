"""Does an upstream still name the models, or the fingerprints, that it used to name?"""

from __future__ import annotations

from dataclasses import dataclass, field

from rungwise.drift.detector import Heard

__all__ = ["Models"]

FIRST = 50
"""Answers whose ids are known ones: equals behind one rung have several."""
MOST, MOST_CHARS = 32, 200
"""An upstream that gives ever new ids, or endless ones, must not fill memory."""


@dataclass(slots=True, kw_only=True)
class Models:
    """The ids of one kind that one rung told. A new one is an alarm at once; it is over, and the id
    a known one, after `calm` more answers: never while each tells another one."""

    calm: int
    seen: int = 0
    known: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    since: int = 0
    """Answers since the alarm began."""

    @property
    def alarmed(self) -> bool:
        return bool(self.new)

    def take(self, id: str) -> Heard | None:
        id = id[:MOST_CHARS]
        self.seen += 1
        if not self.new and id in self.known:  # nearly always
            return None
        self.since += self.alarmed
        if id not in self.known and id not in self.new:
            if self.seen <= FIRST:
                self.known.append(id)
                return None
            self.new = [*self.new, id][-MOST:]
            return "began" if len(self.new) == 1 else None
        if self.alarmed and self.since >= self.calm:
            self.accept()
            return "ended"
        return None

    def accept(self) -> None:
        """What was new is known from now on."""
        self.known, self.new, self.since = [*self.known, *self.new][-MOST:], [], 0
