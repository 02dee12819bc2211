"""What the demo prints to try is a request that every one of its rungs can answer."""

import json
import shlex
from pathlib import Path

import pytest
import yaml
from tests.demo.test_standin import standing_in

from rungwise.build import build_ladder
from rungwise.config import load
from rungwise.demo.example import EXAMPLE, curl, to_try
from rungwise.demo.ladder import STANDIN_KEY, STANDIN_KEY_ENV, with_standin
from rungwise.demo.standin import CONTEXT
from rungwise.drafts import collect
from rungwise.edge.names import Names
from rungwise.edge.openai_wire import read_chat
from rungwise.edge.page import PAGE_PATHS
from rungwise.lab.steps import generate
from rungwise.tiers.scripted import ScriptedTier, say

CONFIG = Path(__file__).parents[2] / "configs/demo.yaml"


def printed() -> bytes:
    """The body that curl sends."""
    program, url, *options = shlex.split(curl("http://127.0.0.1:8080"))
    assert (program, url) == ("curl", "http://127.0.0.1:8080/v1/chat/completions")
    assert options[:3] == ["-H", "content-type: application/json", "-d"]
    return options[3].encode()


def test_the_printed_command_carries_the_example() -> None:
    assert json.loads(printed()) == EXAMPLE


def test_it_says_where_to_look() -> None:
    url = "http://127.0.0.1:8080"
    (line,) = [line for line in to_try(url).splitlines() if line.startswith("look: ")]
    assert line.removeprefix(f"look: {url}") in PAGE_PATHS
    assert curl(url) in to_try(url)


@pytest.mark.anyio
@pytest.mark.parametrize("rung", ["tier2", "tier3"])
async def test_every_hosted_rung_leaves_room_for_the_question(rung: str, tmp_path: Path) -> None:
    behind = ScriptedTier("behind", say("billing"))
    async with standing_in(behind) as url:
        config = tmp_path / "demo.yaml"
        config.write_text(yaml.safe_dump(with_standin(CONFIG, url, tmp_path / "l.db")))
        ladder = build_ladder(load(config, {STANDIN_KEY_ENV: STANDIN_KEY}))
        chat = read_chat(printed(), {}, Names(ladder)).chat
        tier = next(tier for tier in ladder if tier.name == rung)
        await tier.start()
        try:
            pieces = [piece async for piece in tier.draft(chat, read=False)]
        finally:
            await tier.stop()
    assert collect(pieces)[0].text == "billing"
    asked = behind.chats[0].sampling.max_tokens
    assert asked is None or asked <= CONTEXT // 2


def test_its_words_are_the_suites() -> None:
    (message,) = EXAMPLE["messages"]  # type: ignore[misc]
    told = message["content"].replace("Mara", "")  # type: ignore[index]
    users = [step.messages[-1]["content"] for step in generate("train", 900)]
    shapes = {user.replace(user.split()[1], "", 1) for user in users if user.startswith("Classify")}
    assert told in shapes
