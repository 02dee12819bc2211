"""What would keep this configuration from being served? All that can be known in a second or two.

`rungwise serve` refuses to start over the first of these, and `rungwise doctor` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rungwise.build import build_gate
from rungwise.config import Config, VllmTierConfig, api_keys
from rungwise.edge.origin import is_loopback
from rungwise.errors import ConfigError, StoreError
from rungwise.ledger.sql import check_file
from rungwise.observe.doctor import Finding, engine_lacks
from rungwise.tiers.vllm_compat import engine_flags

__all__ = ["lacks"]


def lacks(config: Config) -> Iterator[Finding]:
    """Looks, and changes nothing."""
    for check in _checks(config):
        try:
            check()
        except (ConfigError, StoreError) as error:
            yield _finding(str(error))
    yield from engine_lacks(config)


def _checks(config: Config) -> Iterator[Callable[[], object]]:
    """Each raises ConfigError or StoreError: one line of `place: what is wrong; what to do`."""
    yield partial(_reachable_only_with_keys, config)
    tiers = {tier.name: tier for tier in config.tiers}
    for gate in config.gates:
        yield partial(build_gate, gate, tiers[gate.tier])
    for tier in config.tiers:
        if isinstance(tier, VllmTierConfig):
            yield partial(engine_flags, tier)
    yield partial(check_file, config.ledger.path)


def _reachable_only_with_keys(config: Config) -> None:
    if not api_keys(config) and not is_loopback(config.server.host):
        raise ConfigError(
            f"server.host: {config.server.host} is reachable from other machines, but no API key "
            "is configured; set server.api_keys_env, or use 127.0.0.1"
        )


def _finding(line: str) -> Finding:
    what, _, rest = line.partition(": ")
    found, _, mend = rest.partition("; ")
    return Finding(state="lack", what=what, found=found, mend=mend)
