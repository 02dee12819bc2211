"""From drafts to a calibration file, on a scripted tier whose sureness tells the truth."""

import json
import random
from pathlib import Path

import pytest

from rungwise.confidence.calibration import load_calibration
from rungwise.errors import ConfigError
from rungwise.lab.calibrate import calibrate, draft_and_label, quality
from rungwise.lab.chats import chat_of
from rungwise.lab.fit import Labelled
from rungwise.lab.steps import Step, generate
from rungwise.tiers.scripted import Script, ScriptedTier, call, say
from rungwise.types import Chat

pytestmark = pytest.mark.anyio
SIGNALS = ("mean_logprob", "worst_window_logprob")


def knowing_tier(steps: list[Step]) -> ScriptedTier:
    """Answers rightly three times in four, and is less sure when it does not."""
    answers = {step.messages[1]["content"]: step for step in steps}
    rng = random.Random(0)

    def write(chat: Chat) -> Script:
        step = answers[chat.messages[1].text]
        right = rng.random() < 0.75
        logprob = -abs(rng.gauss(0.05, 0.1)) if right else -abs(rng.gauss(1.5, 0.6))
        if step.tools:
            made = json.loads(
                step.answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
            )
            arguments = made["arguments"] if right else {}
            return call(made["name"], json.dumps(arguments), logprob=logprob)
        return say(step.answer if right else "wrong", logprob=logprob)

    return ScriptedTier("t1", write)


async def labelled(count: int, seed: int) -> list[Labelled]:
    steps = list(generate("calibration", count, seed=seed))
    done: list[int] = []
    found = await draft_and_label(
        knowing_tier(steps), steps, SIGNALS, concurrency=8, progress=lambda: done.append(1)
    )
    assert len(done) == count
    return found


async def test_a_tier_that_knows_when_it_is_right_gets_a_useful_threshold(tmp_path: Path) -> None:
    data = await labelled(900, 0)
    assert 0.7 < sum(item.right for item in data) / len(data) < 0.8
    fitted = calibrate(
        data,
        name="c",
        model="scripted",
        signals=SIGNALS,
        source="test",
        max_loss=0.02,
        confidence=0.95,
    )
    assert fitted.threshold is not None
    path = tmp_path / "c.json"
    path.write_text(fitted.model_dump_json())
    again = load_calibration(path, model="scripted")
    measured = quality(again, await labelled(450, 1))
    assert measured["auroc"] > 0.95  # type: ignore[operator]
    assert measured["accepted_share"] > 0.5  # type: ignore[operator]
    assert measured["loss"] < 0.03  # type: ignore[operator]
    assert measured["ece"] < 0.06  # type: ignore[operator]


async def test_too_little_data_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 100 are needed"):
        calibrate(
            await labelled(45, 0),
            name="c",
            model="m",
            signals=SIGNALS,
            source="test",
            max_loss=0.02,
            confidence=0.95,
        )


async def test_drafts_without_logprobs_are_left_out() -> None:
    steps = list(generate("calibration", 9))
    silent = ScriptedTier("t1", say("no idea"))
    assert await draft_and_label(silent, steps, SIGNALS, concurrency=4, progress=lambda: None) == []


def test_a_step_becomes_a_chat_with_everything_it_needs() -> None:
    for step in generate("test", 9):
        chat = chat_of(step)
        assert [m.text for m in chat.messages] == [m["content"] for m in step.messages]
        assert len(chat.tools) == len(step.tools)
        assert (chat.shape is not None) is (step.response_schema is not None)
        assert chat.sampling.max_tokens == step.max_tokens
