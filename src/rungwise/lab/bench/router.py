"""How long does a plan take? Sketch, forecast, memory, and the choice of what pays, on one core."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rungwise.config import PriceConfig, RoutingConfig, WorthConfig
from rungwise.contracts import Router
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.training.examples import of_ladder
from rungwise.lab.training.fit import fit
from rungwise.policy.choosing import Judged
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Memory
from rungwise.policy.paying import PayingRungs
from rungwise.policy.router import PolicyRouter
from rungwise.policy.shadow import Shadowing
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Chat, Message

__all__ = ["CHARS_PER_TOKEN", "SIZES", "measure", "prompts", "router_of"]

SIZES = (2_000, 32_000)
"""Tokens of the prompt."""
CHARS_PER_TOKEN = 4
"""As a rule, for English."""
WARM = 50
"""Plans before the first that counts."""
SYSTEM = "You answer questions with care. Give the answer first, then why."
PRICES = (0.1, 1.0, 10.0, 20.0, 40.0, 80.0)
"""Dollars for a million tokens, written or read, rung by rung: it is the time that is asked for."""
JUDGED = Judged(reads=True, least=0.9)
"""What the gate of each rung asks."""


def measure(
    ladder: RecordedLadder, count: int, progress: Callable[[], object]
) -> dict[str, object]:
    """`tokens_2000` and `tokens_32000`: milliseconds of one plan, over `count` chats of that size
    whose texts are the ladder's, joined; `with_shadow` the same with another router's plan beside
    each. The predictor is fitted on all rungs of the ladder first.

    Raises TooLittle.
    """
    learnt = of_ladder(ladder, lambda: None)
    router = router_of(fit(learnt.items, ladder.tiers))
    watched = Shadowing(router, router, name="pays")
    texts = [row.prompt for row in ladder.rows]

    def measured(router: Router) -> dict[str, object]:
        return {f"tokens_{size}": _measured(router, texts, size, count, progress) for size in SIZES}

    return {"rungs": len(ladder.tiers), **measured(router), "with_shadow": measured(watched)}


def router_of(difficulty: Difficulty) -> Router:
    """The whole router of `policy: pays`, with a gate on each rung, none of which is asked."""
    config = RoutingConfig()
    tiers = [
        ScriptedTier(
            name, price=PriceConfig(input=price, output=price, cache_read=price), local=False
        )
        for name, price in zip(difficulty.tiers, PRICES, strict=False)
    ]
    expectations = Expectations(tiers)
    return PolicyRouter(
        typer=Typer(config),
        table=Table(tiers, config.step_types),
        memory=Memory(config.affinity, time.time),
        chooser=PayingRungs(
            difficulty,
            expectations,
            WorthConfig(),
            keeps_promise=True,
            judges=lambda tier, step_type: JUDGED,
        ),
    )


def prompts(texts: Sequence[str], tokens: int, count: int, seed: int = 7) -> Iterator[Chat]:
    """A system prompt and one user turn of so many tokens each: texts drawn at random, joined."""
    rng = np.random.default_rng(seed)
    size = tokens * CHARS_PER_TOKEN - len(SYSTEM)
    for _ in range(count):
        parts, length = [], 0
        while length < size:
            part = texts[int(rng.integers(len(texts)))]
            parts.append(part)
            length += len(part) + 2
        turn = "\n\n".join(parts)[-size:]
        yield Chat(messages=(Message(role="system", text=SYSTEM), Message(role="user", text=turn)))


def _measured(
    router: Router, texts: Sequence[str], size: int, count: int, progress: Callable[[], object]
) -> dict[str, object]:
    """By the clock, and by the processor's time alone: what differs is what else the machine did.
    Of the collector, only what these plans make is collected: as in a server that froze what it
    started with."""
    taken, own = [], []
    gc.collect()
    gc.freeze()
    try:
        for place, chat in enumerate(prompts(texts, size, WARM + count)):
            began, begun = time.thread_time(), time.perf_counter()
            router.plan(chat)
            spent, used = time.perf_counter() - begun, time.thread_time() - began
            if place >= WARM:
                taken.append(1000 * spent)
                own.append(1000 * used)
            progress()
    finally:
        gc.unfreeze()
    return {
        **{f"p{q}_ms": float(np.percentile(taken, q)) for q in (50, 99)},
        **{f"processor_p{q}_ms": float(np.percentile(own, q)) for q in (50, 99)},
        "most_ms": max(taken),
        "plans": count,
    }
