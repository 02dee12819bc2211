"""Where would another plan have led one step? Along its recorded drafts, and estimates between.

Rung by rung: a draft that was made is taken as it is, at its cost, and given out where it is sure
enough for what is asked now. A draft that was never made, or was stopped before its end, is what
the rung's drafts usually are, and splits the step: with the probability that it would have been
given out the step ends there, else it goes on. What a check spoke against is refused again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rungwise.lab.replaying.asked import Thresholds
from rungwise.lab.replaying.drafts import Drafts, Pricing, Recorded
from rungwise.lab.replaying.means import Means
from rungwise.lab.replaying.plans import Foreseen, Plan, Plans
from rungwise.types import Entry

__all__ = ["End", "Lacking", "Walk", "Walker"]


class Lacking(Exception):
    """Nothing can be told: what a rung's draft costs is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way in which the step may end."""

    weight: float
    tier: str
    nano: float
    seconds: float | None
    """None where a rung's drafts were never timed."""
    same: bool
    """Whether the draft that was given here is given there."""
    right: float | None
    """P(right); None: nobody knows."""


@dataclass(slots=True)
class Walk:
    """How far one has come."""

    weight: float = 1.0
    """P(the step goes on); in the end, P(no rung has answered)."""
    nano: float = 0.0
    seconds: float | None = 0.0
    ends: list[End] = field(default_factory=list)
    recorded_nano: float = 0.0
    """Of what is expected to be paid, what drafts did cost that were made."""
    estimated_nano: float = 0.0
    recorded: bool = True
    """Whether nothing of it is an estimate."""

    def pay(self, nano: float | None, seconds: float | None, *, recorded: bool) -> None:
        """Raises Lacking."""
        if nano is None:
            raise Lacking
        self.nano += nano
        timed = self.seconds is not None and seconds is not None
        self.seconds = self.seconds + seconds if timed else None  # type: ignore[operator]
        if recorded:
            self.recorded_nano += self.weight * nano
        else:
            self.estimated_nano += self.weight * nano
            self.recorded = False

    def end(self, given: float, tier: str, *, same: bool, right: float | None) -> None:
        """With this probability the step ends here."""
        if given > 0:
            weight = self.weight * given
            end = End(
                weight=weight,
                tier=tier,
                nano=self.nano,
                seconds=self.seconds,
                same=same,
                right=right,
            )
            self.ends.append(end)
            self.weight -= weight


class Walker:
    def __init__(
        self, plans: Plans, pricing: Pricing, means: Means, thresholds: Thresholds
    ) -> None:
        self._plans, self._pricing = plans, pricing
        self._means, self._thresholds = means, thresholds

    def walk(self, entry: Entry, drafts: Drafts, plan: Plan) -> Walk:
        """Raises Lacking."""
        way = Walk(seconds=_overhead(entry, drafts))
        while plan.rungs and way.weight > 0:
            rung, last = plan.rungs[0], len(plan.rungs) == 1
            draft = drafts.get(rung)
            if draft is not None and draft.attempt.state in ("failed", "spilled"):
                way.pay(draft.nano, draft.seconds, recorded=True)
                plan = plan.above()
                continue
            asked = self._thresholds.asked(rung, entry.step_type, plan.bar, draft)
            foreseen = self._plans.foresee(plan, asked)
            given, known = (1.0, True) if last else self._given(entry, draft, rung, asked, foreseen)
            way.recorded = way.recorded and known
            self._pay(way, entry, rung, draft, last=last, whole=given > 0)
            same = draft is not None and draft.given
            right = self._right(entry, rung, draft, foreseen)
            way.end(given, rung, same=same, right=right)
            plan = self._plans.onward(entry, plan, _refused_right(draft, foreseen))
        return way

    def _given(
        self,
        entry: Entry,
        draft: Recorded | None,
        rung: str,
        asked: float | None,
        foreseen: Foreseen | None,
    ) -> tuple[float, bool]:
        """P(a draft that is judged is given out), and whether that is recorded."""
        if draft is not None and asked is not None and asked <= 0 and draft.why != "checks":
            return 1.0, draft.whole
        usual = self._means.accepted(rung, entry.step_type)
        likely = usual if foreseen is None else foreseen.given
        if draft is None:
            return (1.0 if likely is None else likely), False
        if not draft.judged and draft.sure is None and likely is not None:
            return likely, False
        before = draft.attempt.threshold
        if draft.why in ("checks", "evidence", "unread"):
            return 0.0, True
        if asked is None or draft.sure is None:
            return float(draft.given), True
        if before is not None and (asked <= before if draft.given else asked >= before):
            return float(draft.given), True  # nothing is asked that would change it
        return float(draft.sure >= asked), draft.whole

    def _pay(
        self,
        way: Walk,
        entry: Entry,
        rung: str,
        draft: Recorded | None,
        *,
        last: bool,
        whole: bool,
    ) -> None:
        """`whole`: the draft may be given out, and is then written to its end."""
        means, step_type = self._means, entry.step_type
        if draft is not None and (draft.whole or not whole):
            evidence = 0 if last else draft.evidence_nano
            nano = None if draft.nano is None or evidence is None else draft.nano + evidence
            way.pay(nano, draft.seconds, recorded=True)
            return
        nano = self._pricing.would(entry, rung)
        told = means.nano(rung, step_type) if nano is None else nano
        seconds = means.seconds(rung, step_type)
        if told is not None and not last:
            told += means.evidence(rung, step_type)
        way.pay(told, seconds, recorded=False)

    def _right(
        self, entry: Entry, rung: str, draft: Recorded | None, foreseen: Foreseen | None
    ) -> float | None:
        if draft is not None and draft.given and entry.outcome is not None:
            return float(entry.outcome.right)
        if draft is not None and draft.sure is not None and draft.whole:
            return draft.sure
        return foreseen.right if foreseen else self._means.right(rung, entry.step_type)


def _refused_right(draft: Recorded | None, foreseen: Foreseen | None) -> float:
    """P(right) of a draft that was refused: none where a check spoke against it."""
    if draft is None:
        return foreseen.right_if_refused if foreseen else 0.0
    return draft.sure or 0.0 if draft.why in (None, "confidence", "early") else 0.0


def _overhead(entry: Entry, drafts: Drafts) -> float:
    """What the step took beside its drafts."""
    return max(0.0, entry.latency_s - sum(draft.seconds for draft in drafts.values()))
