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
"""What upstreams tell of themselves: the id that an answer is billed as, and what serves it."""


class Upstreams:
    def __init__(
        self, alarms: Alarms, states: States, calm: int, models: Mapping[str, str]
    ) -> None:
        """`models`: what each rung is asked for. With another one it begins anew."""
        self._alarms, self._states, self._calm, self._models = alarms, states, calm, models
        self._found: dict[tuple[AlarmKind, str], Models] = {}

    def take(self, kind: AlarmKind, tier: str, id: str) -> None:
        """One more answer, of which the upstream told this. `kind`, here and below: one of IDS."""
        found = self._of(kind, tier)
        match found.take(id):
            case "began":
                self._ring(kind, tier, found)
            case "ended":
                self._alarms.end(kind, f"tier {tier}")

    def alarmed(self, kind: AlarmKind, tier: str) -> bool:
        return self._of(kind, tier).alarmed

    def accept(self, kind: AlarmKind, tier: str) -> None:
        """Its owner has seen to it."""
        self._of(kind, tier).accept()

    def go_on(self, kind: AlarmKind, tier: str) -> None:
        """Another server's alarm of it is over: if it is new here, it still rings."""
        if self.alarmed(kind, tier):
            self._ring(kind, tier, self._of(kind, tier))

    def states(self) -> Mapping[str, Models]:
        return {self._name(*key): found for key, found in self._found.items()}

    def _of(self, kind: AlarmKind, tier: str) -> Models:
        found = self._found.get((kind, tier))
        if found is None:
            kept = self._states.of(self._name(kind, tier), Models)
            same = kept is not None and kept.calm == self._calm
            found = kept if kept is not None and same else Models(calm=self._calm)
            self._found[kind, tier] = found
            if self._alarms.known and self._alarms.find(kind, f"tier {tier}") is None:
                found.accept()  # its owner ended the alarm meanwhile
        return found

    def _ring(self, kind: AlarmKind, tier: str, found: Models) -> None:
        new, known = ", ".join(found.new), ", ".join(found.known)
        self._alarms.begin(kind, f"tier {tier}", f"answers as {new}, until now as {known}")

    def _name(self, kind: AlarmKind, tier: str) -> str:
        return f"{kind}, tier {tier}, {self._models.get(tier, '')}"
