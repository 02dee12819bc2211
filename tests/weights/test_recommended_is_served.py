"""Does `serve` refuse nothing of what `doctor --fit` wrote, whatever GPUs are here?

NVML is played; the lacks are the preflight's own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from huggingface_hub import constants
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rungwise.cli.main import main
from rungwise.cli.preflight import lacks
from rungwise.config import VllmTierConfig, load
from tests.observe.test_gpu import Driver
from tests.weights.folders import folder

KINDS = {
    "Tesla T4": (14.75, (7, 5)),
    "RTX 3060": (11.76, (8, 6)),
    "A10": (22.06, (8, 6)),
    "RTX 4090": (23.99, (8, 9)),
    "L40S": (44.52, (8, 9)),
    "H100": (79.65, (9, 0)),
    "V100": (31.74, (7, 0)),
}
Played = tuple[str, float]
"""A kind, and the part of its memory that is free."""


class Box(Driver):
    """Such GPUs, in this order."""

    def __init__(self, gpus: Sequence[Played]) -> None:
        super().__init__()
        self.gpus, self.counted = gpus, [0] * len(gpus)

    def nvmlDeviceGetName(self, device: int) -> str:
        return self.gpus[device][0]

    def nvmlDeviceGetMemoryInfo(self, device: int) -> SimpleNamespace:
        name, free = self.gpus[device]
        total = KINDS[name][0] * 2**30
        return SimpleNamespace(total=int(total), free=int(total * free))

    def nvmlDeviceGetCudaComputeCapability(self, device: int) -> tuple[int, int]:
        return KINDS[self.gpus[device][0]][1]


def play(
    patch: pytest.MonkeyPatch, gpus: Sequence[Played], visible: str | None, token: bool, place: Path
) -> None:
    """With disk enough for every model, and an empty cache."""
    patch.setitem(sys.modules, "pynvml", Box(gpus))
    patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**40))
    patch.setattr(constants, "HF_TOKEN_PATH", str(place / "no-token"))
    patch.setattr(constants, "HF_HUB_CACHE", str(place / "hub"))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HUGGING_FACE_HUB_TOKEN", "HF_TOKEN", "CUDA_VISIBLE_DEVICES"):
        patch.delenv(name, raising=False)
    if token:
        patch.setenv("HF_TOKEN", "hf_played")
    if visible is not None:
        patch.setenv("CUDA_VISIBLE_DEVICES", visible)


def served(file: Path) -> VllmTierConfig:
    """What is written there; nothing of it may be lacking."""
    config = load(file, {})
    assert [found.line for found in lacks(config)] == []
    (tier,) = config.tiers
    assert isinstance(tier, VllmTierConfig)
    return tier


def recommended(
    gpus: Sequence[Played], *options: str, visible: str | None = None, token: bool = True
) -> VllmTierConfig | None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.yaml"
        play(patch, gpus, visible, token, Path(folder))
        status = main(["doctor", "--fit", "--write", str(file), *options])
        assert (status, file.exists()) in ((0, True), (1, False))
        return served(file) if status == 0 else None


boxes = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.floats(0, 1)), min_size=1, max_size=4)


@settings(max_examples=40)
@given(
    gpus=boxes,
    visible=st.sampled_from([None, "0", "1,0", "3,1,0", "0,7"]),
    token=st.booleans(),
    context=st.sampled_from(["512", "8192", "16384"]),
    concurrency=st.sampled_from(["1", "16"]),
)
@example([("RTX 4090", 0.875)], None, True, "16384", "16")
@example([("RTX 3060", 0.97), ("RTX 4090", 0.97)], None, True, "16384", "16")
@example([("RTX 4090", 0.1), ("RTX 4090", 0.95)], None, True, "16384", "16")
@example([("Tesla T4", 0.98)], None, True, "16384", "16")
def test_nothing_of_it_is_lacking(
    gpus: list[Played], visible: str | None, token: bool, context: str, concurrency: str
) -> None:
    if visible is not None and int(visible[0]) >= len(gpus):
        return  # CUDA shows none of them
    asked = ("--context", context, "--concurrency", concurrency)
    recommended(gpus, *asked, visible=visible, token=token)


def test_a_gpu_that_is_partly_in_use_gives_the_share_that_is_free() -> None:
    tier = recommended([("RTX 4090", 0.875)])
    assert tier is not None and tier.engine.gpu_memory_utilization == 0.85


def test_it_lands_on_the_gpu_that_it_was_made_for() -> None:
    tier = recommended([("RTX 3060", 0.97), ("RTX 4090", 0.97)])
    assert tier is not None and tier.gpus == (1,)
    assert recommended([("RTX 4090", 0.97)] * 2, visible="1") == recommended([("RTX 4090", 0.97)])


def test_one_of_two_equal_gpus_is_enough() -> None:
    busy, free = ("RTX 4090", 0.1), ("RTX 4090", 0.95)
    tier = recommended([busy, free])
    assert tier is not None and tier.gpus == (1,) and tier.engine.data_parallel_size == 1


def test_a_gpu_without_bfloat16_computes_in_float16() -> None:
    tier = recommended([("Tesla T4", 0.98)])
    assert tier is not None and tier.engine.dtype == "float16" and "gemma-3" not in tier.model


def test_without_a_token_no_gated_model_is_recommended_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small, large = (f"meta-llama/Llama-{name}-Instruct" for name in ("3.2-1B", "3.1-8B"))
    assert recommended([("RTX 4090", 1)], "--model", small, token=False) is None
    told = capsys.readouterr().out
    assert f"{small} in bf16 is passed over: {small} is gated, and HF_TOKEN is not set" in told
    assert "Nothing else here fits" in told
    other = recommended([("RTX 4090", 1)], "--model", large, token=False)
    assert other is not None and other.model.startswith("hugging-quants/"), "it is not gated"
    capsys.readouterr()
    found = recommended([("RTX 4090", 1)], "--model", small)
    assert found is not None and found.model == small
    assert "passed over" not in capsys.readouterr().out


def test_a_model_of_any_name_is_written_so_that_it_is_read_again(tmp_path: Path) -> None:
    odd = folder(tmp_path / "sp ace: #x\n- y '\"")
    tier = recommended([("RTX 4090", 1)], "--model", str(odd))
    assert tier is not None and tier.model == str(odd)
    assert tier.engine.max_model_len == 256, "its own context, where none was asked for"


def test_what_is_written_is_yaml_of_one_rung(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        play(patch, [("H100", 1)], None, True, tmp_path)
        main(["doctor", "--fit", "--write", str(tmp_path / "c.yaml")])
    assert set(yaml.safe_load((tmp_path / "c.yaml").read_text())) == {"tiers"}
