"""The suite: every gold answer passes its own check, wrong ones do not, splits share nothing."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.steps import EVEN, STEP_TYPES, Split, Step, generate
from rungwise.lab.steps.pools import split_of
from rungwise.lab.steps.program import run_program
from rungwise.types import StepType

SPLITS: tuple[Split, ...] = ("train", "calibration", "test")
CALL = re.compile(r"<tool_call>\n(.*)\n</tool_call>", re.DOTALL)


def calls_of(text: str) -> list[tuple[str, str]]:
    found = [json.loads(call) for call in CALL.findall(text)]
    return [(call["name"], json.dumps(call["arguments"])) for call in found]


def passes(step: Step, text: str) -> bool:
    calls = calls_of(text)
    return step.check("" if calls else text, calls)


@pytest.mark.parametrize("split", SPLITS)
def test_gold_answers_pass_and_other_answers_fail(split: Split) -> None:
    steps = list(generate(split, 450, seed=3, mix=EVEN))
    for step, other in zip(steps, steps[len(STEP_TYPES) :], strict=False):
        assert passes(step, step.answer), step
        assert not passes(step, ""), step
        if other.answer.splitlines()[-1] != step.answer.splitlines()[-1]:
            assert not passes(step, other.answer), (step, other.answer)


def test_every_kind_of_step_has_an_exact_place() -> None:
    assert set(STEP_TYPES) == {step_type.value for step_type in StepType}


def test_the_same_seed_gives_the_same_steps() -> None:
    first, again = (list(generate("test", 60, seed=1)) for _ in range(2))
    assert first == again
    assert [s.id for s in generate("test", 60, seed=2)] != [s.id for s in first]


def test_splits_share_no_name_no_number_no_item() -> None:
    words: dict[str, set[str]] = {}
    prompts: dict[str, set[str]] = {}
    for split in SPLITS:
        steps = list(generate(split, 1800, seed=0, mix=EVEN))
        users = [step.messages[1]["content"] for step in steps]
        prompts[split] = set(users)
        text = " ".join(users)
        words[split] = set(re.findall(r"\b\d{4}\b(?!-)", re.sub(r"\b20[23]\d\b", "", text)))
        names = {
            word
            for word in re.findall(r"\b(?:[A-Z][a-z]+)\b", text)
            if re.fullmatch(r"(?:[BDFGHJKLMNPR][aeiou])(?:[a-z][aiou]){1,2}", word)
            and word not in ("Gives", "Loses", "Get")
        }
        words[split] |= {name for name in names if split_of("name:" + name) == split}
        assert len(words[split]) > 300
        assert all(split_of("name:" + name) == split for name in names), "a foreign name"
    for first, second in (SPLITS[:2], SPLITS[1:], SPLITS[::2]):
        assert not words[first] & words[second]
        assert not prompts[first] & prompts[second]


def test_answers_range_from_one_word_to_long() -> None:
    lengths = [len(step.answer.split()) for step in generate("test", 900, mix=EVEN)]
    assert min(lengths) == 1 and max(lengths) >= 80


def test_any_valid_order_of_a_plan_is_right() -> None:
    for step in generate("test", 200, mix=EVEN):
        if step.step_type == "planning" and step.difficulty == 1:
            first, second, third = re.findall(r": (\w+)", step.answer)
            assert passes(step, f"Step 1: {first}, x\nStep 2: {second}, y\nStep 3: {third}, z")
            assert not passes(step, f"Step 1: {second}, x\nStep 2: {first}, y\nStep 3: {third}, z")
            assert not passes(step, f"Step 1: {first}, x\nStep 2: {second}, y")


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("def f(x):\n    return x + 1", 8),
        ("def f(x):\n    x += 2\n    return -x * 3", -27),
        ("def f(y):\n    if y > 3:\n        return 1\n    else:\n        return 2", 1),
        ("def f(x):\n    return __import__('os').getpid()", None),
        ("def f(x):\n    while True: pass", None),
        ("def f(x):\n    return x ** 9999", None),
        ("def f(x):\n    return z", None),
        ("def g(x):\n    return x", None),
        ("import os\ndef f(x):\n    return x", None),
        ("def f(x):\n    pass", None),
        ("def f(x:", None),
        ("(" * 3000, None),
        ("def f(x):\n    return True", None),
    ],
)
def test_programs_are_interpreted_and_never_executed(source: str, result: int | None) -> None:
    assert run_program(source, "f", 7) == result


@given(st.text(max_size=200))
def test_no_text_breaks_a_checker(text: str) -> None:
    for step in generate("test", len(STEP_TYPES)):
        assert step.check(text, [("f", text)]) is False
