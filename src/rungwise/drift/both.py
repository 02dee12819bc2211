"""Is all as usual in what every key says, and where no key is louder than its share?

One key that says much could hide in its right answers what the others say; so there is a second
statistic of what is left when the loudest is thinned (voices.py). And one that says next to nothing
would thin all the others to next to nothing; so there is the first, of every word. Their evidence
is one mean: a mixture of e-detectors is one. As long as there is one key they are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rungwise.drift.calibrated import Calibrated
from rungwise.drift.evidence import total
from rungwise.drift.share import Share

__all__ = ["Both"]

_Half: TypeAlias = Annotated[Share | Calibrated, Field(discriminator="form")]

LATE = 100


@dataclass(slots=True, kw_only=True)
class Both:
    plain: _Half
    """Of every word."""
    even: _Half
    """Of those where no key is louder than its share."""
    form: Literal["both"] = "both"
    late: float = 0.0
    weight: float = 0.0
    bets: int = 0
    """So many of the factors are of every word."""
    even_bets: int = 0
    on: bool = False
    plain_calm: bool = True
    """Whether, since the alarm, it was as usual again; true of a half that did not ring."""
    even_calm: bool = True

    @property
    def usual(self) -> float | None:
        return self.plain.usual

    @property
    def even_now(self) -> float | None:
        return self.late / self.weight if self.weight > 0 else None

    @property
    def risk(self) -> float:
        """That either has learned wrong bounds."""
        return self.plain.risk + self.even.risk

    def take(self, x: float, said: float = 1.0, even: bool = True) -> Sequence[float] | None:
        """`even`: whether it is let in where no key is louder than its share."""
        plain, thinned = self.plain.take(x, said), None
        if even and not (self.on and self.even.usual is None):  # a fault is not learned as usual
            shown, keep = self.even.shown(x, said), 1.0 - 1.0 / LATE
            self.late, self.weight = self.late * keep + shown, self.weight * keep + 1.0
            thinned = self.even.take(x, said)
        if plain is None:
            return None
        self.bets = len(plain)
        if thinned is not None:
            self.even_bets = len(thinned)
        return [*plain, *(thinned or [1.0] * self.even_bets)]

    def shown(self, x: float, said: float = 1.0) -> float:
        return self.plain.shown(x, said)

    def even_leads(self, evidence: Sequence[float]) -> bool:
        return total(evidence[self.bets :]) > total(evidence[: self.bets])

    def rang(self, evidence: Sequence[float], bound: float) -> None:
        """From here on it counts whether all is as usual again, for each half that rang."""
        self.on = True
        self.plain_calm = total(evidence[: self.bets]) < bound
        self.even_calm = total(evidence[self.bets :]) < bound
        self.begin()

    def again(self, least: int) -> bool:
        if not self.plain_calm:
            self.plain_calm = self.plain.again(least)
        if not self.even_calm:
            self.even_calm = self.even.again(least)
        self.on = not (self.plain_calm and self.even_calm)
        return not self.on

    def calm_down(self) -> None:
        """The alarm is over, whoever said so: the thinned half may learn."""
        self.on = False

    def begin(self) -> None:
        self.plain.begin()
        self.even.begin()
