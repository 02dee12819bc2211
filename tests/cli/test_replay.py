"""`rungwise replay` reads a ledger that a server wrote, and leaves it alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rungwise.config import PriceConfig
from rungwise.lab.training.fit import Example, fit
from rungwise.ledger.sql import SqliteLedger
from rungwise.policy.sketch import sketch_of
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Chat, Message, Outcome, StepType
from tests.cli.test_main import one_line_error, rungwise
from tests.served import hosted, served

SURE = say("a sure answer", logprob=-0.01)
DOUBTFUL = say("a doubtful answer", logprob=-3.0)
PRICE = PriceConfig(input=1, output=10)
PRICES = ", price: {input: 1, output: 10}"
CONFIG = """
gates: [{tier: low, calibration: beginning.json, hold: whole, early: false}]
routing: {affinity: {enabled: false}, step_types: {open_chat: {start: low}}}
ledger: {path: ledger.db}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps: two sure ones, and two that climbed. The rungs are scripted where they are
    served, and hosted ones where they are replayed: nothing is asked of those."""
    folder = tmp_path_factory.mktemp("replay")
    drafts = (SURE, DOUBTFUL, SURE, DOUBTFUL)
    low = ScriptedTier("low", *drafts, model="small", local=False, price=PRICE)
    top = ScriptedTier("top", say("better"), model="large", local=False, price=PRICE)

    async def fill() -> None:
        async with served(folder, low, top, config=CONFIG) as server:
            answers = [await server.ask() for _ in range(4)]
        ledger = SqliteLedger(folder / "ledger.db")
        await ledger.start()
        for number, answer in enumerate(answers):
            await ledger.label(answer.completion.id, Outcome(right=number != 3))
        await ledger.stop()

    asyncio.run(fill())
    rungs = [
        hosted("low", "http://127.0.0.1:9", model="small", more=PRICES),
        hosted("top", "http://127.0.0.1:9", model="large", more=PRICES),
    ]
    (folder / "replay.yaml").write_text(
        "\n".join(["tiers:", *(f"  - {rung}" for rung in rungs), CONFIG])
    )
    return folder


def told_of(folder: Path, *arguments: str) -> dict[str, Any]:
    done = rungwise(
        *("replay", "--config", str(folder / "replay.yaml"), "--json", str(folder / "r.json")),
        *arguments,
    )
    assert done.returncode == 0, done.stderr
    assert "rest on recorded drafts alone" in done.stdout
    found: dict[str, Any] = json.loads((folder / "r.json").read_text())
    return found


def test_the_same_policy_gives_what_was_and_the_ledger_stays_as_it_is(folder: Path) -> None:
    before = (folder / "ledger.db").read_bytes()
    told = told_of(folder)
    assert told["before"] == {key: told["after"][key] for key in told["before"]}
    assert told["before"]["share"] == {"low": 0.5, "top": 0.5}
    assert told["before"]["accuracy"] == 0.75 and told["before"]["labelled"] == 4
    assert told["rests_on"]["recorded_steps"] == 4 and told["saved"] == 0
    assert (folder / "ledger.db").read_bytes() == before


def test_other_prices_are_exact_for_what_was_recorded(folder: Path) -> None:
    (folder / "p.yaml").write_text("low: {input: 0, output: 0}\ntop: {input: 2, output: 20}")
    told = told_of(folder, "--prices", str(folder / "p.yaml"))
    assert told["after"]["cost_usd"] == pytest.approx(2 * (3 * 2e-6 + 2 * 20e-6))
    assert told["rests_on"]["estimated_usd"] == 0


def test_another_threshold_table_and_policy(folder: Path) -> None:
    low = told_of(folder, "--threshold", "low=0")
    assert low["after"]["share"] == {"low": 1.0} and low["rests_on"]["recorded_steps"] == 4
    (folder / "r.yaml").write_text("routing: {step_types: {open_chat: {start: top}}}")
    high = told_of(folder, "--routing", str(folder / "r.yaml"))
    assert high["after"]["share"] == {"top": 1.0} and high["rests_on"]["estimated_steps"] == 2


def test_days_bound_it(folder: Path) -> None:
    done = rungwise(
        *("replay", "--config", str(folder / "replay.yaml"), "--until", "2001-01-01"),
    )
    assert done.returncode == 1 and "no steps of that time" in done.stdout


HARD, EASY = "prove the hard lemma number {}", "say hello to person {}"


def foretold(file: Path) -> None:
    """A predictor for which the word `hard` is all that counts."""
    examples = [
        Example(
            sketch=sketch_of(Chat(messages=(Message(role="user", text=text.format(number)),))),
            step_type=StepType.OPEN_CHAT,
            group=f"{text}{number}",
            right={"low": (text is EASY) == (number % 10 > 0), "top": number % 20 > 0},
        )
        for number in range(200)
        for text in (HARD, EASY)
    ]
    file.write_text(fit(examples, ("low", "top")).document.model_dump_json())


def test_a_router_is_replayed_from_the_sketches_that_the_server_kept(
    folder: Path, tmp_path: Path
) -> None:
    """One step of three sure ones looks hard: a router would have sent it up at once."""
    config = CONFIG.replace("routing: {", "routing: {keep_sketches: true, ")
    low = ScriptedTier("low", SURE, model="small", local=False, price=PRICE)
    top = ScriptedTier("top", say("better"), model="large", local=False, price=PRICE)

    async def fill() -> None:
        async with served(tmp_path, low, top, config=config) as server:
            for text in (HARD, EASY, EASY):
                await server.ask(text.format(999))

    asyncio.run(fill())
    foretold(tmp_path / "d.json")
    told = told_of(
        folder,
        *("--ledger", str(tmp_path / "ledger.db"), "--policy", "route", "--right-usd", "0.001"),
        *("--difficulty", str(tmp_path / "d.json")),
    )
    assert told["before"]["share"] == {"low": 1.0}
    assert told["after"]["share"] == pytest.approx({"low": 2 / 3, "top": 1 / 3})
    assert told["rests_on"]["recorded_steps"] == 2 and told["left_out"]["without_sketch"] == 0


def test_what_the_section_says_for_its_own_policy_is_left_behind(
    folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "{policy: pays, difficulty: d.json, promise: waive, worth: {right_usd: 0.1},"
        " step_types: {open_chat: {start: top}}}"
    )
    told = told_of(folder, "--routing", str(file), "--policy", "cascade")
    assert told["after"]["share"] == {"top": 1.0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--threshold", "nobody=0.5"), "no tier 'nobody'; the ladder has low, top"),
        (("--right-usd", "-1"), "rungwise: --right-usd: "),
        (("--policy", "pays"), "policy: pays foresees nothing without `difficulty`"),
        (("--policy", "pays", "--difficulty", "d.json"), "holds no sketches of that time"),
        (("--routing", "none.yaml"), "none.yaml: cannot be read"),
        (("--routing", "wrong.yaml"), "wrong.yaml: rules.0"),
        (("--routing", "unknown.yaml"), "no tier 'mid'"),
        (("--prices", "far.yaml"), "far.yaml: no tier 'mid'; the ladder has low, top"),
        (("--prices", "odd.yaml"), "odd.yaml: top: price.input"),
        (("--ledger", "none.db"), "no ledger there"),
        (("--json", "/no/such/folder/r.json"), "--json: cannot write"),
    ],
)
def test_bad_arguments_are_named(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    (folder / "wrong.yaml").write_text("rules: [{step_type: open_chat}]")
    (folder / "unknown.yaml").write_text("step_types: {open_chat: {start: mid}}")
    (folder / "far.yaml").write_text("mid: {input: 1}")
    (folder / "odd.yaml").write_text("top: {input: -1}")
    named = [str(folder / word) if word.endswith((".yaml", ".db")) else word for word in arguments]
    done = rungwise("replay", "--config", str(folder / "replay.yaml"), *named)
    assert told in one_line_error(done)
