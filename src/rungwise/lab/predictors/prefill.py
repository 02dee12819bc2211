"""Does the local model know beforehand? What its own prefill says, which a draft needs anyway.

Of the first answer token: entropy and the probability of the likeliest one; and the last hidden
state there, for a linear probe. For a model as transformers reads it, by its own chat template: so
for a ladder whose lowest rung is that model, such as the demo's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.rows import Row
from rungwise.lab.predictors.candidate import Candidate, Scores, Side, gains
from rungwise.lab.predictors.logistic import fit_linear

__all__ = ["first_token", "prefilled", "probe"]


def prefilled(
    rows: Sequence[Row], folder: Path, progress: Callable[[], object]
) -> tuple[Floats, Floats]:
    """[steps, 2], entropy in nats and highest log-probability; [steps, width], hidden states."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).float()
    model.eval()
    told, states = [], []
    for row in rows:
        messages = [{"role": m.role, "content": m.text} for m in row.chat.messages]
        tools = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in row.tools
        ]
        text = tokenizer.apply_chat_template(
            messages, tools=tools or None, add_generation_prompt=True, tokenize=False
        )
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            out = model(ids, output_hidden_states=True)
        logprobs = torch.log_softmax(out.logits[0, -1].double(), dim=-1)
        told.append([float(-(logprobs.exp() * logprobs).sum()), float(logprobs.max())])
        states.append(out.hidden_states[-1][0, -1].double().numpy())
        progress()
    return np.array(told), np.array(states)


def first_token(told: Floats) -> Candidate:
    """The entropy alone; learns nothing."""

    def learn(known: Side) -> Scores:
        def scores(side: Side) -> Floats:
            return np.asarray(told[side.rows, 0])

        return scores

    return learn


def probe(told: Floats, states: Floats) -> Candidate:
    """A linear probe on the hidden state, with the two numbers: P(right) of either rung, and their
    difference."""

    def learn(known: Side) -> Scores:
        every = np.hstack((told, states))
        middle, scale = every[known.rows].mean(axis=0), every[known.rows].std(axis=0) + 1e-9
        features = (every[known.rows] - middle) / scale
        weak, strong = (
            fit_linear(features, known.right[:, tier], known.weight, freedom=0.01)
            for tier in (0, 1)
        )

        def scores(side: Side) -> Floats:
            held = (every[side.rows] - middle) / scale
            return gains(weak.of(held), strong.of(held))

        return scores

    return learn
