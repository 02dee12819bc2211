"""What a conversation has seen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import AffinityConfig
from rungwise.policy.memory import MOST_DOUBLED, Memory, Past, conversation_of, goes_on
from rungwise.types import Attempt, AttemptState, Chat, Entry, Image, Message, StepType, Tool, Usage

AT = 1_795_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> float:
        return self.now


def attempt(tier: str, state: AttemptState, tokens: int = 100, **more: Any) -> Attempt:
    return Attempt(
        tier=tier,
        model=tier,
        state=state,
        reason="",
        usage=Usage(input=tokens // 2, cache_read=tokens - tokens // 2),
        cost_nano=0,
        started_s=0.0,
        first_piece_s=0.0,
        ended_s=1.0,
        **more,
    )


def entry(*attempts: Attempt, conversation: str | None = "a", at: float = AT, **more: Any) -> Entry:
    told: dict[str, Any] = {"state": "answered", "latency_s": 0.0, **more}
    return Entry(
        id="req_1",
        at=at,
        caller="any",
        route="auto",
        step_type=StepType.OPEN_CHAT,
        plan_why="",
        attempts=attempts,
        first_byte_s=0.0,
        conversation=conversation,
        **told,
    )


class Talk:
    """A memory and one conversation in it, whose prompt grows with every step."""

    def __init__(self, **config: Any) -> None:
        self.clock = Clock()
        self.memory = Memory(AffinityConfig(**config), self.clock)
        self.tokens = 100

    def step(self, *climbed: str, to: str = "t1", **more: Any) -> Past | None:
        """Drafts of `climbed` were refused; `to` answered. What is remembered after it."""
        self.tokens += 50
        self.clock.now += 1
        refused = [attempt(tier, "abandoned", self.tokens) for tier in climbed]
        given = attempt(to, "released", self.tokens)
        self.memory.learn(entry(*refused, given, at=self.clock.now, **more))
        return self.memory.past("a")

    def is_hard(self) -> bool:
        past = self.memory.past("a")
        return past is not None and past.hard

    def stretch(self) -> int:
        """For how many steps without a climb it stays hard."""
        steps = 0
        while self.is_hard():
            self.step(to="t2")
            steps += 1
        return steps


# ---- what is remembered ----------------------------------------------------------------------


def test_the_last_answered_step_is_remembered() -> None:
    talk = Talk()
    assert talk.memory.past("a") is None and talk.memory.past(None) is None
    assert talk.step() == Past(tier="t1", at=AT + 1, prompt_tokens=150)
    talk.clock.now += 5
    assert talk.step(latency_s=0.5, to="t2") == Past(tier="t2", at=AT + 7.5, prompt_tokens=200)


@pytest.mark.parametrize("state", ["broken_off", "exhausted", "cancelled", "lost"])
def test_a_step_that_was_not_answered_teaches_nothing(state: str) -> None:
    talk = Talk()
    before = talk.step()
    assert talk.step("t1", to="t2", state=state) == before
    assert talk.memory.past("b") is None


def test_a_step_of_no_conversation_teaches_nothing() -> None:
    talk = Talk()
    talk.step(conversation=None)
    assert not len(talk.memory)


def test_a_rung_that_failed_or_was_busy_does_not_make_it_hard() -> None:
    for state in ("failed", "spilled", "outrun"):
        talk = Talk()
        talk.memory.learn(entry(attempt("t1", state), attempt("t2", "released")))  # type: ignore[arg-type]
        assert not talk.is_hard()


def test_evidence_that_was_asked_for_is_no_climb() -> None:
    talk = Talk()
    asked = attempt("t2", "abandoned", role="judge")
    talk.memory.learn(entry(asked, attempt("t1", "released")))
    assert not talk.is_hard()


def test_a_recalled_answer_says_who_wrote_it_and_nothing_else() -> None:
    talk = Talk()
    talk.step("t1", to="t2")
    for _ in range(20):
        talk.memory.learn(entry(attempt("t3", "recalled", 0), at=talk.clock.now))
    past = talk.memory.past("a")
    assert past == Past(tier="t3", at=talk.clock.now, prompt_tokens=0, hard_at="t2")


def test_a_pinned_step_says_where_the_prompt_is_warm_and_counts_as_a_turn() -> None:
    talk = Talk(hard_for_turns=2)
    talk.step("t1", to="t2")
    past = talk.step(to="t1", rungs=("t1",))
    assert past is not None and (past.tier, past.hard_at) == ("t1", "t2")
    talk.step(to="t1", rungs=("t1",))
    assert not talk.is_hard()


def test_switched_off_it_remembers_nothing() -> None:
    talk = Talk(enabled=False)
    assert talk.step("t1", to="t2") is None
    assert not talk.memory.heeds_rejections
    assert Talk().memory.heeds_rejections
    assert not Talk(rejections=False).memory.heeds_rejections


# ---- hard ------------------------------------------------------------------------------------


def test_after_a_climb_it_is_hard_for_so_many_turns() -> None:
    for turns in (0, 1, 3, 8):
        talk = Talk(hard_for_turns=turns)
        talk.step("t1", to="t2")
        assert talk.stretch() == turns


def test_the_rung_that_answered_the_climb_is_the_one_that_counts() -> None:
    talk = Talk()
    talk.step("t1", "t2", to="t3")
    past = talk.step(to="t1")
    assert past is not None and (past.tier, past.hard_at) == ("t1", "t3")
    past = talk.step("t1", to="t2")
    assert past is not None and past.hard_at == "t2"


def test_a_climb_on_the_way_begins_the_stretch_again_but_does_not_double_it() -> None:
    talk = Talk(hard_for_turns=3)
    talk.step("t1", to="t2")
    talk.step(to="t2")
    talk.step("t2", to="t3")
    assert talk.stretch() == 3


def test_climbing_again_after_stepping_down_doubles_the_stretch_up_to_a_bound() -> None:
    talk = Talk(hard_for_turns=2)
    found = []
    for _ in range(6):
        talk.step("t1", to="t2")
        found.append(talk.stretch())
    assert found == [2, 4, 8, 16, 16, 16] and found[-1] == MOST_DOUBLED * 2


def test_a_stretch_without_climbs_makes_the_count_begin_anew() -> None:
    talk = Talk(hard_for_turns=2)
    talk.step("t1", to="t2")
    assert talk.stretch() == 2
    talk.step("t1", to="t2")
    assert talk.stretch() == 4
    for _ in range(4):
        talk.step()
    talk.step("t1", to="t2")
    assert talk.stretch() == 2


@given(st.lists(st.booleans(), max_size=300), st.integers(0, 10))
def test_of_any_steps_few_can_climb_from_the_table(needs_more: list[bool], turns: int) -> None:
    """Whoever starts as told climbs at most once in each stretch, and never stays hard for good."""
    talk = Talk(hard_for_turns=turns)
    since = turns
    for needs in needs_more:
        if talk.is_hard():
            talk.step(to="t2")
            since += 1
            continue
        if needs:
            assert since >= turns
            talk.step("t1", to="t2")
            since = 0
        else:
            talk.step()
            since += 1
    assert talk.stretch() <= MOST_DOUBLED * turns


# ---- whose past it is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "tier", "hard"),
    [
        (200, "t2", True),
        (150, "t2", False),
        (90, "t2", False),
        (130, "t1", True),
        (90, "t1", False),
    ],
)
def test_a_prompt_that_has_not_grown_is_the_beginning_of_another_conversation(
    tokens: int, tier: str, hard: bool
) -> None:
    talk = Talk()
    talk.step("t1", to="t2")
    assert talk.tokens == 150
    talk.memory.learn(entry(attempt(tier, "released", tokens), at=talk.clock.now))
    past = talk.memory.past("a")
    assert past is not None and past.hard is hard and past.prompt_tokens == tokens


def test_conversations_do_not_share_a_past() -> None:
    talk = Talk()
    talk.step("t1", to="t2")
    talk.step(to="t1", conversation="b")
    assert talk.is_hard()
    past = talk.memory.past("b")
    assert past is not None and not past.hard


# ---- how long, how many ----------------------------------------------------------------------


def test_a_conversation_that_rests_longer_is_forgotten() -> None:
    talk = Talk(for_s=60)
    talk.step("t1", to="t2")
    talk.clock.now += 60
    assert talk.is_hard()
    talk.clock.now += 0.5
    assert talk.memory.past("a") is None
    past = talk.step()
    assert past is not None and not past.hard, "nothing of it comes back"


def test_what_is_forgotten_takes_no_room() -> None:
    talk = Talk(for_s=60)
    for name in "abc":
        talk.step(conversation=name)
    talk.clock.now += 100
    talk.step(conversation="d")
    assert len(talk.memory) == 1


def test_of_too_many_the_one_that_rested_longest_is_forgotten() -> None:
    talk = Talk(conversations=2)
    for name in "abac":
        talk.step(conversation=name)
    assert [talk.memory.past(name) is not None for name in "abc"] == [True, False, True]
    assert len(talk.memory) == 2


@pytest.mark.parametrize("jump", [-1e9, -3600.0, 3600.0, 1e9])
def test_a_clock_that_jumps_makes_it_forget_at_worst(jump: float) -> None:
    talk = Talk(for_s=60)
    talk.step("t1", to="t2")
    talk.clock.now += jump
    assert talk.memory.past("a") is None
    assert talk.step() is not None
    for number in range(5):
        talk.step(conversation=str(number))
    talk.clock.now -= jump
    talk.step()
    assert len(talk.memory) <= 7


def test_a_small_jump_back_forgets_nothing() -> None:
    talk = Talk(for_s=60)
    talk.step()
    talk.clock.now -= 30
    assert talk.memory.past("a") is not None


# ---- which conversation ----------------------------------------------------------------------

BEGINNING = (
    Message(role="system", text="You are an agent."),
    Message(role="user", text="Mend the build."),
)
LATER = (
    *BEGINNING,
    Message(role="assistant", text="I will look."),
    Message(role="user", text="And?"),
)


def name(*messages: Message, **more: Any) -> str | None:
    return conversation_of(Chat(messages=messages, **more))


def test_all_steps_of_a_conversation_have_one_name() -> None:
    first = name(*BEGINNING)
    assert first is not None and len(first) == 16 and int(first, 16) >= 0
    tool = Tool(name="look")
    assert first == name(*LATER) == name(*LATER, *LATER[2:], tools=(tool,), stream=True)
    marked = Message(role="user", text="Mend the build.", cache_mark="5m")
    assert first == name(BEGINNING[0], marked, *LATER[2:])


def test_a_system_prompt_may_change_behind_its_head() -> None:
    def agent(now: str) -> Message:
        return Message(role="system", text=f"{'You are an agent. ' * 100} It is {now}.")

    assert name(agent("noon"), BEGINNING[1]) == name(agent("one"), BEGINNING[1])


def test_another_beginning_is_another_conversation() -> None:
    user = BEGINNING[1]
    found = [
        name(*BEGINNING),
        name(user),
        name(Message(role="system", text="You are another."), user),
        name(BEGINNING[0], Message(role="user", text="Mend the roof.")),
        name(BEGINNING[0], Message(role="user", text="Mend the build.", images=(Image(url="x"),))),
        name(*BEGINNING, Message(role="user", text="It is urgent.")),
        name(*BEGINNING, tenant="other"),
        name(*BEGINNING, agent="other"),
        name(*BEGINNING, conversation="one"),
        name(*BEGINNING, conversation="two"),
        name(*BEGINNING, conversation="one", tenant="other"),
    ]
    assert len(set(found)) == len(found) and None not in found


@pytest.mark.parametrize("place", ["head", "tail"])
def test_long_turns_are_told_apart_by_their_ends(place: str) -> None:
    middle = "x" * 10_000
    texts = [f"{c}{middle}" if place == "head" else f"{middle}{c}" for c in "ab"]
    assert len({name(Message(role="user", text=text)) for text in texts}) == 2


def test_where_no_user_says_anything_there_is_no_conversation() -> None:
    assert name() is None
    assert name(BEGINNING[0]) is None
    assert name(Message(role="user", text="")) is None
    assert name(Message(role="assistant", text="Hello."), BEGINNING[0]) is None


def test_a_chat_goes_on_once_an_assistant_has_spoken() -> None:
    assert goes_on(Chat(messages=LATER))
    assert not goes_on(Chat(messages=BEGINNING))
    assert not goes_on(Chat(messages=()))


def test_a_greeting_is_no_answer() -> None:
    greeting = Message(role="assistant", text="Hello.")
    assert not goes_on(Chat(messages=(greeting, *BEGINNING)))
    assert name(greeting, *BEGINNING) == name(greeting, *LATER) == name(*BEGINNING)
    assert goes_on(Chat(messages=(greeting, *LATER)))


@given(st.text(), st.text(), st.text(), st.text())
def test_two_tenants_never_share(one: str, other: str, text: str, conversation: str) -> None:
    said = Message(role="user", text=f"x{text}")
    found = [name(said, tenant=t, conversation=conversation) for t in (one, other)]
    assert (found[0] == found[1]) == (one == other)
