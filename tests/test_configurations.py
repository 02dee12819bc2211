"""Is each configuration that is shipped whole, and does what it serves fit where it says?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.cli.preflight import lacks
from rungwise.config import Config, VllmTierConfig, load
from rungwise.observe.gpu import Gpu
from rungwise.weights.asked import asked
from rungwise.weights.hub import Hub
from rungwise.weights.lacking import lacking
from rungwise.weights.memory import GIB
from tests.weights.folders import folder as whole_folder

FOLDER = Path(__file__).parent.parent / "configs"
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "RUNGWISE_STANDIN_KEY": "k"}
GPUS = {"gpu-24g": (1, 23.5), "gpu-80g": (1, 79.2), "multi-gpu": (4, 23.5)}
"""As large as they are when CUDA has taken its part."""
ABSENT = (".gpus", ".engine", "model", "GPU", "vLLM", "CPU", "memory", "driver")
"""What may lack here, and not on the machine that a configuration is for."""


def shipped(name: str, **keys: str) -> Config:
    return load(FOLDER / f"{name}.yaml", KEYS | keys)


def boxes(name: str) -> list[Gpu]:
    count, gib = GPUS.get(name, (0, 0))
    told = {"name": "a GPU", "driver": "580", "capability": (8, 9), "cuda": (13, 0)}
    return [Gpu(index=n, total_gib=gib, free_gib=gib - 0.4, **told) for n in range(count)]  # type: ignore[arg-type]


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def test_there_is_one_for_each_kind_of_machine() -> None:
    assert {"cpu", "demo", "gpu-24g", "gpu-80g", "hosted", "multi-gpu"} <= set(names())


@pytest.mark.parametrize("name", ["cpu", "demo", *GPUS])  # the hosted one asks for a PostgreSQL
def test_it_is_read_and_the_doctor_misses_only_what_this_machine_lacks(name: str) -> None:
    for lack in lacks(shipped(name)):
        assert any(word in lack.what for word in ABSENT), lack.line


@pytest.mark.parametrize("name", ["cpu", *GPUS])
def test_its_models_fit_for_sure_on_the_machine_it_is_for(name: str, tmp_path: Path) -> None:
    config = shipped(name)
    engines = [tier for tier in config.tiers if isinstance(tier, VllmTierConfig)]
    assert engines and all(asked(tier) is not None for tier in engines)
    hub = Hub(cache=_cached(tmp_path, engines), token=False, offline=True)
    assert list(lacking(config, boxes(name), None, hub, 8 * GIB)) == []


def _cached(folder: Path, engines: list[VllmTierConfig]) -> Path:
    for tier in engines:
        there = folder / f"models--{tier.model.replace('/', '--')}" / "snapshots"
        whole_folder(there / (tier.revision or "main"))
    return folder


@pytest.mark.parametrize("name", names())
def test_it_is_short_and_says_in_its_first_line_what_it_is_for(name: str) -> None:
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 80 and lines[0].startswith("# ")
    assert max(map(len, lines)) <= 120
