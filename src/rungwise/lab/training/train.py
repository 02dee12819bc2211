"""How does what was recorded become a predictor of difficulty, and is it shown that it helps?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rungwise.errors import ConfigError
from rungwise.lab.training.examples import Examples
from rungwise.lab.training.fit import Example, TooLittle, fit
from rungwise.lab.training.out_of_fold import Foreseen, Part, foresee, parts
from rungwise.lab.training.report import Learning, RouterReport, learning_point, report
from rungwise.policy.difficulty import Difficulty

__all__ = ["LEAST", "SHARES", "Options", "Trained", "check_enough", "fits", "train"]

LEAST = 100
"""Labels of each tier without which nothing is learnt; a tenth of them right, a tenth wrong."""
SHARES = (0.25, 0.5)
"""Of the labels, to see what more of them would bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    folds: int = 5
    seed: int = 0
    least: int = LEAST
    shares: Sequence[float] = SHARES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    difficulty: Difficulty
    report: RouterReport
    foreseen: Foreseen


def fits(options: Options) -> int:
    """How often something is fitted: what `progress` of `train` counts."""
    return options.folds * (1 + len(options.shares)) + 1


def train(examples: Examples, options: Options, progress: Callable[[], object]) -> Trained:
    """Raises ConfigError with too little to learn from, and says how much more is needed."""
    check_enough(examples, options)
    every = parts(examples.items, count=options.folds, seed=options.seed)
    try:
        foreseen = _foreseen(examples, options, every, progress)
    except TooLittle as error:
        raise ConfigError(_too_little(examples, every, error)) from None
    learning = [_learned(examples, options, share, progress) for share in options.shares]
    learning.append(learning_point(foreseen, 1.0, _mean_known(every)))
    told = report(foreseen, learning=learning, notes=examples.notes)
    difficulty = fit(
        examples.items,
        examples.tiers,
        data=examples.source,
        seed=options.seed,
        days=examples.days,
    )
    progress()
    return Trained(difficulty=difficulty, report=told, foreseen=foreseen)


def _foreseen(
    examples: Examples, options: Options, by: Sequence[Part], progress: Callable[[], object]
) -> Foreseen:
    fitted = partial(fit, tiers=examples.tiers, seed=options.seed)
    return foresee(examples.items, examples.tiers, fitted, by=by, progress=progress)


def _mean_known(by: Sequence[Part]) -> int:
    return round(sum(len(part.known) for part in by) / len(by))


def _too_little(examples: Examples, by: Sequence[Part], error: TooLittle) -> str:
    fewest = min(len(part.known) for part in by)
    largest = max(Counter(item.group for item in examples.items).values())
    return (
        f"too little to learn from with groups held back: {fewest} of {len(examples.items)} steps "
        f"are left (the largest group has {largest}): {error}"
    )


def _learned(
    examples: Examples, options: Options, share: float, progress: Callable[[], object]
) -> Learning:
    """Where so few are too few, that is a point of the curve, too: without a figure."""
    left = iter(range(options.folds))
    by = parts(examples.items, count=options.folds, seed=options.seed, share=share)
    count = _mean_known(by)

    def made() -> None:
        next(left)
        progress()

    try:
        return learning_point(_foreseen(examples, options, by, made), share, count)
    except TooLittle:
        for _ in left:
            progress()
        return Learning(share=share, examples=count, apgr={})


def check_enough(examples: Examples, options: Options) -> None:
    """Raises ConfigError that says of which tier how many more are needed, and of which kind, and
    what was left out; or that there are too few groups to hold any back."""
    items, least = examples.items, options.least
    lacks = [lack for tier in examples.tiers for lack in _lacks(items, tier, least)]
    if lacks:
        raise ConfigError(f"too little to learn from: {'; '.join((*lacks, *examples.left_out))}")
    groups = len({item.group for item in items})
    if groups == 1:
        raise ConfigError(
            f"all {len(items)} steps are one group (the same `group`, nearly the same text, or "
            "joined by their conversations): none can be held back to measure on; add others"
        )
    if groups < options.folds:
        raise ConfigError(
            f"--folds: {options.folds} folds cannot be made of {groups} groups, which stay whole; "
            f"say --folds {groups}, or add steps of other groups"
        )


def _lacks(items: Sequence[Example], tier: str, least: int) -> list[str]:
    labels = [float(item.right[tier]) for item in items if tier in item.right]
    right, each = sum(labels), -(-least // 10)
    found = []
    if len(labels) < least:
        found.append(f"{tier} has {len(labels)} labels, {least - len(labels)} more are needed")
    for kind, count in (("right", right), ("wrong", len(labels) - right)):
        if count < each:
            more = max(1, round(each - count))
            found.append(f"{tier} has {count:.0f} labels that are {kind}, {more} more are needed")
    return found
