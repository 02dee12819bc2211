"""Which tokens do the demo's models read and write? Words, syllables of names, single digits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

from rungwise.lab.steps import EVEN, SYSTEM
from rungwise.lab.steps.pools import Pools
from rungwise.lab.steps.suite import STEP_TYPES, make_task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["END", "make_tokenizer"]

VOCABULARY = 1024
END = "<|end|>"
SPECIAL = ("<|pad|>", END, "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
MARKS = ("<tool_call>", "</tool_call>")


def make_tokenizer(seed: int = 0) -> PreTrainedTokenizerFast:
    """A byte-level BPE learned on the train split, with digits apart and names in syllables."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[*SPECIAL, *MARKS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=5,
    )
    tokenizer.train_from_iterator(_corpus(seed), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token="<|pad|>",
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    fast.chat_template = _template()
    return fast


def _corpus(seed: int) -> Iterator[str]:
    """Prompts and answers whose names are spelled `Ma|ra`, so that no pair of syllables merges."""
    rng = random.Random(seed)
    pools = Pools("train", rng, joint="|")
    for _ in range(40):
        yield SYSTEM
    for i in range(20_000):
        step_type = STEP_TYPES[i % len(STEP_TYPES)]
        (difficulty,) = rng.choices((1, 2, 3, 4, 5), EVEN[step_type])
        task = make_task(step_type, pools, difficulty)
        yield task.user
        yield task.answer
        for tool in task.tools:
            yield "\n- " + tool["function"]["name"]


def _template() -> str:
    folder = files("rungwise.lab.demo_models")
    return folder.joinpath("chat_template.jinja").read_text("utf-8").rstrip("\n")
