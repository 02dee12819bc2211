"""Which tokens stand for a label, and when may the engine be asked for just these?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

from rungwise.tiers.local.vllm_tap import Tap

__all__ = ["LabelReads", "tokens_of"]

ENOUGH = 20
"""Alternatives: what vLLM and the hosted APIs give at the most, and few labels are rarer."""

_SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.capitalize, str.upper)


class LabelReads:
    """Label reads on one engine.

    In a step that answers a label read, vLLM's first model runner gives every draft the labels'
    columns and nothing else: a draft that wants alternatives would lose them. So where `apart` is
    set the two never run together: beside such drafts a label read makes do with the likeliest
    tokens, and a draft that wants alternatives first waits for the label reads that run, which
    are a few tokens long.

    Without `named` they all make do with the likeliest tokens: an engine that speculates has no
    columns for named ones, and vLLM's first model runner dies of the question.
    """

    def __init__(self, tokenizer: Any, *, most: int, apart: bool, named: bool = True) -> None:
        self._named = named
        self.most = min(most, ENOUGH)
        """How many tokens are asked for, named ones or the likeliest."""
        self._tokenizer, self._apart = tokenizer, apart
        self._known: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._wide = self._reads = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def admitted(self, tap: Tap, labels: tuple[str, ...]) -> AsyncIterator[None]:
        """Let a draft run, and tell its tap which tokens to ask for."""
        if labels and self._named and not (self._apart and self._wide):
            tap.asked = self._tokens(labels)
        if tap.asked:
            async with self._reading():
                yield
        elif tap.wide and self._apart:
            self._wide += 1
            try:
                await self._idle.wait()
                yield
            finally:
                self._wide -= 1
        else:
            yield

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        self._reads += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._reads -= 1
            if not self._reads:
                self._idle.set()

    def _tokens(self, labels: tuple[str, ...]) -> tuple[int, ...]:
        found = self._known.get(labels)
        if found is None:
            found = self._known[labels] = tokens_of(self._tokenizer, labels)[: self.most]
        return found


def tokens_of(tokenizer: Any, labels: Sequence[str]) -> tuple[int, ...]:
    """The ids of the tokens that begin a label and no other, the plainest spellings first.

    Mostly that is the whole label: as it stands, capitalised, in capitals, each also after a
    space. A small vocabulary may have only the first letters of one.
    """
    plain = [label.strip() for label in labels]
    found: dict[int, None] = {}
    for spell, space in product(_SPELLINGS, ("", " ")):
        for label in plain:
            ids = tokenizer.encode(space + spell(label), add_special_tokens=False)
            if ids and _begins_one(tokenizer.decode([ids[0]]), plain):
                found[ids[0]] = None
    return tuple(found)


def _begins_one(token: str, labels: Sequence[str]) -> bool:
    start = token.strip().casefold()
    return bool(start) and sum(label.casefold().startswith(start) for label in labels) == 1
