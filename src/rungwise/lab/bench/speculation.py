"""Does an engine that guesses tokens ahead write, and read, what it would without?

A gate trusts log-probabilities, so they must be those of the model that is asked, for every token,
whoever guessed it. One engine that does not guess is set against one for each way of guessing: by
greedy drafts, token by token, and by what is sampled at temperature 1.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rungwise.config import EngineConfig, SpeculativeConfig, VllmTierConfig
from rungwise.drafts import collect
from rungwise.lab.chats import chat_of
from rungwise.lab.steps import Step, generate
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Chat, Piece, Sampling

__all__ = ["GUESSED", "Drafts", "compared", "drafts_of", "engine_of", "measure_speculation"]

GUESSED = 4
"""Tokens at once."""
RIVALS = 2
"""Likeliest tokens that are read beside each."""
UNLIKELY = -9.0
"""A model at temperature 1 samples a token under this log-probability once in thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One draft: what it says, what was read of it, and how many tokens it has."""

    said: tuple[str, ...]
    readings: tuple[float | None, ...]
    rivals: tuple[tuple[float, ...], ...]
    tokens: int
    forced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Of one engine: greedy one at a time, greedy all at once, and sampled."""

    alone: tuple[Drafted, ...]
    together: tuple[Drafted, ...]
    sampled: tuple[Drafted, ...]


def measure_speculation(arguments: argparse.Namespace) -> dict[str, object]:
    """Three engines, one after another."""
    return asyncio.run(_measured(arguments))


async def _measured(arguments: argparse.Namespace) -> dict[str, object]:
    steps = list(generate("test", arguments.steps, seed=6))
    ways = {
        "ngram": SpeculativeConfig(method="ngram", tokens=GUESSED),
        "draft_model": SpeculativeConfig(
            method="draft_model", tokens=GUESSED, model=str(arguments.guesser)
        ),
    }
    found: dict[str, Drafts] = {}
    for name, way in (("plain", None), *ways.items()):
        tier = VllmTier(engine_of(arguments.model, way, dtype=arguments.dtype))
        await tier.start()
        try:
            found[name] = await drafts_of(tier, steps)
        finally:
            await tier.stop()
    plain = found.pop("plain")
    return {
        "model": arguments.model.name,
        "guesser": arguments.guesser.name,
        "dtype": arguments.dtype,
        "guessed_at_once": GUESSED,
        "steps": len(steps),
        "plain": {"sampled": _sampled(plain.sampled), "alone_and_together": _set(plain)},
        **{name: compared(plain, guessing) for name, guessing in found.items()},
    }


def engine_of(
    model: Path, way: SpeculativeConfig | None, *, dtype: str = "float32"
) -> VllmTierConfig:
    return VllmTierConfig(
        name="tier1",
        kind="vllm",
        model=str(model),
        engine=EngineConfig.model_validate(
            {
                "dtype": dtype,
                "max_model_len": 2048,
                "max_num_seqs": 16,
                "kv_cache_gib": 1.0,
                "enforce_eager": True,
                "tool_parser": "hermes",
                "speculative": way,
            }
        ),
    )


# ---- what is drafted -------------------------------------------------------------------------


async def drafts_of(tier: VllmTier, steps: Sequence[Step]) -> Drafts:
    chats = [chat_of(step) for step in steps]
    plain = [chat for chat in chats if chat.shape is None and not chat.tools]
    return Drafts(
        alone=tuple([await _draft(tier, chat) for chat in chats]),
        together=tuple(await asyncio.gather(*(_draft(tier, chat) for chat in chats))),
        sampled=tuple([await _draft(tier, _warm(chat)) for chat in plain]),
    )


def _warm(chat: Chat) -> Chat:
    return Chat(messages=chat.messages, sampling=Sampling(max_tokens=32, temperature=1.0))


async def _draft(tier: VllmTier, chat: Chat) -> Drafted:
    drafting = tier.draft(chat, read=True, likeliest=RIVALS)
    pieces: list[Piece] = [piece async for piece in drafting]
    (choice,) = collect(pieces)
    calls = [part for call in choice.tool_calls for part in (call.name, call.arguments)]
    return Drafted(
        said=(choice.text, *calls),
        readings=tuple(value for piece in pieces for value in piece.logprobs),
        rivals=tuple(row for piece in pieces for row in piece.likeliest),
        tokens=drafting.spent().usage.output,
        forced=sum(piece.forced for piece in pieces),
    )


# ---- what came of it -------------------------------------------------------------------------


def compared(plain: Drafts, guessing: Drafts) -> dict[str, object]:
    return {
        "alone": _compared(plain.alone, guessing.alone),
        "together": _compared(plain.together, guessing.together),
        "sampled": _sampled(guessing.sampled),
    }


def _set(plain: Drafts) -> Mapping[str, object]:
    """How far an engine differs from itself: what else runs in a step changes its sums."""
    return _compared(plain.alone, plain.together)


def _compared(plain: Sequence[Drafted], other: Sequence[Drafted]) -> dict[str, object]:
    """Differences are of drafts that say the same, place by place; in nats."""
    pairs = list(zip(plain, other, strict=True))
    same = [(a, b) for a, b in pairs if a.said == b.said and a.tokens == b.tokens]
    read = [(x, y) for a, b in same for x, y in zip(a.readings, b.readings, strict=True)]
    rivals = [
        (x, y)
        for a, b in same
        for row, its in zip(a.rivals, b.rivals, strict=True)
        for x, y in zip(row, its, strict=True)
    ]
    return {
        "drafts": len(pairs),
        "the_same": len(same),
        "tokens_read": len(read),
        "most_difference": _most(read),
        "most_difference_of_likeliest": _most(rivals),
        "tokens_without_reading": sum(d.tokens - d.forced - len(d.readings) for d in other),
        "out_of_order": sum(
            high < low for d in other for row in d.rivals for high, low in pairwise(row)
        ),
    }


def _most(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    gaps = [abs(x - y) for x, y in pairs if x is not None and y is not None]
    return max(gaps, default=None)


def _sampled(drafts: Sequence[Drafted]) -> dict[str, object]:
    """Right sampling shows in what the model itself thinks of the tokens."""
    values = [value for draft in drafts for value in draft.readings if value is not None]
    unlikely = sum(value < UNLIKELY for value in values)
    return {
        "drafts": len(drafts),
        "tokens": len(values),
        "mean_logprob": sum(values) / len(values) if values else None,
        "share_of_unlikely_tokens": unlikely / len(values) if values else None,
    }
