"""Is the best of what fits recommended, over as few GPUs to a copy as hold it?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import carded, named
from rungwise.weights.fit import Wanted
from rungwise.weights.memory import GIB, Precision
from rungwise.weights.places import Place, stated, this_cpu
from rungwise.weights.recommending import (
    Choice,
    Way,
    best,
    choose,
    older_word,
    way,
    ways,
)

CARDS = tuple(shipped().values())
WANTED = Wanted(context=16_384, concurrency=16)


def recommended(told: str | Place, wanted: Wanted = WANTED) -> Way | None:
    place = stated(told) if isinstance(told, str) else told
    return best(list(ways(carded(CARDS), place, wanted)), wanted)


@pytest.mark.parametrize(
    ("gpu", "model", "precision", "tensor", "copies"),
    [
        ("8GiB", "Qwen/Qwen3-4B", "fp8", 1, 1),
        ("24GiB", "google/gemma-4-12B-it", "fp8", 1, 1),
        ("2x24GiB", "google/gemma-4-12B-it", "fp8", 1, 2),
        ("80GiB", "google/gemma-4-12B-it", "bf16", 1, 1),
        ("4x80GiB", "google/gemma-4-12B-it", "bf16", 1, 4),
    ],
)
def test_what_is_recommended(
    gpu: str, model: str, precision: str, tensor: int, copies: int
) -> None:
    few = WANTED if gpu != "8GiB" else Wanted(context=8192, concurrency=4)
    found = recommended(gpu, few)
    assert found is not None and found.state == "fits"
    assert (found.candidate.name, found.fit.precision) == (model, precision)
    assert (found.fit.tensor, found.copies) == (tensor, copies)


def made(model: str, told: str, precision: Precision) -> Way:
    found = way(named(model, CARDS), stated(told), WANTED, precision)
    assert found is not None
    return found


def test_gpus_share_a_copy_only_where_one_cannot_hold_it() -> None:
    shared = made("google/gemma-4-12B-it", "4x24GiB", "bf16")
    beside = made("Qwen/Qwen3-4B", "4x24GiB", "bf16")
    assert (shared.fit.tensor, shared.copies) == (2, 2)
    assert (beside.fit.tensor, beside.copies) == (1, 4)


def test_a_copy_takes_its_share_of_the_requests() -> None:
    one, two = made("Qwen/Qwen3-8B", "80GiB", "bf16"), made("Qwen/Qwen3-8B", "2x80GiB", "bf16")
    assert two.fit.usual * 2 == one.fit.usual and two.requests == 2 * one.requests


def test_what_fits_nowhere_is_not_recommended() -> None:
    assert recommended("1GiB") is None
    assert recommended("24GiB", Wanted(context=300_000, concurrency=1)) is None, "no such context"


def test_a_context_that_a_model_lacks_is_cut_to_what_it_has() -> None:
    found = way(
        named("Qwen/Qwen3-8B", CARDS), stated("80GiB"), Wanted(context=10**6, concurrency=1), "bf16"
    )
    assert found is not None and found.fit.context == 40_960


def test_8_bit_needs_a_gpu_that_can() -> None:
    old = replace(stated("24GiB"), capability=(7, 5))
    assert way(named("Qwen/Qwen3-8B", CARDS), old, WANTED, "fp8") is None
    ampere, hopper = (replace(old, capability=known) for known in ((8, 6), (9, 0)))
    assert way(named("Qwen/Qwen3-8B", CARDS), ampere, WANTED, "fp8") is not None
    assert older_word(hopper) == "" and "8.9" in older_word(stated("24GiB"))
    assert older_word(ampere) == "fp8 only saves memory here (compute capability 8.6)"
    assert "fp8 does not run (compute capability 7.5)" in older_word(old)


def test_what_may_not_be_computed_in_float16_is_not_for_gpus_without_bfloat16() -> None:
    turing, volta = (replace(stated("16GiB"), capability=known) for known in ((7, 5), (7, 0)))
    assert way(named("google/gemma-3-4b-it", CARDS), turing, WANTED, "bf16") is None
    small = way(named("Qwen/Qwen3-1.7B", CARDS), turing, WANTED, "bf16")
    assert small is not None and small.in_float16 and small.state == "fits"
    found = recommended(turing)
    assert found is not None and not found.candidate.name.startswith("google/gemma-3")
    assert recommended(volta) is None and "nothing runs here" in older_word(volta)


def test_what_lacks_something_is_passed_over_and_told() -> None:
    found = list(ways(carded(CARDS), stated("24GiB"), WANTED))
    first = best(found, WANTED)
    assert first is not None

    def without_google(one: Way) -> str | None:
        return "no" if one.candidate.name.startswith("google/") else None

    choice = choose(found, WANTED, without_google)
    assert choice.passed_over == first and choice.why == "no"
    assert choice.way is not None and choice.way.candidate.name == "Qwen/Qwen3-8B"
    assert choose(found, WANTED, lambda one: None) == Choice(way=first)
    assert choose([], WANTED, without_google) == Choice(way=None)


def test_a_cpu_gets_a_small_model_in_16_bit() -> None:
    found = recommended(this_cpu(16 * GIB))
    assert found is not None and found.candidate.name == "Qwen/Qwen3-1.7B"
    assert found.fit.precision == "bf16"


def test_of_a_model_whose_shape_is_not_known_nothing_is_said() -> None:
    unknown = replace(named("Qwen/Qwen3-8B", CARDS), shape=None)
    assert list(ways([unknown], stated("80GiB"), WANTED)) == []
