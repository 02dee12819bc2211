"""Which changes of a model make another revision of it."""

from pathlib import Path
from typing import Any

import pytest
from tests.adapters import make_adapter

from rungwise.config import AdapterTierConfig, EngineConfig, OpenAITierConfig, VllmTierConfig
from rungwise.tiers.revision import MANIFEST, revision_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 300_000)
    return tmp_path


def of(model: Path | str, revision: str | None = None, **engine: Any) -> str:
    return revision_of(
        VllmTierConfig(
            name="t",
            kind="vllm",
            model=str(model),
            revision=revision,
            engine=EngineConfig(**engine),
        )
    )


def test_the_same_folder_is_the_same_revision_wherever_it_lies(folder: Path) -> None:
    before = of(folder)
    moved = folder.rename(folder.with_name("elsewhere"))
    assert of(moved) == before
    (moved / MANIFEST).write_text("{}")
    assert of(moved) == before, "what fetching left beside it is no part of it"


@pytest.mark.parametrize("place", [0, 299_999])
def test_other_weights_are_another_revision(folder: Path, place: int) -> None:
    before, weights = of(folder), bytearray(300_000)
    weights[place] = 1
    (folder / "model.safetensors").write_bytes(weights)
    assert of(folder) != before


def test_another_configuration_dtype_or_template_is_another_revision(folder: Path) -> None:
    before = of(folder)
    assert of(folder, dtype="bfloat16") != before
    assert of(folder, quantization="fp8") != before
    template = folder / "own.txt"
    template.write_text("{{ messages }}")
    assert of(folder, chat_template=template) != before
    (folder / "config.json").write_text('{"a": 1}')
    assert of(folder) != before


def test_a_hub_model_is_its_pinned_revision_and_a_hosted_one_its_id() -> None:
    assert of("Qwen/Qwen3-8B", "abc123") == "abc123/auto"
    assert of("Qwen/Qwen3-8B") == "unpinned/auto"
    hosted = OpenAITierConfig(name="t", kind="openai", model="gpt-5.4-mini", api_key_env="K")
    assert revision_of(hosted) == "gpt-5.4-mini"


def test_an_adapter_is_its_own_files_on_its_models_revision(folder: Path, demo_model: Path) -> None:
    lora = make_adapter(folder.with_name("lora"), demo_model)
    section = AdapterTierConfig(name="a", kind="adapter", of="t", model=str(lora))

    def revision(**engine: Any) -> str:
        settings = EngineConfig(**engine)
        base = VllmTierConfig(name="t", kind="vllm", model=str(folder), engine=settings)
        return revision_of(section, base)

    before = revision()
    assert before.endswith(f"@{of(folder)}") and revision(dtype="float16") != before
    weights = lora / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    other = revision()
    assert other != before
    make_adapter(lora, demo_model, lora_alpha=99)
    assert revision() not in (before, other), "how much it weighs is in its configuration"
