"""Where do names, numbers, ids and dates come from? From pools that no two splits share."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

__all__ = ["Date", "Pools", "Split"]

Split: TypeAlias = Literal["train", "calibration", "test"]

_HEADS = (
    "Ba Be Bo Da De Do Fa Fi Ga Go Ha Jo Ka Ke Ko La Le Li Lu Ma Me Mi Na Ne No Pa Pe Ra Re Ro"
).split()
_TAILS = (
    "bi da do fa go ka ki la li lo lu ma mi na ne no pa ra ri ro sa so ta te ti va vi za"
).split()


def split_of(value: str) -> Split:
    """The one split that may use this value: a stable hash, 60 / 20 / 20."""
    slot = hashlib.sha256(value.encode()).digest()[0] % 20
    return "train" if slot < 12 else "calibration" if slot < 16 else "test"


@dataclass(frozen=True, slots=True)
class Date:
    day: int
    month: int
    year: int


class Pools:
    """Random values of one split. Every draw comes from `rng`, so a seed fixes all of them."""

    def __init__(self, split: Split, rng: random.Random, *, joint: str = "") -> None:
        """`joint` is written between the syllables of names."""
        self.split, self.rng, self._joint = split, rng, joint

    def name(self) -> str:
        """A name of two or three syllables."""
        while True:
            count = self.rng.choice((1, 1, 2))
            syllables = [self.rng.choice(_HEADS), *(self.rng.choice(_TAILS) for _ in range(count))]
            if split_of("name:" + "".join(syllables)) == self.split:
                return self._joint.join(syllables)

    def names(self, count: int) -> list[str]:
        return self._distinct(self.name, count)

    def id(self) -> str:
        """A number of four digits that names something."""
        return self._draw(lambda: str(self.rng.randint(1000, 9999)), "id:")

    def ids(self, count: int) -> list[str]:
        return self._distinct(self.id, count)

    def number(self) -> int:
        """A quantity from 10 to 99."""
        return self.rng.choice(_numbers(self.split))

    def date(self) -> Date:
        while True:
            date = Date(
                self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(2020, 2039)
            )
            if split_of(f"date:{date.year}-{date.month}-{date.day}") == self.split:
                return date

    def pick(self, options: Sequence[str]) -> str:
        return self.rng.choice(options)

    def _draw(self, make: Callable[[], str], kind: str) -> str:
        while True:
            value = make()
            if split_of(kind + value) == self.split:
                return value

    def _distinct(self, make: Callable[[], str], count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            value = make()
            if value not in found:
                found.append(value)
        return found


@cache
def _numbers(split: Split) -> tuple[int, ...]:
    return tuple(n for n in range(10, 100) if split_of(f"number:{n}") == split)
