"""Labelled answers become readings, and a faulty line of them is named."""

import json
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.calibration.answers import Scoring, read_answers, score_answers
from rungwise.types import StepType
from tests.lab.knowing import KnowingTier

pytestmark = pytest.mark.anyio
STEP_TYPES = tuple(step_type.value for step_type in StepType)


def written(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


async def test_answers_are_scored_as_if_they_had_been_drafted(tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    path = written(
        tmp_path,
        {"prompt": "p", "answer": "this is right", "label": True, "group": "g"},
        {
            "messages": talk,
            "answer": "no a b c d",
            "label": False,
            "reference": False,
            "step_type": "planning",
        },
        {"prompt": "p", "answer": " ", "label": False},
    )
    answers = read_answers(path, STEP_TYPES)
    assert [(m.role, m.text) for m in answers[1].chat.messages] == [("system", "s"), ("user", "u")]
    tier = KnowingTier("t1", [])
    assert isinstance(tier, Scoring)
    first, second, unread = await score_answers(
        tier, answers, ("mean_logprob",), concurrency=2, progress=lambda: None
    )
    assert first is not None and second is not None and unread is None
    assert (first.right, first.readings, first.group) == (True, {"mean_logprob": -0.05}, "g")
    assert (second.right, second.reference, second.step_type) == (False, False, "planning")
    assert second.tokens == 5 and set(second.prefixes) == {4}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"answer": "a", "label": True}, "prompt: give either"),
        ({"prompt": "p", "messages": [], "answer": "a", "label": True}, "prompt: give either"),
        ({"prompt": 3, "answer": "a", "label": True}, "prompt: must be a text"),
        ({"prompt": "p", "label": True}, "answer: is missing"),
        ({"prompt": "p", "answer": "", "label": True}, "answer: is empty"),
        ({"prompt": "p", "answer": "a"}, "label: is missing"),
        ({"prompt": "p", "answer": "a", "label": "right"}, "label: must be true or false"),
        ({"messages": [], "answer": "a", "label": True}, "messages: must be a list"),
        ({"messages": ["u"], "answer": "a", "label": True}, r"messages\.0: must be an object"),
        ({"messages": [{"role": "boss"}], "answer": "a", "label": True}, r"messages\.0\.role"),
        ({"messages": [{"role": "user"}], "answer": "a", "label": True}, r"messages\.0\.content"),
        ({"prompt": "p", "answer": "a", "label": True, "step_type": "x"}, "no step type 'x'"),
    ],
)
def test_a_faulty_line_is_named(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"answers\.jsonl:1: .*{said}"):
        read_answers(written(tmp_path, line), STEP_TYPES)
