"""Do the guards of a rung stand in their order, and only those that are wanted?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from rungwise.config import HostedTierConfig, OpenAITierConfig
from rungwise.contracts import Tier
from rungwise.tiers.guards.guarded import breakers, guarded
from rungwise.tiers.guards.pooled import Pooled
from rungwise.tiers.scripted import ScriptedTier
from rungwise.tiers.wrapping import Wrapping

OFF = {"retries": 0, "breaker_failures": 0}


def section(
    name: str = "t", *, keys: str = "k1", equals: tuple[Any, ...] = (), **more: Any
) -> OpenAITierConfig:
    told = {"name": name, "kind": "openai", "model": f"m-{name}", "api_key_env": "K", **more}
    config = OpenAITierConfig.model_validate(told)
    return config.model_copy(update={"api_key": SecretStr(keys), "equals": equals})


def bare(config: HostedTierConfig) -> Tier:
    key = config.api_key.get_secret_value()
    return ScriptedTier(f"{config.name}/{key}", model=config.shown_model)


def shape(tier: Tier) -> Any:
    """The names of its guards from the outside in, and what they stand around."""
    if isinstance(tier, Pooled):
        return [shape(member) for member in tier.members]
    if isinstance(tier, Wrapping):
        return {type(tier).__name__: shape(tier.inner)}
    return tier.name


def test_without_guards_it_is_the_upstream_itself() -> None:
    assert shape(guarded(section(guards=OFF), bare)) == "t/k1"


def test_guards_stand_in_their_order() -> None:
    config = section(keys="k1, k2,", guards={"concurrent": 3})
    order = {"Limited": {"Breaking": {"Retrying": ["t/k1", "t/k2"]}}}
    assert shape(guarded(config, bare)) == order


@pytest.mark.parametrize(
    ("guards", "expected"),
    [
        ({}, {"Breaking": {"Retrying": "t/k1"}}),
        ({"retries": 0}, {"Breaking": "t/k1"}),
        ({"breaker_failures": 0}, {"Retrying": "t/k1"}),
        ({**OFF, "concurrent": 1}, {"Limited": "t/k1"}),
    ],
)
def test_a_guard_that_is_switched_off_is_not_there(guards: Any, expected: Any) -> None:
    assert shape(guarded(section(guards=guards), bare)) == expected


def test_equals_have_guards_of_their_own() -> None:
    other = section("u", keys="k3", guards={**OFF, "concurrent": 1})
    config = section(keys="k1,k2", guards={"retries": 0}, equals=(other,))
    assert shape(guarded(config, bare)) == [
        {"Breaking": ["t/k1", "t/k2"]},
        {"Limited": "u/k3"},
    ]


def test_equals_are_called_as_configured_so_that_prices_find_them() -> None:
    tier = guarded(section(equals=(section("u"),), served_as="ours"), bare)
    assert isinstance(tier, Pooled) and [m.model for m in tier.members] == ["ours", "m-u"]


def test_every_breaker_is_found() -> None:
    other = section("u", guards={"breaker_failures": 0})
    third = section("v", guards={"concurrent": 2})
    config = section(keys="k1,k2", equals=(other, third))
    assert [b.name for b in breakers(guarded(config, bare))] == ["t/k1", "v/k1"]
    assert list(breakers(ScriptedTier("plain"))) == []
