"""A whole cascade as the server builds it, with a real predictor, gates and purse; and a talk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from rungwise.build import build_cascade
from rungwise.build.gates import build_gates, judges_of
from rungwise.build.routing import Routing, build_routing
from rungwise.config import Config, PriceConfig, load
from rungwise.contracts import Ledger, Purse, Router
from rungwise.errors import RungwiseError
from rungwise.policy.artefact import packed
from rungwise.tiers.scripted import Script, ScriptedTier
from rungwise.types import (
    Caller,
    Chat,
    Entry,
    Message,
    Outcome,
    Piece,
    Quote,
    Released,
    Settled,
    StepType,
    Wish,
)
from tests.policy.difficulties import WIDTH
from tests.policy.difficulties import document as difficulty
from tests.served import document

__all__ = [
    "LADDER",
    "TOKEN_NANO",
    "Heard",
    "Rung",
    "World",
    "configured",
    "foreseen",
    "passed_over",
    "usual_start",
]

LADDER = ("local", "middle", "high")
TOKEN_NANO = {"local": 10, "middle": 20_000, "high": 500_000}
"""Of a written token; nothing is asked for one that is read."""


class Rung(ScriptedTier):
    """Its every word names it, so that it is seen whose draft a word is of."""

    def __init__(self, name: str, script: Script, *, longest: int = 40) -> None:
        price = PriceConfig(input=0, cache_read=0, output=TOKEN_NANO[name] / 1000)
        super().__init__(
            name, _signed(script, name), model="small", local=name == "local", price=price
        )
        self.most = 0 if self.local else longest * TOKEN_NANO[name]


def _signed(script: Script, name: str) -> Script:
    """Words become the rung's name."""

    def sign(piece: Piece) -> Piece:
        return replace(piece, text=f"{name} ") if piece.text else piece

    return replace(
        script, steps=tuple(sign(s) if isinstance(s, Piece) else s for s in script.steps)
    )


def foreseen(rungs: Mapping[str, tuple[float, float]], *, tokens: float = 6.0) -> str:
    """A file of difficulty, by the logit of each rung's P, and how much less a proof makes of it.
    Numbers in a text are good for the lowest."""
    names = list(rungs)
    told = difficulty(tiers=names)
    told["words"]["weights"] = packed(np.full((1, len(names)), -1.0), "<f2")
    told["inputs"]["weights"] = packed(np.zeros((WIDTH, len(names))), "<f4")
    told["trees"]["counts"] = [1, *([0] * (len(names) - 1))]
    mix = {"of_trees": 1.0, "linear": 0.0, "start": 0.0}
    told["mix"] = [{"intercept": logit, "of_words": less, **mix} for logit, less in rungs.values()]
    link = {"right": {"intercept": 1.0, "slope": 1.0}, "wrong": {"intercept": -0.5, "slope": 0.7}}
    pairs = combinations(names, 2)
    told["links"] = [{"refused": a, "tier": b, "count": 50, **link} for a, b in pairs]
    told["usual"] = {
        name: {"all": {"tokens": tokens, "seconds": 0.01, "count": 30}} for name in names
    }
    told["spreads"] = {}
    return json.dumps(told)


@cache
def configured(folder: Path, routing: str) -> Config:
    """Both lower rungs are judged: P = sigmoid(3 + 2 x the worst window), from .9 on."""
    (folder / "difficulty.json").write_text(
        foreseen({"local": (2.0, 6.0), "middle": (2.5, 2.0), "high": (3.5, 0.0)})
    )
    gates = "gates: [{tier: local, calibration: window.json}, {tier: middle, calibration: w.json}]"
    rungs = [ScriptedTier(name, model="small") for name in LADDER]
    path = document(folder, *rungs, config=f"{gates}\nrouting: {{{routing}}}")
    (folder / "w.json").write_text((folder / "window.json").read_text())
    return load(path, {})


@dataclass
class Heard:
    """What a caller heard of one step, and what was written down."""

    quote: Quote | None = None
    released: list[Released] = field(default_factory=list)
    text: str = ""
    settled: Settled | None = None
    error: RungwiseError | None = None
    entry: Entry | None = None
    drafted: Mapping[str, int] = field(default_factory=dict)
    """Words that each rung wrote for it, whoever saw them."""
    asked: frozenset[str] = frozenset()
    """The rungs that were shown it."""


class _Reading:
    """A ledger, and those that learn from it."""

    def __init__(self, written: Ledger | None, readers: Sequence[Callable[[Entry], None]]) -> None:
        self._written, self._readers = written, readers
        self.entries: dict[str, Entry] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, entry: Entry) -> None:
        assert entry.id not in self.entries, "one line for one step"
        if self._written is not None:
            await self._written.record(entry)
        self.entries[entry.id] = entry
        for reader in self._readers:
            reader(entry)

    async def label(self, entry_id: str, outcome: Outcome) -> bool:
        return False

    async def find(self, entry_id: str) -> Entry | None:
        return self.entries.get(entry_id)


class World:
    """One ladder under one configuration, and one conversation with it."""

    def __init__(
        self,
        config: Config,
        rungs: Sequence[Rung],
        caller: Caller,
        *,
        ledger: Ledger | None = None,
        purse: Purse | None = None,
        around: Callable[[Router], Router] = lambda router: router,
    ) -> None:
        """`around` may put another router in the place of the built one."""
        self.rungs, self.caller = tuple(rungs), caller
        gates = build_gates(config)
        routing: Routing = build_routing(config.routing, rungs, lambda: 1e9, judges_of(gates))
        self._ledger = _Reading(ledger, routing.readers)
        self.cascade = build_cascade(
            config, rungs, self._ledger, purse=purse, gates=gates, router=around(routing.router)
        )
        self._said: tuple[Message, ...] = ()
        self._steps = 0

    async def step(
        self, text: str, wish: Wish, *, stream: bool = False, tags: frozenset[str] = frozenset()
    ) -> Heard:
        """Say something, and hear what comes of it."""
        self._said = (*self._said, Message(role="user", text=text))
        chat = Chat(messages=self._said, wish=wish, stream=stream, tags=tags)
        self._steps += 1
        heard, id = Heard(), f"{self.caller.name}-{self._steps}"
        given, asked = self._given(), [len(rung.chats) for rung in self.rungs]
        try:
            heard.quote = self.cascade.quote(chat, self.caller)
            assert [len(rung.chats) for rung in self.rungs] == asked, "a quote asks nobody"
            async for event in self.cascade.answer(chat, self.caller, id=id):
                self._hear(event, heard)
        except RungwiseError as error:
            heard.error = error
        heard.entry = await self._ledger.find(id)
        heard.drafted = {name: now - given[name] for name, now in self._given().items()}
        heard.asked = frozenset(
            rung.name
            for rung, before in zip(self.rungs, asked, strict=True)
            if len(rung.chats) > before
        )
        assert not any(rung.open for rung in self.rungs), "nothing is written on afterwards"
        if heard.text:
            self._said = (*self._said, Message(role="assistant", text=heard.text))
        return heard

    def _given(self) -> dict[str, int]:
        return {rung.name: sum(rung.given) for rung in self.rungs}

    def _hear(self, event: Released | Piece | Settled, heard: Heard) -> None:
        assert heard.settled is None, "nothing comes after the end"
        match event:
            case Released():
                heard.released.append(event)
            case Settled():
                heard.settled = event
            case Piece():
                assert heard.released, "nothing comes before it is known whose it is"
                heard.text += event.text


def passed_over(step_type: StepType | None) -> frozenset[str]:
    """The rungs that the table of these worlds leaves out for it."""
    return frozenset({"middle"} if step_type is StepType.SUMMARISATION else ())


def usual_start(step_type: StepType | None, wish: Wish) -> int:
    """The place at which the table of these worlds starts for this wish, without evidence."""
    start = {None: 0, StepType.PLANNING: 1, StepType.MULTI_STEP_REASONING: 2}.get(step_type, 0)
    floor = LADDER.index(wish.floor) if wish.floor else 0
    ceiling = LADDER.index(wish.ceiling) if wish.ceiling else len(LADDER) - 1
    return min(max(start, floor), ceiling)
