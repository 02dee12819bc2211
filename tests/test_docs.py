"""Do the documents still tell what the code does? Knobs, names, examples, commands, links, tree."""

import argparse
import json
import re
import shlex
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
import yaml
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rungwise.cli.main import COMMANDS
from rungwise.confidence.calibration import Calibration
from rungwise.confidence.signals import ALL, SIGNALS
from rungwise.config import (
    AccessConfig,
    AdapterTierConfig,
    AffinityConfig,
    AgreementConfig,
    AnswerCacheConfig,
    AnthropicTierConfig,
    AuditsConfig,
    BoxConfig,
    CapConfig,
    ChecksConfig,
    ChoiceConfig,
    Config,
    DriftConfig,
    EngineConfig,
    EscalationAlarmConfig,
    GateConfig,
    GoldenConfig,
    GuardsConfig,
    HostedTierConfig,
    JudgeConfig,
    LedgerConfig,
    LimitsConfig,
    LongContextConfig,
    OpenAITierConfig,
    OutcomesConfig,
    PluginTierConfig,
    PriceConfig,
    PricesConfig,
    ResponsesTierConfig,
    RestartConfig,
    RouteConfig,
    RoutingConfig,
    RuleConfig,
    SelfCheckConfig,
    ServerConfig,
    SpeculativeConfig,
    SpillConfig,
    TierConfig,
    TracesConfig,
    VllmTierConfig,
    WorthConfig,
)
from rungwise.edge import wish
from rungwise.edge.extension import extension
from rungwise.edge.faults import CALLER_STATUS, MESSAGE_KINDS
from rungwise.edge.quotes import shown_quote
from rungwise.escalations import Why
from rungwise.golden_file import read_golden
from rungwise.lab.calibration.answers import read_answers
from rungwise.lab.calibration.promise import least_labels
from rungwise.lab.calibration.recorded import read_recorded
from rungwise.lab.ladders.data import read_ladder
from rungwise.policy.table import SHIPPED
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    AlarmKind,
    AttemptRole,
    AttemptState,
    Bid,
    EntryState,
    OutcomeSource,
    Plan,
    Quote,
    Released,
    Settled,
    StepType,
    TierFault,
)
from tests.edge.test_answers import ENTRY, told_of
from tests.served import app_of
from tests.test_every_knob import sections

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "rungwise"
CASCADE = (DOCS / "cascade.md").read_text(encoding="utf-8")
CALIBRATION = (DOCS / "calibration.md").read_text(encoding="utf-8")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
OPERATING = (DOCS / "operating.md").read_text(encoding="utf-8")
API = (DOCS / "api.md").read_text(encoding="utf-8")
ROUTING = (DOCS / "routing.md").read_text(encoding="utf-8")
OBSERVING = (DOCS / "observing.md").read_text(encoding="utf-8")

SECTIONS: dict[str, type[BaseModel]] = {
    "`gates[]`": GateConfig,
    "`gates[].self_check`": SelfCheckConfig,
    "`gates[].agreement`": AgreementConfig,
    "`gates[].judge`": JudgeConfig,
    "`checks`": ChecksConfig,
    "`routing`": RoutingConfig,
    "`routing` and `routing.shadow`": ChoiceConfig,
    "`routing.worth`": WorthConfig,
    "`routing.rules[]`": RuleConfig,
    "`routing.step_types.<type>`": RouteConfig,
    "`routing.affinity`": AffinityConfig,
    "`server`": ServerConfig,
    "`access`": AccessConfig,
    "`access.limits`": LimitsConfig,
    "`access.limits.caps[]`": CapConfig,
    "`access.escalation_alarm`": EscalationAlarmConfig,
    "`ledger`": LedgerConfig,
    "`tiers[]`": TierConfig,
    "`tiers[]`, `kind: vllm`": VllmTierConfig,
    "`tiers[]`, `kind: adapter`": AdapterTierConfig,
    "`tiers[].engine`": EngineConfig,
    "`tiers[].engine.speculative`": SpeculativeConfig,
    "`tiers[].restart`": RestartConfig,
    "`tiers[].spill`": SpillConfig,
    "`tiers[]`, hosted": HostedTierConfig,
    "`tiers[]`, `kind: openai`": OpenAITierConfig,
    "`tiers[]`, `kind: responses`": ResponsesTierConfig,
    "`tiers[]`, `kind: anthropic`": AnthropicTierConfig,
    "`tiers[]`, `kind: my_package.module:Class`": PluginTierConfig,
    "`tiers[].guards`": GuardsConfig,
    "`tiers[].price`": PriceConfig,
    "`tiers[].price.long_context[]`": LongContextConfig,
    "`prices`": PricesConfig,
    "`box`": BoxConfig,
    "`answer_cache`": AnswerCacheConfig,
    "`outcomes`": OutcomesConfig,
    "`drift`": DriftConfig,
    "`drift.golden`": GoldenConfig,
    "`audits`": AuditsConfig,
    "`traces`": TracesConfig,
}
"""What stands in the heading of a table, and the section that it tells: what a section inherits
from another one here is told there."""


def knobs_of(section: str) -> dict[str, str]:
    """Name and default of each knob in the table under a heading of one of the pages."""
    pages = [
        page for page in (CASCADE, ROUTING, OPERATING, OBSERVING) if f"### {section}\n" in page
    ]
    assert len(pages) == 1, f"one page should have a table for {section}"
    table = pages[0].partition(f"### {section}\n")[2].partition("\n#")[0]
    return dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", table, re.MULTILINE))


def shown_default(default: object) -> str:
    match default:
        case Enum():
            return str(default.value)
        case None:
            return "unset"
        case BaseModel():
            return "see below"
        case bool() | dict() | tuple():
            return json.dumps(default)
        case _ if default is PydanticUndefined:
            return "required"
        case _:
            return str(default)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_knob_is_told_with_its_default_and_no_other(section: str) -> None:
    told = SECTIONS[section]
    above = [s for s in told.__mro__[1:] if s in SECTIONS.values()]
    knobs = {
        name: shown_default(field.get_default(call_default_factory=True))
        for name, field in told.model_fields.items()
        if not field.exclude and not any(name in s.model_fields for s in above)
    }
    assert {name: default.strip() for name, default in knobs_of(section).items()} == knobs


def test_every_section_has_a_table_of_its_own() -> None:
    assert set(sections()) - {TierConfig, HostedTierConfig} <= set(SECTIONS.values())


@pytest.mark.parametrize("words", [AttemptState, AttemptRole, Why])
def test_every_word_of_a_closed_list_is_told(words: Any) -> None:
    for word in get_args(words):
        assert f"`{word}`" in CASCADE or word == "draft", word


def test_every_alarm_and_whose_word_is_believed_is_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \(", OBSERVING, re.MULTILINE)
    assert rows == list(get_args(AlarmKind))
    believed = OBSERVING.partition("**Whose word is believed.**")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", believed) == list(get_args(OutcomeSource))


def test_every_state_and_fault_is_told() -> None:
    for word in get_args(EntryState):
        assert f"`{word}`" in API, word
    for word in set(get_args(TierFault)) - {"rejected", "too_long", "broken"}:
        assert f"`{word}`" in OPERATING, word


def test_every_signal_is_told_with_what_it_asks_for_and_whether_it_binds() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|(.*)\|$", CALIBRATION, re.MULTILINE)
    cells = {
        name: [cell.strip() for cell in rest.split("|")]
        for names, rest in rows
        for name in re.findall(r"\w+", names)
        if name in SIGNALS
    }
    assert cells.keys() == {name for name in SIGNALS if not name.startswith(ALL)}
    for name, (_, asked, _, surer, binds) in cells.items():
        kind = SIGNALS[name]
        assert surer == ("higher" if kind.surer > 0 else "lower"), name
        if kind.make is None:
            continue
        assert asked == (f"{kind.likeliest} likeliest" if kind.likeliest else "the token's own")
        signal = kind.make()
        for _ in range(50):
            signal.feed(-3.0, (-1.0, -1.5, -2.0, -3.0, -4.0))
        assert (binds != "no") == (signal.best() != kind.best), name


# ---- examples --------------------------------------------------------------------------------


def example(text: str, name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)```", text, re.DOTALL)
    assert found is not None, name
    return found.group(1)


@pytest.mark.anyio
async def test_the_example_of_an_answer_has_the_fields_of_an_answer() -> None:
    shown, told = json.loads(example(API, "answer")), await told_of(ENTRY)
    assert shown.keys() == told.keys()
    for attempt in shown["attempts"]:
        assert attempt.keys() == told["attempts"][0].keys()
        assert attempt["usage"].keys() == told["usage"].keys()
    costs = sum(attempt["cost_usd"] for attempt in shown["attempts"])
    assert shown["cost_usd"] == pytest.approx(costs)
    for part in ("input", "output"):
        assert shown["usage"][part] == sum(a["usage"][part] for a in shown["attempts"])


def test_the_examples_of_extension_and_dry_run_have_their_fields() -> None:
    released = Released(id="req_7", tier="t", model="m", rungs_tried=1, step_type=StepType.PLANNING)
    settled = Settled(usage=ENTRY.usage, cost_nano=1, attempts=ENTRY.attempts)
    shown, told = json.loads(example(API, "extension")), extension(released, settled)
    assert shown.keys() == told.keys()
    assert shown["attempts"][0].keys() == told["attempts"][0].keys()  # type: ignore[index,union-attr,call-overload]
    bids = (Bid(tier="t", nano=7, escalation=False),)
    plan = Plan(rungs=("t",), step_type=StepType.PLANNING, why="")
    quoted = shown_quote(Quote(plan=plan, bids=bids, least_nano=0))
    shown = json.loads(example(API, "quote"))
    assert shown.keys() == quoted.keys()
    assert shown["rungs"][0].keys() == quoted["rungs"][0].keys()  # type: ignore[index,union-attr,call-overload]
    assert shown["max_cost_usd"] == sum(rung["max_cost_usd"] for rung in shown["rungs"])


def routes(app: FastAPI) -> set[tuple[str, str]]:
    own = {"HEAD"}
    return {
        (method, str(route.path).replace(":path}", "}"))  # type: ignore[attr-defined]
        for route in app.routes
        for method in (route.methods or set()) - own  # type: ignore[attr-defined]
    }


def test_every_route_is_told_and_no_other(tmp_path: Path) -> None:
    table = API.partition("## Routes\n")[2].partition("\n## ")[0]
    told = re.findall(r"`(GET|POST) (/[^`]*)`", table)
    with app_of(tmp_path, ScriptedTier("tier1"), config="") as whole:
        assert set(told) == routes(whole)


def test_every_header_is_told_and_no_other() -> None:
    asked = {value for value in vars(wish).values() if str(value).startswith("x-rungwise-")}
    table = API.partition("## Headers of a request\n")[2].partition("\n\n**")[0]
    told = set(re.findall(r"`(x-rungwise-[a-z-]+)(?:: \w+)?`", table))
    assert told == asked and wish.ONCE.title() in API


def test_every_error_is_told_with_its_status_and_no_other() -> None:
    table = API.partition("## Errors\n")[2]
    rows = re.findall(r"^\| (\d+) \| (.+?) \| `(\w+)` \|", table, re.MULTILINE)
    told = {int(status) for status, _, _ in rows}
    given = {status for status, _ in CALLER_STATUS.values()} | {405, 500, 502, 503}
    assert told == given
    for status, _, kind in rows:
        other = "api_error" if int(status) >= 500 else "invalid_request_error"
        assert kind == MESSAGE_KINDS.get(int(status), other), status
    codes = {code for _, cell, _ in rows for code in re.findall(r"`(\w+)`", cell)}
    source = "".join(path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py")))
    written = set(re.findall(r'\bcode="(\w+)"', source))
    assert codes >= written and all(f'"{code}"' in source for code in codes), codes ^ written


def test_the_example_of_a_calibration_is_one_and_shows_every_field() -> None:
    shown = json.loads(example(CALIBRATION, "calibration"))
    made = Calibration.model_validate(shown)
    assert shown.keys() == Calibration.model_fields.keys()
    for part, field in (
        (shown["promise"], made.promise),
        (shown["provenance"], made.provenance),
        (shown["prefixes"][0], made.prefixes[0]),
        (shown["thresholds"]["planning"], made.thresholds[StepType.PLANNING]),
        (shown["finished"], made.finished),
    ):
        assert part.keys() == type(field).model_fields.keys()


@pytest.mark.parametrize("name", ["readings", "answers"])
def test_the_examples_of_labels_can_be_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(example(CALIBRATION, name), encoding="utf-8")
    types = [step_type.value for step_type in StepType]
    found = read_recorded(file, types) if name == "readings" else read_answers(file, types)
    assert len(found) == 1


def test_the_example_of_recorded_steps_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "steps.jsonl"
    file.write_text(example(ROUTING, "recorded"), encoding="utf-8")
    (row,) = read_ladder(file).rows
    assert row.group == "extraction/2" and row.tiers["tier1"].readings


def test_the_examples_of_golden_steps_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(example(OBSERVING, "golden"), encoding="utf-8")
    currency, capital = read_golden(file)
    assert currency.is_right('{ "currency": "EUR" }') and capital.is_right("It is Paris.")


def test_the_shipped_table_is_told() -> None:
    table = ROUTING.partition("### The shipped table\n")[2].partition("\n#")[0]
    rows = {
        re.sub(r"[ -]", "_", name): start
        for start, names in re.findall(
            r"^\| (?:at the |in the )?(low|middle|top)\b[^|]*\| (.+) \|$", table, re.MULTILINE
        )
        for name in names.split(", ")
    }
    places = {"low": "low", "middle": "middle", "top": "high"}
    assert {StepType(name): places[start] for name, start in rows.items()} == SHIPPED


def commands() -> list[str]:
    """Every line of the documents' shell blocks that calls us."""
    pages = CASCADE + ROUTING + CALIBRATION + OPERATING + OBSERVING + API
    blocks = re.findall(r"```sh\n(.*?)```", pages, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("rungwise ")]


@pytest.mark.parametrize("line", commands())
def test_every_command_can_be_given_as_it_stands(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[name][0]).add_arguments(parser)
    parser.parse_args(arguments)


def test_the_configurations_that_are_shown_are_ones() -> None:
    """Each block of YAML, in a whole document where it is a part of one."""
    pages = CASCADE + ROUTING + OPERATING + OBSERVING
    for told in re.findall(r"```yaml\n(.*?)```", pages, re.DOTALL):
        found = yaml.safe_load(told)
        document = {"tiers": found} if isinstance(found, list) else found
        names = ("tier1", "tier2", "tier3")
        document.setdefault("tiers", [{"name": n, "kind": "vllm", "model": "m"} for n in names])
        Config.model_validate(document)


# ---- what is computed ------------------------------------------------------------------------


def test_the_table_of_least_labels_is_what_the_procedure_needs() -> None:
    table = CALIBRATION.partition("<!-- computed: least labels -->")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\.\d+) \| (.+) \|$", table, re.MULTILINE)
    assert [limit for limit, _ in rows] == [".01", ".02", ".05"]
    for limit, cells in rows:
        for types, cell in zip((1, 3, 9), cells.split(" | "), strict=True):
            assert cell == str(least_labels(float(limit), 0.05 / types))


# ---- links, pictures, the tree ---------------------------------------------------------------


PAGES = [*sorted(DOCS.glob("*.md")), *sorted((ROOT / "models").glob("*/README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}
            assert anchor in anchors, target


@pytest.mark.parametrize("picture", sorted(DOCS.glob("*.svg")), ids=lambda file: file.name)
def test_pictures_stand_on_their_own_ground_and_say_what_they_show(picture: Path) -> None:
    """A page may be dark or light: each has its own background, and fetches nothing."""
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    assert root.get("aria-label")
    _, _, width, height = (root.get("viewBox") or "").split()
    ground = next(part for part in root if part.tag.endswith("rect"))
    assert (ground.get("width"), ground.get("height")) == (width, height) and ground.get("fill")
    text = picture.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text and "@import" not in text and "@font-face" not in text


def test_the_tree_names_every_room_and_no_other() -> None:
    tree = ARCHITECTURE.partition("```\nsrc/rungwise/\n")[2].partition("```")[0]
    named = set(re.findall(r"^  (\w+)(?:/|\.py) ", tree, re.MULTILINE))
    there = {p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    there.add("page")  # files that a browser reads, and no Python
    assert named == there - {"__init__", "__main__"}


MANY = {
    *("access", "build", "cache", "cli", "confidence", "edge", "lab", "ledger", "observe"),
    *("policy", "store", "tiers", "tiers/local", "tiers/hosted", "tiers/guards"),
    *("weights", "offline", "drift", "auditing"),
}


def test_the_reading_orders_name_every_file_and_none_that_is_not_there() -> None:
    tables = re.findall(
        r"\| in `([\w/]+)/` \| answers \|\n\|---\|---\|\n((?:\|.*\n)+)", ARCHITECTURE
    )
    assert {room for room, _ in tables} == MANY
    for room, parts in tables:
        named = set(re.findall(r"`(\w+)`", re.sub(r"\|[^|]*\|\n", "\n", parts)))
        files = {path.stem for path in (SOURCE / room).glob("*.py")} - {"__init__"}
        rooms = {path.parent.name for path in (SOURCE / room).glob("*/__init__.py")}
        assert named == files | (rooms if room in ("lab", "tiers") else set()), room
