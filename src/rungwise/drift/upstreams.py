"""Which rungs are answered by another model, or by other machines, than before? One alarm for each;
see models.py."""

from __future__ import annotations

from collections.abc import Mapping

from rungwise.drift.alarms import Alarms
from rungwise.drift.models import Models
from rungwise.drift.states import States
from rungwise.types import AlarmKind

__all__ = ["IDS", "Upstreams"]

IDS: tuple[AlarmKind, ...] = ("model", "fingerprint")
"""What upstreams tell of themselves."""


class Upstreams:
    def __init__(
        self,
        kind: AlarmKind,
        alarms: Alarms,
        states: States,
        calm: int,
        models: Mapping[str, str],
    ) -> None:
        """`kind`: which of IDS; `models`: what each rung is asked for. With another one it begins
        anew."""
        self._kind = kind
        self._alarms, self._states, self._calm, self._models = alarms, states, calm, models
        self._found: dict[str, Models] = {}

    def take(self, tier: str, id: str) -> None:
        """One more answer, of which the upstream told this."""
        found = self._of(tier)
        match found.take(id):
            case "began":
                self._ring(tier, found)
            case "ended":
                self._alarms.end(self._kind, f"tier {tier}")

    def alarmed(self, tier: str) -> bool:
        return self._of(tier).alarmed

    def accept(self, tier: str) -> None:
        """Its owner has seen to it."""
        self._of(tier).accept()

    def go_on(self, tier: str) -> None:
        """Another server's alarm of it is over: if it is new here, it still rings."""
        if self.alarmed(tier):
            self._ring(tier, self._of(tier))

    def states(self) -> Mapping[str, Models]:
        return {self._name(tier): found for tier, found in self._found.items()}

    def _of(self, tier: str) -> Models:
        found = self._found.get(tier)
        if found is None:
            kept = self._states.of(self._name(tier), Models)
            same = kept is not None and kept.calm == self._calm
            found = kept if kept is not None and same else Models(calm=self._calm)
            self._found[tier] = found
            if self._alarms.known and self._alarms.find(self._kind, f"tier {tier}") is None:
                found.accept()  # its owner ended the alarm meanwhile
        return found

    def _ring(self, tier: str, found: Models) -> None:
        new, known = ", ".join(found.new), ", ".join(found.known)
        self._alarms.begin(self._kind, f"tier {tier}", f"answers as {new}, until now as {known}")

    def _name(self, tier: str) -> str:
        return f"{self._kind}, tier {tier}, {self._models.get(tier, '')}"
