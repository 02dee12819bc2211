"""Which prompts show a step type in other words than the step suite's? Made from templates.

The templates are data, `prompts.yaml`: hand-written, in English, over several domains. What is
made of them is synthetic: nobody's real traffic. Tools and schemas are offered at random, to every
step type, as agents do: else "a tool is offered" would be all that is learned.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal, TypedDict

import yaml

from rungwise.lab.chats import chat_of
from rungwise.lab.steps import EVEN, generate
from rungwise.types import Chat, Message, OutputShape, Sampling, StepType, Tool, Wish

__all__ = ["EACH", "Prompt", "prompts"]

EACH = 10
"""Prompts made of each template."""

_SLOT = re.compile(r"\{(\w+)\}")

_NAMES = "Adele Bruno Carla Dmitri Esra Felix Greta Hiro Ines Jonas Kavya Lars Mona Nils".split()
_PLACES = "Turin Leeds Porto Basel Kyoto Cork Ghent Tampere Izmir Quito Hull Siena Bergen".split()
_MONTHS = "January March April May June August September October December".split()
_TOOLS = (
    "search_web read_file write_file send_mail book_room find_order run_tests query_database "
    "get_weather add_event transfer_money translate_text list_users open_ticket set_timer"
).split()
_SYSTEMS = (
    "You are a helpful assistant.",
    "You are one agent of several. Do what the user asks, and nothing else.",
    "Answer in English. Be brief. Do not apologise.",
    "You work for a company of forty people. Today is a working day.",
    "Follow the instructions of the user to the letter.",
    "You may use the tools that are offered, or answer in plain words.",
)
_CODES = (
    "def total(rows):\n    s = 0\n    for r in rows:\n        s = s + r[{number}]\n    return s",
    "function last(xs) {{\n  return xs[xs.length];\n}}",
    "for (int i = 0; i <= n; i++) {{\n    sum += a[i] / {number};\n}}",
    "class Store:\n    def __init__(self, items=[]):\n        self.items = items",
    "def find(name, users):\n    return [u for u in users if u['name'] == name][{number}]",
)
_OPENERS = ("Hi,", "Hello.", "Please help.", "Quick one:", "Dear assistant,", "New task.", "OK,")
_CLOSERS = (
    "Thanks!",
    "Thank you in advance.",
    "Be brief.",
    "It is for {name}.",
    "No rush.",
    "Cheers",
)
_ELSEWHERE = (("aris", "ariz"), ("goris", "goriz"), ("nis", "niz"), ("alis", "aliz"), ("our", "or"))
"""How others spell it: summarize, categorize, organize, serialize, favorite."""
_TOOLS_OFFERED = {StepType.TOOL_SELECTION: 0.95, StepType.PLANNING: 0.3}
_SHAPED = {
    StepType.EXTRACTION: 0.5,
    StepType.FORMAT_CONVERSION: 0.3,
    StepType.CLASSIFICATION: 0.3,
    StepType.PLANNING: 0.15,
}
_SELDOM_OFFERED, _SELDOM_SHAPED = 0.2, 0.05


class _Domain(TypedDict):
    kind: list[str]
    labels: list[str]
    fields: list[str]
    project: list[str]
    program: list[str]
    topic: list[str]
    action: list[str]
    sentences: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`template` and `domain` are what it was made of: both can be held out whole."""

    chat: Chat
    step_type: StepType
    source: Literal["written", "suite"]
    template: str
    domain: str


def prompts(seed: int = 0, *, each: int = EACH) -> Iterator[Prompt]:
    """`each` of every template of `prompts.yaml`, then as many of every step type and
    difficulty of the step suite; the same seed gives the same prompts."""
    rng = random.Random(f"step prompts/{seed}")
    domains, templates = _table()
    for step_type, told in templates.items():
        for number, template in enumerate(told):
            for _ in range(each):
                domain = rng.choice(list(domains))
                text = _fill(_varied(template, rng), domains[domain], rng)
                chat = Chat(messages=(Message(role="user", text=text),))
                yield Prompt(
                    chat=_dressed(chat, step_type, rng),
                    step_type=step_type,
                    source="written",
                    template=f"{step_type.value}/{number}",
                    domain=domain,
                )
    left = {(name.value, difficulty): each for name in StepType for difficulty in range(1, 6)}
    for step in generate("train", 45 * 4 * each, seed, EVEN):
        if left[step.step_type, step.difficulty] > 0:
            left[step.step_type, step.difficulty] -= 1
            step_type = StepType(step.step_type)
            yield Prompt(
                chat=_dressed(_bare(chat_of(step)), step_type, rng),
                step_type=step_type,
                source="suite",
                template=f"suite/{step.step_type}/{step.difficulty}",
                domain=f"suite/{step.difficulty}",
            )


def _bare(chat: Chat) -> Chat:
    """Without the suite's own system prompt and limits, which would tell its step types apart."""
    users = tuple(message for message in chat.messages if message.role == "user")
    return replace(chat, messages=users, sampling=Sampling(), wish=Wish())


def _dressed(chat: Chat, step_type: StepType, rng: random.Random) -> Chat:
    """As some agent would send it."""
    if rng.random() < 0.6:
        told = "\n".join(rng.sample(_SYSTEMS, rng.randint(1, 3)))
        chat = replace(chat, messages=(Message(role="system", text=told), *chat.messages))
    if not chat.tools and rng.random() < _TOOLS_OFFERED.get(step_type, _SELDOM_OFFERED):
        names = rng.sample(_TOOLS, rng.randint(1, 8))
        chat = replace(chat, tools=tuple(Tool(name=name) for name in names))
    if chat.shape is None and rng.random() < _SHAPED.get(step_type, _SELDOM_SHAPED):
        chat = replace(chat, shape=OutputShape(schema={"type": "object"}))
    limit = rng.choice((None, None, 256, 1024, 4096))
    return replace(chat, sampling=Sampling(max_tokens=limit))


def _varied(template: str, rng: random.Random) -> str:
    """As another person would put it: politely or not, spelt one way or the other."""
    if rng.random() < 0.5:
        for here, there in _ELSEWHERE:
            template = re.sub(rf"(?<=[a-z]){here}(?=e[sd]?\b|ing\b|ite\b)", there, template)
    if rng.random() < 0.2:
        template = f"{rng.choice(_OPENERS)} {template}"
    if rng.random() < 0.2:
        template = f"{template}\n{rng.choice(_CLOSERS)}"
    return template


# ---- the slots of a template -----------------------------------------------------------------


def _fill(template: str, domain: _Domain, rng: random.Random) -> str:
    def slot(found: re.Match[str]) -> str:
        name = found[1]
        if name in _MADE:
            return _fill(_MADE[name](domain, rng), domain, rng)
        return _fill(rng.choice(domain[name]), domain, rng)  # type: ignore[literal-required]

    return _SLOT.sub(slot, template)


def _sentences(domain: _Domain, rng: random.Random, least: int, most: int) -> str:
    return " ".join(rng.choices(domain["sentences"], k=rng.randint(least, most)))


def _rows(rng: random.Random) -> list[dict[str, str]]:
    keys = rng.sample(("name", "place", "number", "unitPrice", "orderId", "startDate"), 3)
    row = {key: rng.choice(("{name}", "{place}", "{number}", "{id}", "{date}")) for key in keys}
    return [dict(row) for _ in range(rng.randint(1, 5))]


def _separated(rng: random.Random, sign: str) -> str:
    rows = _rows(rng)
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(sign.join(line) for line in lines)


def _xml(rng: random.Random) -> str:
    parts = (f"<{key}>{value}</{key}>" for row in _rows(rng) for key, value in row.items())
    return f"<rows>{''.join(parts)}</rows>"


def _lines(rng: random.Random) -> str:
    forms = ("{name}, {place}", "{name} - {number}", "{topic}", "{place}: {date}")
    return "\n".join([rng.choice(forms)] * rng.randint(2, 8))


_MADE: Mapping[str, Callable[[_Domain, random.Random], str]] = {
    "name": lambda _, rng: rng.choice(_NAMES),
    "place": lambda _, rng: rng.choice(_PLACES),
    "number": lambda _, rng: str(rng.randint(20, 999)),
    "small": lambda _, rng: str(rng.randint(2, 19)),
    "id": lambda _, rng: str(rng.randint(10_000, 999_999)),
    "date": lambda _, rng: f"{rng.randint(1, 28)} {rng.choice(_MONTHS)} {rng.randint(2019, 2031)}",
    "snippet": lambda domain, rng: _sentences(domain, rng, 1, 2),
    "doc": lambda domain, rng: _sentences(domain, rng, 3, 30),
    "code": lambda _, rng: rng.choice(_CODES),
    "csv": lambda _, rng: _separated(rng, ","),
    "tabs": lambda _, rng: _separated(rng, "\t"),
    "json": lambda _, rng: json.dumps(_rows(rng)),
    "xml": lambda _, rng: _xml(rng),
    "lines": lambda _, rng: _lines(rng),
    "pairs": lambda _, rng: "; ".join(f"{k}={v}" for k, v in _rows(rng)[0].items()),
}


@cache
def _table() -> tuple[Mapping[str, _Domain], Mapping[StepType, list[str]]]:
    source = files("rungwise.lab.step_types").joinpath("prompts.yaml").read_text(encoding="utf-8")
    told = yaml.safe_load(source)
    return told["domains"], {StepType(name): found for name, found in told["prompts"].items()}
