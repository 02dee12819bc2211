"""How do many recorded drafts look as columns? Arrays with one row a draft, and parts of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rungwise.lab.calibration.recorded import Recorded

__all__ = [
    "Bools",
    "Columns",
    "Floats",
    "Ints",
    "Sample",
    "folds",
    "halves",
    "one_per_group",
    "sample_of",
]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """What was read of each draft, and of which step type it was."""

    signals: tuple[str, ...]
    values: Floats
    """[drafts, signals]; a row of NaN where there is nothing (a draft that is shorter)."""
    step_types: tuple[str, ...]
    type_of: Ints
    """[drafts], places in `step_types`."""

    def take(self, rows: Ints | Bools) -> Columns:
        return Columns(
            signals=self.signals,
            values=self.values[rows],
            step_types=self.step_types,
            type_of=self.type_of[rows],
        )

    @property
    def reached(self) -> Bools:
        return np.asarray(~np.isnan(self.values[:, 0]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Recorded drafts, one row each."""

    finished: Columns
    prefixes: Mapping[int, Columns]
    """By length, of every draft: with rows of NaN for those that are shorter."""
    right: Bools
    reference: Bools
    prose: Bools
    """Whether a draft could leave at its beginning; the others are always held whole."""
    group: Ints
    """Drafts with the same number belong together."""

    def __len__(self) -> int:
        return len(self.right)

    @property
    def lost(self) -> Bools:
        """What is lost where it is accepted: wrong, though the reference would have been right."""
        return np.asarray(~self.right & self.reference)

    @property
    def type_of(self) -> Ints:
        return self.finished.type_of

    @property
    def step_types(self) -> tuple[str, ...]:
        return self.finished.step_types

    def counts(self) -> dict[str, int]:
        """How many drafts there are of each step type that occurs."""
        found = np.bincount(self.type_of, minlength=len(self.step_types)).tolist()
        return {name: n for name, n in zip(self.step_types, found, strict=True) if n}

    @property
    def grouped(self) -> bool:
        """Whether any two drafts belong together."""
        return len(np.unique(self.group)) < len(self)

    def of_types(self, names: Collection[str]) -> Bools:
        """[drafts], whether it is of one of these step types."""
        return np.array([name in names for name in self.step_types], dtype=np.bool_)[self.type_of]

    def groups_with(self, names: Collection[str]) -> int:
        """How many groups have a draft of one of these step types: so many independent draws."""
        return len(np.unique(self.group[self.of_types(names)]))

    def take(self, rows: Ints | Bools) -> Sample:
        return Sample(
            finished=self.finished.take(rows),
            prefixes={length: r.take(rows) for length, r in self.prefixes.items()},
            right=self.right[rows],
            reference=self.reference[rows],
            prose=self.prose[rows],
            group=self.group[rows],
        )


def sample_of(items: Sequence[Recorded], signals: Sequence[str]) -> Sample:
    """The columns of these drafts. KeyError for a signal that one of them lacks."""
    step_types = tuple(sorted({item.step_type for item in items}))
    place = {name: i for i, name in enumerate(step_types)}
    type_of = np.array([place[item.step_type] for item in items], dtype=np.int64)
    lengths = sorted({length for item in items for length in item.prefixes})
    early = next((set(v) for item in items for v in item.prefixes.values()), set())
    read_early = [name for name in signals if name in early]

    def readings(names: Sequence[str], rows: Sequence[Mapping[str, float] | None]) -> Columns:
        nothing = [np.nan] * len(names)
        values = [nothing if row is None else [row[name] for name in names] for row in rows]
        return Columns(
            signals=tuple(names),
            values=np.array(values, dtype=np.float64).reshape(len(rows), len(names)),
            step_types=step_types,
            type_of=type_of,
        )

    return Sample(
        finished=readings(signals, [item.readings for item in items]),
        prefixes={
            length: readings(read_early, [item.prefixes.get(length) for item in items])
            for length in (lengths if read_early else ())
        },
        right=np.array([item.right for item in items], dtype=np.bool_),
        reference=np.array([item.reference for item in items], dtype=np.bool_),
        prose=np.array([item.prose for item in items], dtype=np.bool_),
        group=_numbered([item.group for item in items]),
    )


def _numbered(names: Sequence[str | None]) -> Ints:
    """A number for each group; a draft without one is a group of its own."""
    known: dict[str, int] = {}
    numbers = [
        len(names) + known.setdefault(name, len(known)) if name is not None else i
        for i, name in enumerate(names)
    ]
    return np.unique(np.array(numbers, dtype=np.int64), return_inverse=True)[1].astype(np.int64)


def halves(sample: Sample, share: float, rng: np.random.Generator) -> tuple[Sample, Sample]:
    """A random part of about this share, and the rest: groups whole, step types in proportion.

    A group counts for the step type that most of its drafts have.
    """
    _, group = np.unique(sample.group, return_inverse=True)
    groups, types = int(group.max(initial=-1)) + 1, len(sample.step_types)
    table = np.bincount(group * types + sample.type_of, minlength=groups * types)
    type_of = table.reshape(groups, types).argmax(axis=1)
    size = np.bincount(group, minlength=groups)
    order = np.lexsort((rng.random(groups), type_of))
    within = np.bincount(type_of, weights=size, minlength=types)
    before_type = np.concatenate(([0.0], np.cumsum(within)[:-1]))
    middle = np.cumsum(size[order]) - size[order] / 2 - before_type[type_of[order]]
    first = np.empty(groups, dtype=np.bool_)
    first[order] = middle < share * within[type_of[order]]
    return sample.take(first[group]), sample.take(~first[group])


def one_per_group(sample: Sample, rng: np.random.Generator, *, pooled: bool = False) -> Sample:
    """One draft, drawn at random, of each group and step type, or (`pooled`) of each group: what
    may be counted as independent draws where the groups are. It stands for steps that are drawn by
    first drawing a group."""
    types = len(sample.step_types)
    cell = sample.group if pooled else sample.group * types + sample.type_of
    order = rng.permutation(len(sample))
    _, first = np.unique(cell[order], return_index=True)
    return sample if len(first) == len(sample) else sample.take(np.sort(order[first]))


def folds(group: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Which of `count` folds each draft is in; groups stay whole."""
    _, place = np.unique(group, return_inverse=True)
    dealt = rng.permutation(int(place.max(initial=-1)) + 1) % count
    return np.asarray(dealt[place], dtype=np.int64)
