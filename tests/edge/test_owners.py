"""What does the owner see that others do not?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rungwise.edge.gated import Gated
from rungwise.edge.rising import Rising
from rungwise.store.sql import Store
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Alarm, Outcome
from tests.edge.doubles import client
from tests.edge.looking import NOW, OWNER, STEP, TEAM, looked_at, opened, write

pytestmark = pytest.mark.anyio

PATHS = ("alarms", "calibrations", "gpus", "ladder")
ALARM = Alarm(
    id="a1", kind="accuracy", about="tier1", why="<b>0.81</b>", began_at=NOW, demotes="tier1"
)
ENDED = replace(ALARM, id="a0", began_at=NOW - 9, ended_at=NOW - 5, demotes=None)


@dataclass
class Rung:
    """Two alarms, one of them on."""

    on: Sequence[Alarm] = (ALARM,)

    async def recent(self, limit: int) -> Sequence[Alarm]:
        return [ALARM, ENDED][:limit]


async def got(store: Store, path: str, **owners: Any) -> Any:
    async with client(looked_at(store, **owners)) as http:
        answer = await http.get(f"/v1/{path}", headers=OWNER)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_that_sees_only_its_own_is_refused(tmp_path: Path, path: str) -> None:
    async with opened(Store(tmp_path / "l.db")) as store, client(looked_at(store)) as http:
        answer = await http.get(f"/v1/{path}", headers=TEAM)
        nobody = await http.get(f"/v1/{path}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (403, "sees_own_only")
    assert set(error) == {"message", "type", "param", "code"}
    assert nobody.status_code == 401


@pytest.mark.parametrize("path", PATHS)
async def test_where_nothing_is_watched_nothing_is_made_up(tmp_path: Path, path: str) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(store, path, ladder=())
    lists = [value for value in told.values() if isinstance(value, list)]
    assert lists and not any(lists)


async def test_alarms_are_told_with_the_detectors_that_give_them(tmp_path: Path) -> None:
    standing = SimpleNamespace(
        name="n", kind="accuracy", about="t", seen=8, usual=0.9, now=None, evidence=1.0, bound=4.0
    )
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(store, "alarms?limit=1", alarms=Rung(), standing=lambda: [standing])
    assert told["on"] == told["recent"] and told["on"][0]["why"] == "<b>0.81</b>"
    assert set(told["on"][0]) == {"id", "kind", "about", "why", "began_at", "ended_at", "demotes"}
    assert told["detectors"] == [vars(standing)]


async def test_a_calibration_is_told_beside_what_came_of_it(tmp_path: Path) -> None:
    gates = [Gated(tier="tier1", model="m", accept="checked", calibration=None)]
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [replace(STEP, outcome=Outcome(right=False))])
        (told,) = (await got(store, "calibrations", gates=gates, alarms=Rung()))["data"]
    assert (told["calibration"], told["thresholds"], told["demoted"]) == (None, {}, True)
    assert (told["labelled"], told["since_at"]) == (1, STEP.at)
    assert told["calibration_error"] == pytest.approx(0.97)
    (one,) = told["bins"]
    assert (one["said"], one["right"], one["count"]) == (0.97, 0.0, 1)


async def test_gpus_and_engines_are_told_each_where_it_is_there(tmp_path: Path) -> None:
    usage = SimpleNamespace(
        index=0,
        name="H100",
        busy=0.5,
        memory_used=1,
        memory_own=1,
        memory_total=2,
        power_w=None,
        power_limit_w=700.0,
        joules=3.0,
        temperature_c=60.0,
        sm_hz=1_980_000_000,
        memory_hz=None,
        throttled=("power_cap",),
        processes=2,
        at=NOW,
    )
    engine = SimpleNamespace(running=3, kv_use=0.25)
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(
            store,
            "gpus",
            gpus=SimpleNamespace(usage=[usage], absent=None),
            engine={"tier1": engine}.get,
        )
    (gpu,), (own,) = told["devices"], told["engines"]
    assert told["measured"] and told["why"] is None
    assert (gpu["gpu"], gpu["utilisation"], gpu["sm_clock_mhz"]) == ("0", 0.5, 1980)
    assert gpu["power_w"] is gpu["memory_clock_mhz"] is None and gpu["throttling"] == ["power_cap"]
    assert (own["tier"], own["up"], own["running"], own["kv_use"]) == ("tier1", True, 3, 0.25)
    assert own["tokens_per_s"] is None


async def test_without_a_reading_the_reason_is_told(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(store, "gpus", gpus=SimpleNamespace(usage=[], absent="no driver"))
    assert (told["measured"], told["why"], told["devices"]) == (False, "no driver", [])


async def test_the_ladder_tells_who_can_draft_and_at_which_price(tmp_path: Path) -> None:
    low, high = ScriptedTier("tier1", model="m"), ScriptedTier("tier2", local=False)
    rising = Rising((low, high))
    rising.waiting = {"tier1"}
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(
            store,
            "ladder",
            ladder=(low, high),
            rising=rising,
            gates=[Gated(tier="tier1", model="m", accept="checked", calibration=None)],
            prices={"tier2": "1 in, 2 out"}.get,
            barred=lambda tier: "no ledger" if tier.name == "tier2" else None,
        )
    first, second = told["tiers"]
    assert (first["kind"], first["state"], first["price"]) == ("local", "starting", None)
    assert first["gate"] == {"accept": "checked", "calibration": None}
    assert second == {
        "name": "tier2",
        "model": high.model,
        "kind": "hosted",
        "state": "missing",
        "why": "no ledger",
        "gate": None,
        "price": "1 in, 2 out",
    }


class Meeting(ScriptedTier):
    """Healthy once all of a ladder were asked."""

    def __init__(self, name: str, together: asyncio.Barrier) -> None:
        super().__init__(name)
        self._together = together

    async def health(self) -> str | None:
        async with asyncio.timeout(5):
            await self._together.wait()
        return None


@pytest.mark.parametrize("path", ["ladder", "gpus"])
async def test_all_rungs_are_asked_how_they_are_at_once(tmp_path: Path, path: str) -> None:
    together = asyncio.Barrier(3)
    ladder = tuple(Meeting(f"tier{number}", together) for number in range(3))
    async with opened(Store(tmp_path / "l.db")) as store:
        told = await got(store, path, ladder=ladder)
    states = [tier.get("why") for tier in told.get("tiers") or told["engines"]]
    assert states == [None] * 3


async def test_half_a_surrogate_pair_in_a_name_fails_no_answer(tmp_path: Path) -> None:
    """A model's name in YAML can hold one, and what an upstream says of itself."""
    alarms = Rung(on=(replace(ALARM, why="model x\udc00 \U0001f680"),))
    async with opened(Store(tmp_path / "l.db")) as store:
        ladder = await got(store, "ladder", ladder=(ScriptedTier("tier1", model="odd\ud800"),))
        told = await got(store, "alarms", alarms=alarms)
    assert ladder["tiers"][0]["model"] == "odd?"
    assert told["on"][0]["why"] == "model x? \U0001f680"
