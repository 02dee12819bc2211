"""How are many fits done at once? In processes that inherit what they work on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

__all__ = ["spread"]

T = TypeVar("T")


def spread(
    work: Callable[[int], T], count: int, *, workers: int, progress: Callable[[], object]
) -> list[T]:
    """`work` of 0 to count - 1, in their order; `progress` is called after each. With one worker it
    is all done here. Results must be picklable, the work itself need not be."""
    found = []
    if workers == 1:
        for number in range(count):
            found.append(work(number))
            progress()
        return found
    told = (work,)
    with ProcessPoolExecutor(workers, get_context("fork"), _inherit, told) as processes:
        for one in processes.map(_do, range(count)):
            found.append(one)
            progress()
    return found


_INHERITED: list[Callable[[int], Any]] = []
"""In a worker: what it does."""


def _inherit(work: Callable[[int], Any]) -> None:
    _INHERITED.append(work)


def _do(number: int) -> Any:
    return _INHERITED[-1](number)
