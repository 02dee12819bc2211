"""What a classifier of step types says, and which files are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.policy.artefact import packed
from rungwise.policy.classifier import Document, classifier_of, load_classifier
from rungwise.policy.sketch import sketch_of
from rungwise.types import OutputShape, StepType, Tool
from tests.policy.classifiers import ask, document, written

SMALL = classifier_of(Document.model_validate(document()), "small")
SHIPPED = Path(__file__).parents[2] / "models" / "router" / "step-types.json"


def likeliest(text: str, **told: Any) -> tuple[StepType, float] | None:
    return SMALL.likeliest(sketch_of(ask(text, **told)))


def test_a_word_that_it_knows_is_the_step_type_with_its_probability() -> None:
    told = likeliest("summarise")
    assert told is not None and told[0] is StepType.SUMMARISATION
    assert told[1] == pytest.approx(1 / (1 + 2 * np.exp(-5)), rel=1e-3)


def test_words_that_speak_for_two_make_it_unsure_and_it_abstains() -> None:
    assert likeliest("plan extract") is None


def test_where_it_knows_hardly_any_word_it_abstains() -> None:
    assert likeliest("") is None
    assert likeliest("schreibe einen kurzen plan auf deutsch bitte und ganz ohne eile") is None


def test_traits_count_too() -> None:
    told = document(traits={"tools": {"middle": 0, "scale": 1, "weights": [0, 0, 9.0]}})
    able = classifier_of(Document.model_validate(told), "small")
    offered = sketch_of(ask("plan", tools=tuple(Tool(name=name) for name in "abcdef")))
    assert SMALL.likeliest(offered)[0] is StepType.PLANNING  # type: ignore[index]
    assert able.likeliest(offered)[0] is StepType.EXTRACTION  # type: ignore[index]


def test_a_trait_beyond_everything_that_was_seen_says_no_more_than_the_bound() -> None:
    told = {"capitals_count": {"middle": 0, "scale": 0.001, "weights": [0.5, 0, 0]}}
    able = classifier_of(Document.model_validate(document(traits=told)), "small")
    loud, louder = (able.probabilities(sketch_of(ask(f"plan {'A' * n}"))) for n in (10, 1000))
    assert loud is not None and louder is not None and loud == pytest.approx(louder, abs=1e-6)


def test_it_names_itself_by_its_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    name = load_classifier(path).name
    assert name.startswith("words@") and name == load_classifier(path).name


TRAIT = {"middle": 0, "scale": 1, "weights": [0, 0, 0]}


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"format": "rungwise-step-types/9"}, "format"),
        ({"sketch": 99}, "reads sketches of version 99"),
        ({"step_types": ["planning"] * 3}, "one is there twice"),
        ({"step_types": ["planning", "extraction", "dreaming"]}, "step_types.2"),
        ({"step_types": ["planning"]}, "step_types"),
        ({"least": 1.0}, "least"),
        ({"least": float("nan")}, "least"),
        ({"intercepts": [0.0]}, "need 3 numbers"),
        ({"intercepts": [0.0, 0.0, float("inf")]}, "intercepts.2"),
        ({"traits": {"wings": TRAIT}}, "a sketch has no 'wings'"),
        ({"traits": {"tools": TRAIT | {"weights": [0]}}}, "need 3 numbers"),
        ({"traits": {"tools": TRAIT | {"scale": 0}}}, "traits.tools.scale"),
        ({"traits": {"tools": TRAIT | {"scale": 1e-30}}}, "traits.tools.scale"),
        ({"traits": {"tools": TRAIT | {"middle": -1e308}}}, "traits.tools.middle"),
        ({"traits": {"tools": TRAIT | {"weights": [0, 1e308, 0]}}}, "traits.tools.weights.1"),
        ({"intercepts": [0.0, 0.0, 1e308]}, "intercepts.2"),
        ({"weights": packed(np.full((3, 3), 6e4), "<f2")}, "weights: a number is further"),
        ({"buckets": "!"}, "buckets: not base64"),
        ({"buckets": ""}, "must rise, and not be empty"),
        ({"buckets": packed(np.array([3, 2, 1]), "<u2")}, "must rise"),
        ({"buckets": packed(np.array([1, 2]), "<u2")}, "not one row for each bucket"),
        ({"weights": packed(np.full((3, 3), np.nan), "<f2")}, "weights: not a finite"),
        ({"weights": packed(np.zeros(8), "<f2")}, "weights: not whole rows of 3"),
        ({"more": 1}, "more: no such key"),
    ],
)
def test_an_odd_file_is_refused_with_what_is_wrong_and_a_mend(
    told: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    path = written(tmp_path, **told)
    with pytest.raises(ConfigError) as raised:
        load_classifier(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ") and wrong in message
    assert "correct routing.classifier" in message and "\n" not in message


def test_where_a_number_comes_out_as_none_it_abstains(tmp_path: Path) -> None:
    found = load_classifier(written(tmp_path))
    assert found.likeliest(sketch_of(ask("plan"))) is not None
    found.intercepts[0] = np.nan
    assert found.likeliest(sketch_of(ask("plan"))) is None


@given(st.text(max_size=300))
def test_whatever_is_said_it_answers_with_a_probability_or_not_at_all(text: str) -> None:
    told = likeliest(text, shape=OutputShape())
    assert told is None or 0.8 <= told[1] <= 1


# ---- the one that is shipped -----------------------------------------------------------------


def test_the_shipped_one_fits_this_sketch_and_is_small() -> None:
    shipped = load_classifier(SHIPPED)
    assert set(shipped.step_types) == set(StepType)
    assert SHIPPED.stat().st_size < 200_000
    provenance = json.loads(SHIPPED.read_text())["provenance"]
    assert "synthetic" in provenance["data"] and 0.9 <= provenance["right_share"] <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Summarize the following article in two sentences.\n\nThe mayor spoke.", "summarisation"),
        (
            "Write a Python function that parses a date and returns None.",
            "code_generation",
        ),
        ("Extract the name, the date and the amount from the text below.", "extraction"),
        ("Make a plan with milestones to open a library in our town.", "planning"),
        ('Convert this JSON to YAML:\n{"a": 1}', "format_conversion"),
        ("Hello, how are you today?", "open_chat"),
    ],
)
def test_the_shipped_one_knows_plain_words(text: str, expected: str) -> None:
    told = load_classifier(SHIPPED).likeliest(sketch_of(ask(text)))
    assert told is not None and told[0] == expected
