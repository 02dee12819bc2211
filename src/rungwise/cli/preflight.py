"""What would keep this configuration from being served? All that can be known in a second or two.

`rungwise serve` refuses to start over the first of the lacks, and `rungwise doctor` lists them. A
GPU that does not answer is none: the other rungs are served without its engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from rungwise.build import build_gate
from rungwise.cache.redis import check_installed
from rungwise.config import Config, RoutingConfig, TierConfig, VllmTierConfig, api_keys
from rungwise.config.loopback import is_loopback
from rungwise.errors import ConfigError, StoreError
from rungwise.golden_file import read_golden
from rungwise.observe import traces
from rungwise.observe.doctor import Finding, engine_lacks, memory
from rungwise.observe.gpu import Gpu, GpuAbsent, every_gpu, shown, shown_gpus
from rungwise.policy.classifier import load_classifier
from rungwise.policy.difficulty import load_difficulty
from rungwise.store.check import check_place
from rungwise.tiers import outlook
from rungwise.tiers.local import placing
from rungwise.tiers.local.vllm_compat import visible_gpus
from rungwise.weights.hub import the_hub
from rungwise.weights.lacking import lacking

__all__ = ["fallen", "lacks", "notes"]


def lacks(config: Config) -> Iterator[Finding]:
    """Looks, and changes nothing."""
    for check in _checks(config):
        try:
            check()
        except (ConfigError, StoreError) as error:
            yield _finding(str(error))
    yield from map(_finding, outlook.lacks(config))
    yield from (found for found in _weights(config) if found.state == "lack")
    yield from engine_lacks(config)
    there = shown_gpus(visible_gpus())
    count = len(there) if _any_answers(there) else 0
    yield from map(_finding, placing.lacks(config, count, _silent(there)))


def fallen(config: Config) -> Iterator[Finding]:
    """Which engines will not come up while the others do: their GPUs do not answer."""
    yield from map(_finding, placing.fallen(config, _silent(shown_gpus(visible_gpus()))))


def notes(config: Config, today: date) -> Iterator[Finding]:
    """What is no reason not to start, and yet good to know: prices, and models near their end."""
    yield from (replace(_finding(line), state="note") for line in outlook.warnings(config, today))
    yield from (replace(_finding(line), state="ok") for line in outlook.prices(config))
    yield from (found for found in _weights(config) if found.state != "lack")


def _weights(config: Config) -> Iterator[Finding]:
    """Whether its models are there, whole, and fit."""
    if not any(isinstance(tier, VllmTierConfig) for tier in config.tiers):
        return
    found, visible = every_gpu(), visible_gpus()
    here = () if isinstance(found, GpuAbsent) or not _any_answers(found) else tuple(found)
    silent = _silent(shown(here, visible))
    # of an engine whose GPU does not answer only the files are looked at
    standing = [tier for tier in config.tiers if not _has_fallen(tier, silent)]
    others = [tier for tier in config.tiers if _has_fallen(tier, silent)]
    try:
        for tiers, seen in ((standing, visible), (others, ())):
            part = config.model_copy(update={"tiers": tiers})
            yield from lacking(part, here, seen, the_hub(), memory().total)
    except ConfigError as error:  # a card that there is not
        yield _finding(str(error))


def _has_fallen(tier: TierConfig, silent: Mapping[int, str]) -> bool:
    return isinstance(tier, VllmTierConfig) and bool(placing.silent_of(tier, silent))


def _checks(config: Config) -> Iterator[Callable[[], object]]:
    """Each raises ConfigError or StoreError: one line of `place: what is wrong; what to do`."""
    yield partial(_reachable_only_with_keys, config)
    tiers = {tier.name: tier for tier in config.tiers}
    for gate in config.gates:
        tier = tiers[gate.tier]
        yield partial(build_gate, gate, tier, config.engine_of(tier))
    yield from _foresight(config.routing, tuple(tiers))
    yield partial(check_place, config.ledger.place)
    yield partial(traces.check_installed, config.traces)
    if config.drift.golden is not None:
        yield partial(read_golden, config.drift.golden.path)
    if config.answer_cache.store == "redis":
        yield check_installed


def _foresight(config: RoutingConfig, ladder: tuple[str, ...]) -> Iterator[Callable[[], object]]:
    for choice in (config, config.shadow):
        if choice is not None and choice.difficulty is not None:
            yield partial(load_difficulty, choice.difficulty, ladder)
    if config.classifier is not None:
        yield partial(load_classifier, config.classifier)


def _any_answers(gpus: Sequence[Gpu]) -> bool:
    return any(gpu.fault is None for gpu in gpus)


def _silent(gpus: Sequence[Gpu]) -> dict[int, str]:
    """By their places, what to say of those that do not answer."""
    return {
        place: f"GPU {place}{'' if place == gpu.index else f' (nvidia-smi: {gpu.index})'} "
        f"does not answer: {gpu.fault}"
        for place, gpu in enumerate(gpus)
        if gpu.fault is not None
    }


def _reachable_only_with_keys(config: Config) -> None:
    asked_for = bool(api_keys(config)) or config.access.stored_keys
    if not asked_for and not is_loopback(config.server.host):
        raise ConfigError(
            f"server.host: {config.server.host} is reachable from other machines, but no API key "
            "is asked for; set server.api_keys_env or access.stored_keys, or use 127.0.0.1"
        )


def _finding(line: str) -> Finding:
    what, _, rest = line.partition(": ")
    found, _, mend = rest.partition("; ")
    return Finding(state="lack", what=what, found=found, mend=mend)
