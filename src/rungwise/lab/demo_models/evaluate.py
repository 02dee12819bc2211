"""How often is a model right, greedily? With plain transformers, without a server."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch

from rungwise.lab.steps import MIX, Step, generate
from rungwise.lab.steps.pools import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["accuracy", "answers"]

_CALL = re.compile(
    r"<tool_call>\s*\{\"name\": \"(\w+)\", \"arguments\": (\{.*?\})\}\s*</tool_call>", re.DOTALL
)


def accuracy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    count: int,
    seed: int = 5,
) -> dict[str, float]:
    """Share of right answers, overall and per step type."""
    steps = list(generate(split, count, seed=seed, mix=MIX))
    right: dict[str, list[bool]] = defaultdict(list)
    for step, text in zip(steps, answers(model, tokenizer, steps), strict=True):
        calls = _CALL.findall(text)
        ok = step.check(_CALL.sub("", text).strip() if calls else text, calls)
        right["all"].append(ok)
        right[step.step_type].append(ok)
    return {name: round(sum(oks) / len(oks), 3) for name, oks in right.items()}


@torch.inference_mode()
def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    steps: list[Step],
    batch: int = 48,
) -> list[str]:
    """Greedy answers, in the order of `steps`; batches hold prompts of like step types."""
    model.eval()
    tokenizer.padding_side = "left"
    order = sorted(range(len(steps)), key=lambda i: steps[i].max_tokens)
    found: dict[int, str] = {}
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        prompts = [_prompt(tokenizer, steps[i]) for i in part]
        inputs: dict[str, Any] = tokenizer(prompts, return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        out = model.generate(
            **inputs,
            max_new_tokens=max(steps[i].max_tokens for i in part),
            do_sample=False,
            eos_token_id=1,
            pad_token_id=0,
        )
        for i, ids in zip(part, out[:, inputs["input_ids"].shape[1] :], strict=True):
            kept = [int(t) for t in ids if int(t) not in (0, 1)]
            found[i] = tokenizer.decode(kept)
    model.train()
    return [found[i] for i in range(len(steps))]


def _prompt(tokenizer: PreTrainedTokenizerFast, step: Step) -> str:
    text = tokenizer.apply_chat_template(
        list(step.messages),
        tools=list(step.tools) or None,
        tokenize=False,
        add_generation_prompt=True,
    )
    assert isinstance(text, str)
    return text
