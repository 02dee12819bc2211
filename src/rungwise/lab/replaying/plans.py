"""What would another policy have planned for a step that is in the ledger?

A chat is not in the ledger; what a predictor saw of it may be (routing.keep_sketches). So are the
rungs of the live plan, which show what the caller's wish, its rights and its chat left: a plan that
ends below the table's ceiling, or starts above its start, or leaves a rung out, is narrowed there
too. A pinned step stays where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rungwise.config import RoutingConfig
from rungwise.contracts import Tier
from rungwise.policy.choosing import Judges
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations
from rungwise.policy.foreseen import Asked, Foresight, Unpriced
from rungwise.policy.limits import Limits
from rungwise.policy.memory import Past
from rungwise.policy.planning import Planner
from rungwise.policy.sketch import Sketch
from rungwise.policy.table import Table
from rungwise.policy.window import Window
from rungwise.types import Bar, Chat, Entry, Wish

__all__ = ["Foreseeing", "Foreseen", "Plan", "Plans", "TablePlans"]

_CHAT = Chat(messages=())
"""Stands for the one that is not in the ledger; its size comes from what its prompt used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Of a draft that was never made, by a predictor."""

    given: float
    right: float
    """Once it was given out."""
    right_if_refused: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is still to be asked, lowest first."""

    rungs: tuple[str, ...]
    bars: tuple[Bar, ...] = ()
    right: Mapping[str, float] | None = None
    """P(right) of each rung's draft, where it is foreseen, as it is known now."""
    prior: Mapping[str, float] | None = None
    """The same before anything was drafted."""
    narrowed: bool = False
    """Whether the live plan shows a limit that the ledger does not tell of."""

    @property
    def bar(self) -> Bar | None:
        """Of the first rung."""
        return next((bar for bar in self.bars if bar.tier == self.rungs[0]), None)

    def above(self) -> Plan:
        return replace(self, rungs=self.rungs[1:])


class Plans:
    """The rungs of the live plan: what changes is only what is asked, or what it costs."""

    def plan(self, entry: Entry) -> Plan | None:
        """None where nothing can be told of this entry."""
        return Plan(rungs=live_rungs(entry)) if live_rungs(entry) else None

    @property
    def learnt(self) -> tuple[str, str] | None:
        """The first and the last day, UTC, of a ledger that what plans was learnt from."""
        return None

    def foresee(self, plan: Plan, asked: float | None) -> Foreseen | None:
        """Of the first rung of the plan, whose draft must be so sure."""
        return None

    def onward(self, entry: Entry, plan: Plan, right: float) -> Plan:
        """What is left of it once the first rung's draft, which is right with P = `right`, was
        refused."""
        return plan.above()


def live_rungs(entry: Entry) -> tuple[str, ...]:
    """Those of its plan; of an entry from before plans were written down, those that drafted."""
    if entry.rungs:
        return entry.rungs
    drafts = (a.tier for a in entry.attempts if a.role == "draft" and a.state != "outrun")
    return tuple(dict.fromkeys(drafts))


class TablePlans(Plans):
    """Every rung from the start upwards, by another table."""

    def __init__(self, live: RoutingConfig, other: RoutingConfig, ladder: Sequence[Tier]) -> None:
        self._ladder = tuple(tier.name for tier in ladder)
        self._live, self._other = Table(ladder, live.step_types), Table(ladder, other.step_types)
        self._every_rung = live.policy == "cascade"

    def plan(self, entry: Entry) -> Plan | None:
        if (found := self._window(entry)) is None:
            return super().plan(entry)
        window, narrowed = found
        return self._barred(entry, Plan(rungs=window.usual, narrowed=narrowed))

    def _window(self, entry: Entry) -> tuple[Window, bool] | None:
        """What the other table leaves, and whether the live plan narrows it; None: no choice."""
        rungs = live_rungs(entry)
        auto = entry.route == "auto" or entry.route.startswith("auto:")
        if not auto or not rungs or not set(rungs) <= set(self._ladder):
            return None
        live = self._live.window(entry.step_type, Wish())
        other = self._other.window(entry.step_type, Wish())
        ended = self._place(rungs[-1]) < self._place(live.rungs[-1])
        raised = self._every_rung and self._place(rungs[0]) > self._place(live.start)
        absent = set(live.usual) - set(rungs) if self._every_rung else set[str]()
        left_out = {r for r in absent if self._place(rungs[0]) < self._place(r)}
        kept = tuple(
            rung
            for rung in other.rungs
            if rung not in left_out
            and (not ended or self._place(rung) <= self._place(rungs[-1]))
            and (not raised or self._place(rung) >= self._place(rungs[0]))
        )
        if not kept:
            return None
        usual = [rung for rung in kept if rung in other.usual]
        start = usual[0] if usual else kept[-1]
        window = replace(other, rungs=kept, start=start)
        return window, ended or raised or bool(left_out)

    def _place(self, rung: str) -> int:
        return self._ladder.index(rung)

    def _barred(self, entry: Entry, plan: Plan) -> Plan:
        """None of its bars lower than the other table asks."""
        bars = self._other.asked(entry.step_type, plan.bars, plan.rungs)
        return replace(plan, bars=bars)


class Foreseeing(TablePlans):
    """What pays most, by a predictor: see policy/planning.py, which chooses."""

    def __init__(
        self,
        live: RoutingConfig,
        other: RoutingConfig,
        ladder: Sequence[Tier],
        difficulty: Difficulty,
        expectations: Expectations,
        judges: Judges,
    ) -> None:
        super().__init__(live, other, ladder)
        self._difficulty = difficulty
        keeps, routes = other.promise == "keep", other.policy == "route"
        self._foresight = Foresight(
            difficulty,
            expectations,
            None if routes else judges,
            keeps_promise=keeps and not routes,
        )
        self._planner = Planner(
            self._foresight, other.worth, singles=routes, keeps_promise=keeps and not routes
        )

    @property
    def learnt(self) -> tuple[str, str] | None:
        known = self._difficulty.provenance
        return None if not known.since or not known.until else (known.since, known.until)

    def plan(self, entry: Entry) -> Plan | None:
        if (found := self._window(entry)) is None:
            return Plans.plan(self, entry)
        right = self._forecast(entry)
        if right is None:
            return None
        window, narrowed = found
        plan = Plan(rungs=window.rungs, right=right, prior=right, narrowed=narrowed)
        chosen = self._chosen(entry, plan, window.usual)
        return self._barred(entry, chosen or replace(plan, rungs=window.usual))

    def foresee(self, plan: Plan, asked: float | None) -> Foreseen | None:
        """A confidence spreads as is foreseen at first; what is learned of the draft on the way is
        how probably it is right."""
        rung = plan.rungs[0]
        if plan.right is None or plan.prior is None or asked is None or rung not in plan.right:
            return None
        p, q, reach = plan.prior[rung], plan.right[rung], self._difficulty.gate(rung)
        sure = reach.right(asked, p)
        if_right = min(1.0, sure / p) if p else 0.0
        if_wrong = min(1.0, max(0.0, reach.chance(asked, p) - sure) / (1 - p)) if p < 1 else 0.0
        given = q * if_right + (1 - q) * if_wrong
        return Foreseen(
            given=given,
            right=q * if_right / given if given else q,
            right_if_refused=q * (1 - if_right) / (1 - given) if given < 1 else 0.0,
        )

    def onward(self, entry: Entry, plan: Plan, right: float) -> Plan:
        refused, rest = plan.rungs[0], plan.above()
        if plan.right is None or not rest.rungs or refused not in plan.right:
            return rest
        link = self._foresight.link
        told = {
            tier: link(refused, right, tier, p) if tier in rest.rungs else p
            for tier, p in plan.right.items()
        }
        rest = replace(rest, right=told)
        chosen = self._chosen(entry, rest, rest.rungs) if len(rest.rungs) > 1 else None
        return rest if chosen is None else self._barred(entry, chosen)

    def _forecast(self, entry: Entry) -> Mapping[str, float] | None:
        """None without a sketch of this release."""
        if entry.sketch is None:
            return None
        try:
            sketch = Sketch.from_bytes(entry.sketch)
        except ValueError:
            return None
        return self._difficulty.forecast(sketch, entry.step_type)

    def _chosen(self, entry: Entry, plan: Plan, usual: Sequence[str]) -> Plan | None:
        """What pays most among the plan's rungs; None where nothing is foreseen of them, or a
        price is not known."""
        assert plan.right is not None and plan.prior is not None
        known = {tier: p for tier, p in plan.right.items() if tier in plan.rungs}
        if not known:
            return None
        asked = Asked(
            chat=_CHAT,
            step_type=entry.step_type,
            rungs=plan.rungs,
            usual=usual,
            right=known,
            prior=plan.prior,
            past=Past(tier="", at=0.0, prompt_tokens=_prompt_tokens(entry)),
            limits=Limits(),
        )
        try:
            found = self._planner.best(asked)
        except Unpriced:
            return None
        return replace(plan, rungs=found.rungs, bars=found.bars)


def _prompt_tokens(entry: Entry) -> int:
    drafts = (a.usage.prompt_tokens for a in entry.attempts if a.role == "draft")
    return max(drafts, default=0)
