"""What did every rung of a ladder make of the same steps? One row a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rungwise.errors import ConfigError
from rungwise.types import Chat, JsonObject, Message, OutputShape, StepType, Tool, Wish

__all__ = ["RecordedLadder", "Result", "Row"]


_KINDS: Mapping[str, StepType] = {kind.value: kind for kind in StepType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one rung made of one step; None is "was not recorded"."""

    correct: bool
    cost_usd: float | None = None
    latency_ms: float | None = None
    readings: Mapping[str, float] = field(default_factory=dict)
    """By signal; empty where nothing could be read."""
    confidence: float | None = None
    """P(correct) as somebody's calibration said it."""
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One step, and what each rung made of it."""

    id: str
    group: str
    """Steps of one group (a subject, a template) are not independent of each other."""
    step_type: str
    prompt: str
    system: str = ""
    tools: tuple[Tool, ...] = ()
    schema: JsonObject | None = None
    tiers: Mapping[str, Result]

    @property
    def kind(self) -> StepType:
        """By the words of the house: what is none of them counts as open chat."""
        return _KINDS.get(self.step_type, StepType.OPEN_CHAT)

    @property
    def chat(self) -> Chat:
        """The step as a router would see it. The step type is a wish only where it is one of
        ours."""
        system = [Message(role="system", text=self.system)] if self.system else []
        return Chat(
            messages=(*system, Message(role="user", text=self.prompt)),
            tools=self.tools,
            shape=None if self.schema is None else OutputShape(schema=self.schema, strict=True),
            wish=Wish(step_type=_KINDS.get(self.step_type)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLadder:
    """At least one row, and every row has every one of these tiers."""

    name: str
    tiers: tuple[str, ...]
    """Lowest first."""
    rows: tuple[Row, ...]
    source: str = ""
    """The file's name."""
    notes: tuple[str, ...] = ()
    """What was left out or assumed; to be told beside every figure."""

    def without(self, known: RecordedLadder) -> RecordedLadder:
        """Without the steps that the other one has too, word for word: what was learned on says
        nothing. Raises ConfigError where none is left."""
        seen = {(row.system, row.prompt) for row in known.rows}
        rows = tuple(row for row in self.rows if (row.system, row.prompt) not in seen)
        if len(rows) == len(self.rows):
            return self
        if not rows:
            raise ConfigError(f"{self.source}: every step is also in {known.source}; leave it out")
        told = f"{len(self.rows) - len(rows)} steps that are also in {known.source} are left out"
        return replace(self, rows=rows, notes=(*self.notes, told))
