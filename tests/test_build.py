"""Which gates are refused before anything starts, because they could not do what they say."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rungwise.build import build_gate
from rungwise.build.app import _money, _supervised
from rungwise.config import (
    AdapterTierConfig,
    AnthropicTierConfig,
    Config,
    GateConfig,
    LedgerConfig,
    OpenAITierConfig,
    RestartConfig,
    VllmTierConfig,
)
from rungwise.config.tiers import Tiers
from rungwise.errors import ConfigError, TierError
from rungwise.observe.metrics import Metrics
from rungwise.store.sql import Store
from rungwise.store.tables import rung_tally
from rungwise.tiers.local.standing import Standing
from rungwise.tiers.scripted import ScriptedTier
from tests.access.accounts import Account, bids, capped, ended, tried
from tests.confidence.test_calibration import FILE

LOCAL = VllmTierConfig(name="t", kind="vllm", model="small", revision="abc")
OPENAI = OpenAITierConfig(name="t", kind="openai", model="small", api_key_env="K")
ANTHROPIC = AnthropicTierConfig(name="t", kind="anthropic", model="small", api_key_env="K")
JUDGED = {
    "signals": ["judge"],
    "finished": {"weights": {"judge": 2.0}, "intercept": 0.0},
}
SELF_CHECKED = {
    "signals": ["mean_logprob", "self_check"],
    "finished": {"weights": {"mean_logprob": 2.0, "self_check": 1.0}, "intercept": 0.0},
}


def gate(folder: Path, tier: Tiers, calibration: dict[str, Any], **config: Any) -> GateConfig:
    path = folder / "gate.json"
    revision = "abc/auto" if isinstance(tier, VllmTierConfig) else "small"
    path.write_text(json.dumps({**FILE, "revision": revision, **calibration}))
    return GateConfig.model_validate({"tier": "t", "calibration": path, **config})


@pytest.mark.parametrize(
    ("tier", "calibration", "config", "said"),
    [
        (OPENAI, {}, {}, "no `logprobs: true`"),
        (ANTHROPIC, {}, {}, "an API that gives no log-probabilities"),
        (ANTHROPIC, JUDGED, {"judge": {"tier": "t2"}, "agreement": {}}, "agreement is paid for"),
        (LOCAL, {}, {"self_check": {}}, "self_check is paid for, but the calibration does not"),
        (LOCAL, SELF_CHECKED, {}, "the calibration reads self_check; configure it"),
        (LOCAL, {}, {"signals": ["min_logprob"]}, "the gate names min_logprob"),
    ],
)
def test_a_gate_that_could_not_work_is_refused(
    tmp_path: Path, tier: Tiers, calibration: dict[str, Any], config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        build_gate(gate(tmp_path, tier, calibration, **config), tier)


@pytest.mark.parametrize(
    ("tier", "calibration", "config"),
    [
        (LOCAL, {}, {}),
        (OPENAI.model_copy(update={"logprobs": True}), {}, {}),
        (ANTHROPIC, JUDGED, {"judge": {"tier": "t2"}}),
        (LOCAL, SELF_CHECKED, {"self_check": {}}),
        (LOCAL, {}, {"judge": {"tier": "t2"}}),
    ],
)
def test_one_that_can_is_built(
    tmp_path: Path, tier: Tiers, calibration: dict[str, Any], config: dict[str, Any]
) -> None:
    assert build_gate(gate(tmp_path, tier, calibration, **config), tier).likeliest == 0


def test_an_unknown_signal_is_named(tmp_path: Path) -> None:
    config = GateConfig(tier="t", signals=("luck",), read_pinned=True)
    with pytest.raises(ConfigError, match="no signal is called 'luck'"):
        build_gate(config, LOCAL)


def test_several_samples_of_an_api_that_writes_one_are_refused(tmp_path: Path) -> None:
    config = GateConfig.model_validate({"tier": "t", "accept": "checked", "agreement": {}})
    with pytest.raises(ConfigError, match="agreement"):
        build_gate(config, ANTHROPIC)


@pytest.mark.anyio
async def test_a_server_thought_dead_is_charged_what_it_cost_under_its_rungs_own_models(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "l.db")
    await store.start()
    config = Config(tiers=(OPENAI,), ledger=LedgerConfig(path=tmp_path / "l.db"))
    money = _money(config, [ScriptedTier("t", model="small", local=False)], store, "here")
    await money.purse.reserve("a", capped(100), bids(60, first="t"), most_nano=None)
    heir = Account(store)
    await store.write(partial(heir.lease.forget, dead=[money.purse._lease.id]))
    await heir.purse.put_in_order()
    assert await heir.books() == {("ci", "all", "month"): (60, 0)}
    await money.ledger.record(ended("a", [tried("t", 25, model="small-2026-11-25")]))
    assert await heir.books() == {("ci", "all", "month"): (25, 0)}
    models = await store.read(lambda c: list(c.scalars(select(rung_tally.c.model))))
    await store.stop()
    assert models == ["small"], "whatever the upstream calls it"


class ScriptedEngine(ScriptedTier):
    stats = None

    async def close(self) -> None: ...

    def standing(self) -> Standing:
        return Standing(up_s=0.0, busy_s=0.0, idle_joules=0.0, idle_nano=None)


@pytest.mark.anyio
async def test_a_local_rung_is_started_again_as_its_section_says() -> None:
    restart = RestartConfig(first_wait_s=7, tries=3)
    sections = (
        LOCAL.model_copy(update={"restart": restart}),
        AdapterTierConfig(name="lora", kind="adapter", model="fine", of="t"),
        OPENAI.model_copy(update={"name": "top"}),
    )
    bare = [ScriptedEngine("t"), ScriptedTier("lora"), ScriptedTier("top", local=False)]
    bare[0].start_fault = TierError("t", "unavailable", "no GPU")
    metrics = Metrics()
    engine, adapter, top = _supervised(Config(tiers=sections), bare, metrics)
    with pytest.raises(TierError, match="no GPU; start 2 of 3 in 7 s"):
        await engine.start()
    assert await adapter.health() == "lora: down: no GPU; start 2 of 3 in 7 s"
    assert top is bare[2], "what is not ours to start is as it was"
    assert b'rungwise_engine_up{tier="t"} 0.0' in metrics.render()[0]
    await engine.stop()
