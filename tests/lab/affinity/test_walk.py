"""What becomes of simulated conversations under a router whose plans are written down."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from rungwise.lab.affinity.conversations import Conversations, draw
from rungwise.lab.affinity.walk import COLUMNS, Walk, ladder
from rungwise.types import Attempt, Chat, Entry, Onward, Plan, StepType

TOLD = draw(40, 5)


class Fixed:
    """Every plan has these rungs."""

    def __init__(self, *rungs: str) -> None:
        self.rungs = rungs
        self.chats: list[Chat] = []

    def plan(self, chat: Chat) -> Plan:
        self.chats.append(chat)
        return Plan(rungs=self.rungs, step_type=StepType.OPEN_CHAT, why="")

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        return Onward(rungs=plan.rungs[len(refused) :])


def walked(
    *rungs: str, told: Conversations = TOLD, least: float = 0.5
) -> tuple[dict[str, float], list[Entry], Fixed]:
    walk, router, entries = Walk(told, least=least), Fixed(*rungs), list[Entry]()
    walk.run(router, [entries.append], lambda: None)
    return dict(zip(COLUMNS, walk.sums.sum(axis=0), strict=True)), entries, router


def test_every_task_is_counted_once() -> None:
    found, entries, _ = walked("middle")
    assert found["tasks"] == TOLD.first[-1]
    assert found["steps"] == len(entries) >= found["tasks"]
    assert found["climbs"] == found["moves"] == 0


def test_the_sums_are_those_of_the_entries() -> None:
    found, entries, _ = walked("local", "middle", "top")
    assert found["nano"] == sum(entry.cost_nano or 0 for entry in entries)
    assert found["cached"] == sum(entry.usage.cache_read for entry in entries)
    assert found["climbs"] == sum(len(entry.attempts) - 1 for entry in entries) > 0


def test_entries_come_in_the_order_of_time_and_climb_as_planned() -> None:
    _, entries, _ = walked("local", "top")
    assert all(a.at <= b.at for a, b in pairwise(entries))
    for entry in entries:
        *refused, given = entry.attempts
        assert given.state == "released" and all(a.state == "abandoned" for a in refused)
        assert all(a.confidence and a.confidence.probability < 0.5 for a in refused)


def test_history_grows_and_is_read_from_the_cache_where_it_is_fresh() -> None:
    told = replace(TOLD, pause_s=np.full_like(TOLD.pause_s, 10.0))
    _, entries, router = walked("top", told=told)
    first = router.chats[0].messages[1].text
    mine = [i for i, chat in enumerate(router.chats) if chat.messages[1].text == first]
    sizes = [entries[i].usage.prompt_tokens for i in mine]
    assert sizes == sorted(set(sizes))
    for before, after in pairwise(mine):
        warm = entries[before].usage.prompt_tokens
        assert entries[after].usage.cache_read == (warm if warm >= 1024 else 0)


def test_a_long_pause_makes_the_prefix_cold() -> None:
    told = replace(TOLD, pause_s=np.full_like(TOLD.pause_s, 1000.0))
    found, _, _ = walked("top", told=told)
    assert found["cached"] == 0


def test_the_gate_lets_more_through_the_less_it_asks() -> None:
    climbs = [walked("local", "top", least=least)[0]["climbs"] for least in (0.0, 0.5, 0.8, 1.0)]
    assert climbs[0] == 0 and climbs == sorted(climbs) and climbs[1] < climbs[3]


def test_a_rejected_answer_is_said_to_be_wrong() -> None:
    told = replace(TOLD, rejected=np.ones_like(TOLD.rejected), right=np.zeros_like(TOLD.right))
    found, _, router = walked("middle", told=told)
    assert found["steps"] == 3 * found["tasks"] and found["right"] == 0
    wrong = [c for c in router.chats if c.messages[-1].text.startswith("That is wrong")]
    assert len(wrong) == 2 * found["tasks"]


def test_all_prices_are_stated() -> None:
    assert [tier.name for tier in ladder()] == ["local", "middle", "top"]
