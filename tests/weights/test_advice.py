"""Is only said to help what would?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.advice import advice
from rungwise.weights.candidates import Candidate, carded, named
from rungwise.weights.fit import Wanted
from rungwise.weights.memory import GIB
from rungwise.weights.places import Place, present, stated, this_cpu
from tests.weights.folders import folder
from tests.weights.test_places import gpu

CARDS = tuple(shipped().values())
WANTED = Wanted(context=16_384, concurrency=16)


def said(place: Place, *models: Candidate, wanted: Wanted = WANTED) -> str:
    return " ".join(advice(models or carded(CARDS), [place], wanted))


def test_less_is_asked_for_where_less_would_fit() -> None:
    assert said(stated("8GiB"), wanted=replace(WANTED, concurrency=5000)) == (
        "Ask for a smaller --context or --concurrency."
    )
    assert said(stated("1GiB")) == "State a larger --gpu, or name a smaller model."
    assert "--gpu 24GiB" in said(this_cpu(GIB // 4))


def test_a_gpu_that_is_in_use_is_named() -> None:
    (busy,) = present([gpu(0, 24, 0.2)])
    assert said(busy) == (
        "H100, 24 GiB: only 0% of its memory is free for an engine, 0.0 GiB; end what else uses it."
    )


def test_a_model_s_own_context_bounds_what_can_be_asked_for() -> None:
    model = named("Qwen/Qwen3-8B", CARDS)
    told = said(stated("80GiB"), model, wanted=Wanted(context=50_000, concurrency=1))
    assert told == "None of them has so long a context: ask for --context 40960 or less."


@pytest.mark.parametrize(
    ("dtype", "more", "words"),
    [
        ("BF16", {"num_attention_heads": 0}, "it is not known what memory it needs"),
        ("I32", {"quantization_config": {"quant_method": "gptq"}}, "is kept in gptq"),
    ],
)
def test_of_what_is_not_known_that_is_said(
    tmp_path: Path, dtype: str, more: dict[str, object], words: str
) -> None:
    model = named(str(folder(tmp_path / "m", dtype, **more)), CARDS)
    assert words in said(stated("80GiB"), model)


def test_gpus_that_are_too_old() -> None:
    old = replace(stated("80GiB"), capability=(7, 0))
    assert said(old) == "These GPUs are older than what vLLM is built for."
