"""In which order do the guards of a rung stand?

From the outside in, each for a reason:

- the pool of equal upstreams, since each of them has guards of its own;
- the limit: what waits for its turn is asked of nobody, so neither breaker nor retries see it;
- the breaker: it counts drafts and not tries, so a hiccup that a retry mends is no failure;
- the retries: a wait is worth it only after every key was asked;
- the pool of keys: another key is asked at once, without a wait;
- the upstream itself.

A guard that is switched off is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from rungwise.config import HostedTierConfig
from rungwise.contracts import Tier
from rungwise.tiers.guards.breaking import Breaking
from rungwise.tiers.guards.limited import Limited
from rungwise.tiers.guards.pooled import Pooled
from rungwise.tiers.guards.retrying import Retrying
from rungwise.tiers.wrapping import Wrapping

__all__ = ["breakers", "guarded"]

Make = Callable[[HostedTierConfig], Tier]
"""One upstream with one key, unguarded."""


def guarded(config: HostedTierConfig, make: Make) -> Tier:
    """One rung of these upstreams, with their guards."""
    if not config.equals:
        return _upstream(config, make)
    alone = config.model_copy(update={"equals": ()})
    sections = [_called(section) for section in (alone, *config.equals)]
    return Pooled(
        [guarded(section, make) for section in sections],
        by_key=False,
        rest_s=config.guards.breaker_open_s,
        deadline_s=config.deadline_s,
    )


def _upstream(config: HostedTierConfig, make: Make) -> Tier:
    guards, deadline_s = config.guards, config.deadline_s
    tier = _keys(config, make)
    if guards.retries:
        tier = Retrying(tier, guards, deadline_s=deadline_s)
    if guards.breaker_failures:
        tier = Breaking(tier, guards)
    if guards.concurrent is not None:
        tier = Limited(tier, most=guards.concurrent, deadline_s=deadline_s)
    return tier


def _keys(config: HostedTierConfig, make: Make) -> Tier:
    told = config.api_key.get_secret_value()
    keys = [key.strip() for key in told.split(",") if key.strip()] or [told]
    members = [make(config.model_copy(update={"api_key": SecretStr(key)})) for key in keys]
    if len(members) == 1:
        return members[0]
    return Pooled(
        members,
        by_key=True,
        rest_s=config.guards.breaker_open_s,
        deadline_s=config.deadline_s,
        secrets=keys,
    )


def _called(config: HostedTierConfig) -> HostedTierConfig:
    """The section, its drafts called as configured: by that a pool knows whose they are, whatever
    id the upstream gives."""
    return config.model_copy(update={"served_as": config.shown_model})


def breakers(tier: Tier) -> Iterator[Breaking]:
    """Every breaker of a rung; none where it has none."""
    if isinstance(tier, Breaking):
        yield tier
    if isinstance(tier, Wrapping):
        yield from breakers(tier.inner)
    for member in tier.members if isinstance(tier, Pooled) else ():
        yield from breakers(member)
