"""A difficulty that is told in the prompt itself: `0.4 0.7 0.95` is what each rung's draft has."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import Chat, Message, StepType, Wish

__all__ = ["Foreseeing", "Uninformed", "asking"]


def asking(*right: float, **wish: object) -> Chat:
    """A chat of which so much is foreseen, rung by rung."""
    text = "how hard " + " ".join(f"{p:g}" for p in right)
    return Chat(messages=(Message(role="user", text=text),), wish=Wish(**wish))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Uninformed:
    """Confidences spread evenly around what was foreseen."""

    width: float = 0.4

    def _low_high(self, p: float) -> tuple[float, float]:
        half = min(self.width, p, 1 - p)
        return p - half, p + half

    def chance(self, bar: float, p: float) -> float:
        low, high = self._low_high(p)
        if high == low:
            return float(p >= bar)
        return min(1.0, max(0.0, (high - bar) / (high - low)))

    def right(self, bar: float, p: float) -> float:
        low, high = self._low_high(p)
        return self.chance(bar, p) * (max(low, min(high, bar)) + high) / 2


@dataclass
class Foreseeing:
    """Stands where a Difficulty does. `known` are the rungs that it knows."""

    known: tuple[str, ...] = ("t1", "t2", "t3")
    pull: float = 0.5
    output: float | None = 100.0
    seconds: float | None = 1.0
    told: dict[bytes, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tiers, self.missing, self.name = self.known, (), "told@00"

    def tell(self, chat: Chat) -> Chat:
        """Remember what this chat's sketch stands for."""
        numbers = chat.messages[-1].text.split()[2:]
        self.told[sketch_of(chat).to_bytes()] = tuple(float(n) for n in numbers)
        return chat

    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]:
        return dict(zip(self.known, self.told[sketch.to_bytes()], strict=False))

    def after(self, refused: str, confidence: float, tier: str, probability: float) -> float:
        """Half as sure, in logits, where the refused draft is wrong."""
        p = min(max(probability, 1e-9), 1 - 1e-9)
        logit = math.log(p / (1 - p))
        right, wrong = (1 / (1 + math.exp(-(logit + by))) for by in (self.pull, -self.pull))
        return confidence * right + (1 - confidence) * wrong

    def expected(self, tier: str, step_type: StepType) -> tuple[float | None, float | None]:
        return self.output, self.seconds

    def gate(self, tier: str) -> Uninformed:
        return Uninformed()
