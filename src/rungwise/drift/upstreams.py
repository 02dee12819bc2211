"""Which rungs are answered by another model, or by other machines, than before? One alarm for each;
see models.py."""

from __future__ import annotations

from collections.abc import Mapping

from rungwise.drift.alarms import Alarms
from rungwise.drift.models import Models
from rungwise.drift.ringing import Renamed
from rungwise.drift.states import States, parsed, written
from rungwise.types import Alarm, AlarmKind

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
        self._rang: set[tuple[AlarmKind, str]] = set()
        """By what was told here, and not only to a server that is gone."""

    def start_anew(self) -> None:
        """From what is kept: it could not be read until now."""
        self._found, self._rang = {}, set()

    def take(self, kind: AlarmKind, tier: str, id: str) -> bool:
        """One more answer, of which the upstream told this: whether an alarm began or ended.
        `kind`, here and below: one of IDS."""
        found = self._of(kind, tier)
        match found.take(id):
            case "began":
                self._rang.add((kind, tier))
                self._ring(kind, tier, found)
            case "ended":
                self._rang.discard((kind, tier))
                self._alarms.end(kind, f"tier {tier}")
            case _:
                return False
        return True

    def take_over(self, alarm: Alarm) -> bool:
        """Go on with what a server rang for that is gone. False where the rung is asked for another
        model now, or learns otherwise."""
        found = parsed(alarm.id, self._alarms.state(alarm), Renamed)
        tier = alarm.about.removeprefix("tier ")
        if found is None or found.asked_for != self._models.get(tier, ""):
            return False
        if found.models.calm != self._calm:
            return False
        self._found[alarm.kind, tier] = found.models
        self._rang.discard((alarm.kind, tier))
        return found.models.alarmed

    def alarmed(self, kind: AlarmKind, tier: str) -> bool:
        return self._of(kind, tier).alarmed

    def accept(self, kind: AlarmKind, tier: str) -> None:
        """Its owner has seen to it."""
        self._of(kind, tier).accept()
        self._rang.discard((kind, tier))

    def go_on(self, kind: AlarmKind, tier: str) -> None:
        """Another server's alarm of it is over: if it was new here, it still rings."""
        if not self.alarmed(kind, tier):
            return
        if (kind, tier) in self._rang:
            self._ring(kind, tier, self._of(kind, tier))
        else:
            self.accept(kind, tier)

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
        renamed = Renamed(models=found, asked_for=self._models.get(tier, ""))
        self._alarms.begin(
            kind,
            f"tier {tier}",
            f"answers as {new}, until now as {known}",
            state=written(renamed),
        )

    def _name(self, kind: AlarmKind, tier: str) -> str:
        return f"{kind}, tier {tier}, {self._models.get(tier, '')}"
