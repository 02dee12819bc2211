"""Which steps make the suite? Every family at every difficulty, mixed as the table says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from rungwise.lab.steps import long, short
from rungwise.lab.steps.pools import Pools, Split
from rungwise.lab.steps.step import Step, Task

__all__ = ["MIX", "STEP_TYPES", "SYSTEM", "generate", "make_task"]

SYSTEM = files("rungwise.lab.steps").joinpath("system.txt").read_text("utf-8").rstrip("\n")
"""One agent's system prompt, shared by every step, so that its prefix can be cached."""

_FAMILIES: dict[str, Callable[[Pools, int], Task]] = {
    "classification": short.classification,
    "extraction": short.extraction,
    "format_conversion": short.format_conversion,
    "tool_selection": short.tool_selection,
    "planning": long.planning,
    "code_generation": long.code_generation,
    "summarisation": long.summarisation,
    "multi_step_reasoning": long.multi_step_reasoning,
    "open_chat": short.open_chat,
}
STEP_TYPES = tuple(_FAMILIES)

Mix = Mapping[str, tuple[int, int, int, int, int]]
"""For each step type the weights of the difficulties 1 to 5."""

MIX: Mix = dict.fromkeys(_FAMILIES, (62, 20, 9, 6, 3))
EVEN: Mix = dict.fromkeys(_FAMILIES, (1, 1, 1, 1, 1))

_MAX_TOKENS = {
    "classification": 8,
    "extraction": 96,
    "format_conversion": 96,
    "tool_selection": 96,
    "planning": 224,
    "code_generation": 224,
    "summarisation": 64,
    "multi_step_reasoning": 160,
    "open_chat": 64,
}


def generate(split: Split, count: int, seed: int = 0, mix: Mix = MIX) -> Iterator[Step]:
    """`count` steps of one split, the step types in turn; the same seed gives the same steps."""
    rng = random.Random(f"{split}/{seed}")
    pools = Pools(split, rng)
    seen: set[str] = set()
    made = 0
    while made < count:
        step_type = STEP_TYPES[made % len(STEP_TYPES)]
        (difficulty,) = rng.choices((1, 2, 3, 4, 5), mix[step_type])
        task = make_task(step_type, pools, difficulty)
        if task.user in seen:
            continue
        seen.add(task.user)
        yield _step(f"{split}-{seed}-{made:06d}", split, step_type, difficulty, task)
        made += 1


def make_task(step_type: str, pools: Pools, difficulty: int) -> Task:
    """One task of a family, from the values of one split. KeyError for an unknown step type."""
    return _FAMILIES[step_type](pools, difficulty)


def _step(id: str, split: Split, step_type: str, difficulty: int, task: Task) -> Step:
    messages: tuple[dict[str, Any], ...] = (
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": task.user},
    )
    return Step(
        id=id,
        split=split,
        step_type=step_type,
        difficulty=difficulty,
        messages=messages,
        tools=task.tools,
        response_schema=task.schema,
        answer=task.answer,
        max_tokens=_MAX_TOKENS[step_type],
        checker=task.check,
    )
