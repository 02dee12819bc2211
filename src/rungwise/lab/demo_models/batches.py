"""How do samples become batches? Packed rows, each sample blind to its neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rungwise.lab.demo_models.tokenizer import END
from rungwise.lab.steps import SYSTEM
from rungwise.lab.steps.pools import Pools
from rungwise.lab.steps.suite import STEP_TYPES, make_task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Batch", "Sample", "batches", "make_samples"]

TRAIN_MIX = (34, 24, 18, 14, 10)
FAMILY_WEIGHTS = {
    "multi_step_reasoning": 8,
    "code_generation": 2,
    "extraction": 3,
    "format_conversion": 2,
    "planning": 3,
    "summarisation": 3,
}
"""Arithmetic and copying take the longest to learn."""
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Sample:
    """Token ids of one step. `head` is what follows the shared system text: tools and end."""

    head: tuple[int, ...]
    prompt: tuple[int, ...]
    answer: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """All of shape [rows, length], the mask [rows, 1, length, length] as 0 or -inf."""

    ids: torch.Tensor
    positions: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    mask: torch.Tensor


def make_samples(tokenizer: PreTrainedTokenizerFast, count: int, seed: int) -> list[Sample]:
    """`count` steps of the train split, all difficulties, tokenised."""
    rng = random.Random(seed)
    pools = Pools("train", rng)
    weights = [FAMILY_WEIGHTS.get(name, 1) for name in STEP_TYPES]
    tasks = []
    for step_type in rng.choices(STEP_TYPES, weights, k=count):
        (difficulty,) = rng.choices((1, 2, 3, 4, 5), TRAIN_MIX)
        tasks.append(make_task(step_type, pools, difficulty))
    tools = [
        "\n\nTools:"
        + "".join(
            f"\n- {t['function']['name']}({', '.join(t['function']['parameters']['properties'])})"
            for t in task.tools
        )
        if task.tools
        else ""
        for task in tasks
    ]
    heads = tokenizer([text + END for text in tools])["input_ids"]
    prompts = tokenizer([f"<|user|>{task.user}{END}<|assistant|>" for task in tasks])["input_ids"]
    answers = tokenizer([task.answer + END for task in tasks])["input_ids"]
    return [
        Sample(tuple(h), tuple(p), tuple(a))
        for h, p, a in zip(heads, prompts, answers, strict=True)
    ]


def batches(
    tokenizer: PreTrainedTokenizerFast,
    samples: Sequence[Sample],
    *,
    rows: int,
    length: int,
    system: bool,
    seed: int,
) -> Iterator[Batch]:
    """Endless batches. With `system` every row opens with the shared system prompt, once."""
    start = tokenizer("<|system|>" + SYSTEM)["input_ids"] if system else []
    opening = tokenizer("<|system|>")["input_ids"]
    rng = random.Random(seed)
    order: list[Sample] = []
    while True:
        packed = []
        for _ in range(rows):
            row: list[tuple[list[int], int]] = []
            used = len(start)
            while True:
                if not order:
                    order = list(samples)
                    rng.shuffle(order)
                sample = order[-1]
                head = list(sample.head) if system else [*opening, *sample.head]
                if not system and len(sample.head) == 1:
                    head = []
                ids = head + list(sample.prompt) + list(sample.answer)
                if used + len(ids) > length:
                    if not row:
                        raise ValueError(f"a sample of {len(ids)} tokens fits no row of {length}")
                    break
                order.pop()
                row.append((ids, len(sample.answer)))
                used += len(ids)
            packed.append(row)
        yield _batch(start, packed, length)


def _batch(start: list[int], packed: list[list[tuple[list[int], int]]], length: int) -> Batch:
    rows = len(packed)
    ids = torch.zeros(rows, length, dtype=torch.long)
    positions = torch.zeros(rows, length, dtype=torch.long)
    labels = torch.full((rows, length), IGNORED)
    weights = torch.zeros(rows, length)
    owner = torch.full((rows, length), -1)
    for r, row in enumerate(packed):
        at = len(start)
        ids[r, :at] = torch.tensor(start, dtype=torch.long)
        positions[r, :at] = torch.arange(at)
        owner[r, :at] = 0
        for k, (sample, answer) in enumerate(row, start=1):
            end = at + len(sample)
            ids[r, at:end] = torch.tensor(sample)
            positions[r, at:end] = torch.arange(len(start), len(start) + len(sample))
            owner[r, at:end] = k
            # the token before each answer token predicts it
            labels[r, end - answer - 1 : end - 1] = torch.tensor(sample[-answer:])
            weights[r, end - answer - 1 : end - 1] = answer**-0.5
            at = end
    same = owner[:, :, None] == owner[:, None, :]
    shared = (owner[:, None, :] == 0) & (owner[:, :, None] > 0)
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    seen = (same | shared) & causal
    mask = torch.zeros(rows, 1, length, length).masked_fill_(~seen[:, None], -30000.0)
    return Batch(ids, positions, labels, weights, mask)
