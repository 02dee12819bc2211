"""What holds whatever the policy, the wish, the text, the caps and the faults? The whole cascade.

Each example is a talk of up to three steps with a ladder of three rungs, one of them on this
machine, built as the server builds it: a real predictor, real gates, and a real purse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rungwise.contracts import Router
from rungwise.errors import CallerError, LadderExhausted, OverBudget, TierError
from rungwise.tiers.scripted import Script, decline, fail, pause, say
from rungwise.types import Attempt, Bar, Caller, Cap, Chat, Onward, Plan, StepType, Wish
from tests.access.accounts import Account, account
from tests.worlds import (
    LADDER,
    TOKEN_NANO,
    Heard,
    Rung,
    World,
    configured,
    passed_over,
    usual_start,
)

pytestmark = pytest.mark.anyio

THRESHOLD = 0.9
PROMISED = "promise: keep"
ROWS = (
    "step_types: {planning: {least_confidence: 0.94, headstart_s: 0.005}, "
    "summarisation: {start: local, without: [middle]}}, hurry: true"
)
WORTH = "worth: {right_usd: 0.02, second_usd: 0.001}"
_numbers = count()


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    """One purse for all examples; each has a caller of its own."""
    async with account(f"sqlite:///{tmp_path_factory.mktemp('whole') / 'l.db'}") as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policies")


# ---- what can be -----------------------------------------------------------------------------


def policy(name: str, promise: str = "keep", worth: str = WORTH) -> str:
    heeded = {"cascade": (), "route": (worth,), "pays": (worth, f"promise: {promise}")}[name]
    told = ", ".join((f"policy: {name}", "difficulty: difficulty.json", *heeded))
    return f"{told}, private_tags: [secret], {ROWS}"


POLICIES = {
    **{
        f"{name}, {kept}": policy(name, kept)
        for name in ("cascade", "route", "pays")
        for kept in ("keep", "waive")
    },
    "pays, keep, and a right answer is worth a fortune": policy(
        "pays", worth="worth: {right_usd: 9}"
    ),
    "pays, waive, and it is worth nothing": policy("pays", "waive", "worth: {right_usd: 0.000001}"),
    "no predictor": f"private_tags: [secret], {ROWS}",
}

DRAFTS: dict[str, Script] = {
    "sure": say("one two three", logprob=-0.01),
    "good": say("one two three", logprob=-0.5),
    "fair": say("one two three", logprob=-1.0),
    "lost": say("one two three " * 6, logprob=-3.0),
    "unread": say("one two three"),
    "empty": say(""),
    "cut": say("one two", logprob=-0.01, finish="length"),
    "declined": decline(),
    "ill": fail("overloaded"),
    "broken": say("one two", logprob=-0.01, finish=None) + fail("broken"),
    "rejected": fail("rejected"),
    "slow": pause(0.02) + say("one two three", logprob=-0.01),
    "slow and lost": pause(0.02) + say("one two three " * 3, logprob=-3.0),
}
TEXTS = (
    "Name the river.",
    "Prove it, prove it well, prove that there is no end.",
    "Add 3 to 4.",
    "That is wrong, try again.",
    "hard proof theorem lemma prove " * 40,
)
WISHES = st.builds(
    Wish,
    pin=st.sampled_from((None,) * 5 + LADDER),
    floor=st.sampled_from((None, None, *LADDER)),
    ceiling=st.sampled_from((None, None, *LADDER)),
    local_only=st.sampled_from((False, False, False, True)),
    step_type=st.sampled_from(
        (None, StepType.PLANNING, StepType.SUMMARISATION, StepType.MULTI_STEP_REASONING)
    ),
    hurry=st.sampled_from((False, False, True)),
    deadline_s=st.sampled_from((None, None, 0.01, 5.0)),
    most_nano=st.sampled_from((None, None, 0, 100_000, 1_000_000, 10**9)),
    least_right=st.sampled_from((None, None, 0.5, 0.99, 1.0)),
).filter(lambda w: LADDER.index(w.floor or LADDER[0]) <= LADDER.index(w.ceiling or LADDER[-1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One example."""

    routing: str
    drafts: tuple[str, str, str]
    full: frozenset[str] = frozenset()
    unable: frozenset[str] = frozenset()
    may: frozenset[str] | None = None
    cap: int | None = None
    """Nano-dollars for climbing."""
    steps: tuple[tuple[str, Wish, bool, bool], ...] = (("Name the river.", Wish(), False, False),)
    """What is said, what is wished, whether it streams, and whether it is private."""


FEW_RUNGS = st.frozensets(st.sampled_from(LADDER), max_size=1)
CASES = st.builds(
    Case,
    routing=st.sampled_from(list(POLICIES)),
    drafts=st.tuples(*[st.sampled_from(list(DRAFTS))] * 3),
    full=FEW_RUNGS,
    unable=FEW_RUNGS,
    may=st.sampled_from((None, None, None, frozenset(LADDER[:2]), frozenset(LADDER[1:]))),
    cap=st.sampled_from((None, 0, 500_000, 2_000_000, 21_000_000, 10**9)),
    steps=st.lists(
        st.tuples(
            st.sampled_from(TEXTS), WISHES, st.booleans(), st.sampled_from((False,) * 5 + (True,))
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


async def heard_of(
    case: Case,
    folder: Path,
    own: Account,
    around: Callable[[Router], Router] = lambda router: router,
) -> tuple[World, list[Heard]]:
    rungs = [Rung(name, DRAFTS[draft]) for name, draft in zip(LADDER, case.drafts, strict=True)]
    for rung in rungs:
        rung.full = "too much to do" if rung.name in case.full else None
        rung.unable = "takes no such thing" if rung.name in case.unable else None
    caps = () if case.cap is None else (Cap(nano=case.cap, window="ever", of="escalation"),)
    caller = Caller(name=f"caller{next(_numbers)}", tiers=case.may, caps=caps)
    world = World(
        configured(folder, POLICIES[case.routing]),
        rungs,
        caller,
        ledger=own.ledger,
        purse=own.purse,
        around=around,
    )
    heard = []
    for text, wish, stream, secret in case.steps:
        tags = frozenset({"secret"} if secret else ())
        heard.append(await world.step(text, wish, stream=stream, tags=tags))
    return world, heard


# ---- what must hold --------------------------------------------------------------------------


def one_draft_is_seen(heard: Heard) -> None:
    assert len(heard.released) <= 1
    whose = set(heard.text.split())
    assert whose <= {released.tier for released in heard.released}
    entry = heard.entry
    if heard.settled is not None:
        assert heard.error is None and entry is not None and entry.state == "answered"
        assert [entry.tier] == [released.tier for released in heard.released]
        assert heard.settled.attempts == entry.attempts
    else:
        assert isinstance(heard.error, CallerError | OverBudget | LadderExhausted | TierError)
        assert bool(heard.released) == isinstance(heard.error, TierError)
    if entry is not None:
        seen = [a for a in entry.attempts if a.state in ("released", "left", "broken_off")]
        assert len(seen) == len(heard.released)


def parts_are_the_whole(heard: Heard) -> None:
    """Of the entry, and of what the rungs wrote."""
    if heard.entry is None:
        assert not any(heard.drafted.values()), "what was written is in the ledger"
        return
    attempts = heard.entry.attempts
    for name, words in heard.drafted.items():
        assert _cost(attempts, name) == words * TOKEN_NANO[name]
    total = sum(words * TOKEN_NANO[name] for name, words in heard.drafted.items())
    assert heard.entry.cost_nano == total
    assert heard.settled is None or heard.settled.cost_nano == total


def no_more_than_was_quoted(heard: Heard, case: Case) -> None:
    """Without caps a plan is not changed for want of money."""
    if heard.quote is None or case.cap is not None:
        return
    most = heard.quote.most_nano
    assert most is not None
    assert heard.quote.plan.otherwise or _paid(heard) <= most


def the_wish_is_granted(heard: Heard, wish: Wish, *, secret: bool) -> None:
    if wish.local_only or secret:
        assert heard.asked <= {"local"}
    if wish.most_nano is not None:
        assert _paid(heard) <= wish.most_nano
    for name in heard.asked:
        assert wish.pin in (None, name)
        assert wish.pin == name or name not in passed_over(wish.step_type)
        assert _between(name, wish)


def _between(name: str, wish: Wish) -> bool:
    low = LADDER.index(wish.floor or LADDER[0])
    return low <= LADDER.index(name) <= LADDER.index(wish.ceiling or LADDER[-1])


def the_plan_is_of_rungs_that_can_be_asked(heard: Heard, case: Case, wish: Wish) -> None:
    for plan in filter(None, (heard.quote and heard.quote.plan, heard.entry)):
        rungs = plan.rungs
        assert rungs and list(rungs) == sorted(set(rungs), key=LADDER.index)
        for name in rungs:
            assert name not in case.unable and (case.may is None or name in case.may)
            assert _between(name, wish) and wish.pin in (None, name)
        forecasts = plan.forecasts
        assert all(0 < told.probability < 1 and told.tier in LADDER for told in forecasts)
    if heard.entry is None:
        return
    tried = [a.tier for a in heard.entry.attempts if a.role == "draft"]
    assert set(tried) <= set(heard.entry.rungs) and len(tried) == len(set(tried))
    assert tried == sorted(tried, key=LADDER.index), "upwards"
    if heard.entry.tier is not None:
        place = heard.entry.rungs.index(heard.entry.tier)
        assert list(heard.entry.rungs[:place]) == tried[:place], "none is left out on the way"


def a_plan_says_why(heard: Heard) -> None:
    for why in (heard.quote and heard.quote.plan.why, heard.entry and heard.entry.plan_why):
        assert why is None or (why.strip() and "; ;" not in why and not why.endswith(";"))


def no_doubted_draft_leaves(heard: Heard, promise: float | None) -> None:
    """`promise` is the calibrated threshold, where it is to be kept. The last rung of what was
    planned is not judged, and that a model declines is no doubt."""
    seen = heard.entry.seen if heard.entry is not None else None
    if heard.quote is None or seen is None or seen.reason.startswith("declined"):
        return
    plan = heard.quote.plan
    if seen.tier in (*plan.rungs[-1:], *plan.otherwise[-1:]):
        return
    if promise is not None:
        assert seen.threshold is not None and seen.threshold >= promise
        assert seen.confidence is not None and seen.confidence.probability >= promise
    if seen.threshold:
        assert seen.confidence is not None and seen.confidence.probability >= seen.threshold


async def the_cap_on_climbing_holds(
    case: Case, world: World, heard: Sequence[Heard], own: Account
) -> None:
    assert await own.open() == [], "nothing stays set aside"
    if case.cap is None:
        return
    counted, reserved = (await own.books()).get((world.caller.name, "escalation", "ever"), (0, 0))
    assert counted <= case.cap and reserved == 0
    climbed = 0
    for one, (_, wish, _, _) in zip(heard, case.steps, strict=True):
        start = usual_start(wish.step_type, wish)
        left = [n for n in LADDER[start:] if n not in passed_over(wish.step_type)]
        able = [n for n in left if n not in case.unable and n in (case.may or LADDER)]
        if one.entry is not None and able and wish.pin is None and not wish.local_only:
            above = LADDER[LADDER.index(able[0]) + 1 :]
            climbed += sum(_cost(one.entry.attempts, name) for name in above)
    assert climbed <= case.cap, "as the table has it, whatever the plans said"


def _paid(heard: Heard) -> int:
    """What the rungs that are not on this machine cost."""
    return sum(heard.drafted[name] * TOKEN_NANO[name] for name in LADDER[1:])


def _cost(attempts: Sequence[Attempt], tier: str) -> int:
    return sum(a.cost_nano or 0 for a in attempts if a.tier == tier)


def promised(case: Case) -> float | None:
    waived = case.routing.startswith(("route", "pays, waive"))
    return None if waived else THRESHOLD


async def check(
    case: Case, world: World, heard: Sequence[Heard], own: Account, promise: float | None
) -> None:
    for one, (_, wish, _, secret) in zip(heard, case.steps, strict=True):
        one_draft_is_seen(one)
        parts_are_the_whole(one)
        no_more_than_was_quoted(one, case)
        the_wish_is_granted(one, wish, secret=secret)
        the_plan_is_of_rungs_that_can_be_asked(one, case, wish)
        a_plan_says_why(one)
        no_doubted_draft_leaves(one, promise)
    await the_cap_on_climbing_holds(case, world, heard, own)


EXAMPLES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(case=CASES)
async def test_whatever_comes_together_every_promise_holds(
    case: Case, folder: Path, own: Account
) -> None:
    world, heard = await heard_of(case, folder, own)
    await check(case, world, heard, own, promised(case))


# ---- a router that plans badly ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """What a router of no sense says."""

    rungs: tuple[str, ...]
    reach: tuple[str, ...]
    otherwise: tuple[str, ...]
    onward: tuple[str, ...]
    bars: tuple[Bar, ...]
    headstart_s: float | None


BARS = st.builds(Bar, tier=st.sampled_from((*LADDER, "nobody")), confidence=st.floats(0, 1.5))
SOME = st.lists(st.sampled_from(LADDER), unique=True).map(tuple)
BADLY = st.builds(
    Bad,
    rungs=SOME.filter(len),
    reach=SOME,
    otherwise=SOME,
    onward=st.lists(st.sampled_from((*LADDER, "nobody"))).map(tuple),
    bars=st.lists(BARS, max_size=4).map(tuple),
    headstart_s=st.sampled_from((None, 0.0, 0.005)),
)


class Badly:
    """See contracts.Router; all but that it names rungs of the ladder."""

    def __init__(self, bad: Bad) -> None:
        self._bad = bad

    def plan(self, chat: Chat) -> Plan:
        bad = self._bad
        return Plan(
            rungs=bad.rungs,
            step_type=chat.wish.step_type or StepType.OPEN_CHAT,
            why="for no reason",
            reach=bad.reach,
            otherwise=bad.otherwise,
            bars=bad.bars,
            headstart_s=bad.headstart_s,
        )

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        return Onward(rungs=self._bad.onward, bars=self._bad.bars, why="for none either")


@EXAMPLES
@given(case=CASES, bad=BADLY)
async def test_a_router_that_plans_badly_breaks_no_promise(
    case: Case, bad: Bad, folder: Path, own: Account
) -> None:
    world, heard = await heard_of(case, folder, own, around=lambda _: Badly(bad))
    for one, (_, wish, _, _) in zip(heard, case.steps, strict=True):
        one_draft_is_seen(one)
        parts_are_the_whole(one)
        a_plan_says_why(one)
        no_doubted_draft_leaves(one, THRESHOLD)
        assert not wish.local_only or one.asked <= {"local"}
        assert not one.asked & case.unable and one.asked <= (case.may or set(LADDER))
        if wish.most_nano is not None:
            assert _paid(one) <= wish.most_nano
    counted = (await own.books()).get((world.caller.name, "escalation", "ever"), (0, 0))
    assert case.cap is None or counted[0] <= case.cap
    assert await own.open() == []


# ---- some of it, one by one ------------------------------------------------------------------

HARD = TEXTS[1]


def case(
    routing: str, *drafts: str, text: str = HARD, cap: int | None = None, **wish: object
) -> Case:
    step = (text, Wish(**wish), False, False)  # type: ignore[arg-type]
    return Case(routing=routing, drafts=drafts, cap=cap, steps=(step,))  # type: ignore[arg-type]


@pytest.mark.parametrize("routing", ["pays, keep", "pays, waive"])
@pytest.mark.parametrize("text", TEXTS)
async def test_no_text_raises_a_bar_so_high_that_the_start_above_it_is_no_climb(
    routing: str, text: str, folder: Path, own: Account
) -> None:
    """Where nothing may be spent on climbing, the table's start answers as it would without what
    the text looks like."""
    asked = case(routing, "sure", "sure", "sure", text=text, cap=0)
    world, (heard,) = await heard_of(asked, folder, own)
    await check(asked, world, [heard], own, THRESHOLD)
    assert heard.entry is not None and heard.entry.tier == "local"
    assert heard.entry.attempts[0].threshold == THRESHOLD or heard.entry.rungs == LADDER


@pytest.mark.parametrize("routing", list(POLICIES))
async def test_a_head_start_and_a_refusal_that_leads_elsewhere_go_together(
    routing: str, folder: Path, own: Account
) -> None:
    asked = case(routing, "slow and lost", "slow and lost", "sure", text="Add 3 to 4.", hurry=True)
    world, (heard,) = await heard_of(asked, folder, own)
    await check(asked, world, [heard], own, promised(asked))
    assert heard.settled is not None


@pytest.mark.parametrize("routing", list(POLICIES))
@pytest.mark.parametrize("secret", [False, True])
async def test_what_is_local_only_stays_so_however_hard_it_is(
    routing: str, secret: bool, folder: Path, own: Account
) -> None:
    for draft in ("lost", "ill", "sure"):
        step = (HARD, Wish(local_only=not secret, least_right=0.99), False, secret)
        asked = Case(routing=routing, drafts=(draft, "sure", "sure"), steps=(step,))
        world, (heard,) = await heard_of(asked, folder, own)
        await check(asked, world, [heard], own, promised(asked))
        assert heard.asked == {"local"}
