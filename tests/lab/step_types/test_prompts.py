"""Which prompts the classifier of step types is learned from."""

from __future__ import annotations

import re
from collections import Counter

from rungwise.lab.step_types.prompts import prompts
from rungwise.types import StepType

FOUND = list(prompts(each=3))


def test_the_same_seed_gives_the_same_prompts_and_another_gives_others() -> None:
    assert list(prompts(each=1)) == list(prompts(each=1))
    assert list(prompts(each=1)) != list(prompts(1, each=1))


def test_every_template_and_every_difficulty_of_the_suite_is_there_as_often() -> None:
    counts = Counter((prompt.source, prompt.template) for prompt in FOUND)
    assert set(counts.values()) == {3}
    written = {template for source, template in counts if source == "written"}
    suite = {template for source, template in counts if source == "suite"}
    assert len(suite) == 5 * len(StepType) and len(written) >= 30 * len(StepType)
    for step_type in StepType:
        assert sum(template.startswith(f"{step_type.value}/") for template in written) >= 30


def test_no_slot_is_left_open() -> None:
    for prompt in FOUND:
        assert not re.search(r"\{[a-z]+\}", prompt.chat.messages[-1].text), prompt


def test_tools_and_schemas_are_offered_to_steps_of_every_type() -> None:
    for step_type in StepType:
        found = [prompt.chat for prompt in FOUND if prompt.step_type is step_type]
        tools = sum(bool(chat.tools) for chat in found) / len(found)
        shapes = sum(chat.shape is not None for chat in found) / len(found)
        assert 0 < tools < 1 and 0 < shapes < 1, step_type


def test_nothing_but_the_words_of_the_suite_tells_its_steps_apart() -> None:
    suite = [prompt.chat for prompt in FOUND if prompt.source == "suite"]
    assert all(chat.wish.step_type is None for chat in suite)
    assert len({chat.sampling.max_tokens for chat in suite}) == 4


def test_it_is_spelt_in_both_ways() -> None:
    told = " ".join(prompt.chat.messages[-1].text for prompt in FOUND).lower()
    for here, there in (("summarise", "summarize"), ("categorise", "categorize")):
        assert here in told and there in told
