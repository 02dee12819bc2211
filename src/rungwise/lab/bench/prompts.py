"""What are the servers of a measurement asked? Steps of the suite, or made-up prompts of a length.

Made-up prompts are new in every round, so that a prefix cache helps with the shared prefix and
with nothing else. All servers are asked the same in a round; those that share an engine are told
apart by `cache_salt`, so that none finds in the cache what another has read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from rungwise.lab.bench.rung_drafts import words
from rungwise.lab.steps import Step, generate

__all__ = ["PROSE", "Asks", "MadeUp", "Prompt", "Suite", "bodies_of", "prose", "words_per_token"]

PROSE = ("planning", "code_generation", "summarisation", "open_chat")
"""Without worked sums: the small model gets them wrong, and such drafts would climb."""


class Asks(Protocol):
    """One request, in the OpenAI protocol's shape."""

    @property
    def messages(self) -> Sequence[Mapping[str, object]]: ...
    @property
    def step_type(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    messages: tuple[Mapping[str, object], ...]
    step_type: str = "open_chat"


@dataclass(frozen=True, slots=True)
class Suite:
    """The suite's own steps, the same in every round: after the first all that they begin with is
    in the prefix cache, of every server alike."""

    def of_round(self, number: int, count: int) -> Sequence[Asks]:
        return prose(96)

    def told(self) -> dict[str, object]:
        return {"prompts": "steps of the suite, in the prefix cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """`tokens` of made-up words, about; before them a system prompt of `shared` tokens, about, that
    all requests have in common (0: none)."""

    tokens: int
    shared: int
    words_per_token: float

    def of_round(self, number: int, count: int) -> Sequence[Asks]:
        """Numbers from -1: the round that warms up."""
        size = max(1, round(self.tokens * self.words_per_token))
        prefix = self._prefix()
        first = (number + 2) * 1_000_000
        return [
            Prompt((*prefix, {"role": "user", "content": words(seed=first + i, count=size)}))
            for i in range(count)
        ]

    def told(self) -> dict[str, object]:
        return {"prompts": "made up, new in every round", "shared_prefix": self.shared}

    def _prefix(self) -> tuple[Mapping[str, object], ...]:
        if not self.shared:
            return ()
        text = words(seed=self.shared, count=max(1, round(self.shared * self.words_per_token)))
        return ({"role": "system", "content": text},)


def prose(count: int) -> list[Step]:
    """Steps of the suite that are answered in prose: some hundred shared tokens of system prompt,
    answers of up to 200."""
    steps = (step for step in generate("test", 4 * count, seed=3) if step.step_type in PROSE)
    return list(islice(steps, count))


def bodies_of(
    asked: Sequence[Asks],
    *,
    model: str,
    stream: bool,
    max_tokens: int,
    typed: bool,
    salt: str | None,
) -> list[bytes]:
    """Greedy, so that every server writes the same. `typed` says the step type, which only this
    project's server reads."""
    shared = {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": 0.0,
        "stream": stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
        **({} if salt is None else {"cache_salt": salt}),
    }
    return [
        json.dumps(
            {
                **shared,
                "messages": list(one.messages),
                **({"metadata": {"step_type": one.step_type}} if typed else {}),
            }
        ).encode()
        for one in asked
    ]


def words_per_token(model: Path) -> float:
    """How many of the made-up words make one token of this model's."""
    from tokenizers import Tokenizer

    count = 1000
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    return count / len(tokenizer.encode(words(seed=0, count=count)).ids)
