"""Models of which only the shape is known: as published, and every token of theirs has a text."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.lab.bench.rung_drafts import draft, question, words
from rungwise.lab.bench.shapes import SHAPES, make
from rungwise.tiers.local.vllm import VllmTier

BOTTOM = Path(__file__).parents[3] / "models/demo/bottom"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_token_of_a_shape_has_a_text_of_its_own(shape: str, tmp_path: Path) -> None:
    folder = make(shape, BOTTOM, tmp_path / "m")
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == size
    texts = {tokenizer.decode([i], skip_special_tokens=False) for i in range(1024, size)}
    assert len(texts) == size - 1024 and all(texts)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_prompt_is_read_as_the_small_model_reads_it(shape: str, tmp_path: Path) -> None:
    folder = make(shape, BOTTOM, tmp_path / "m")
    said = "Plan the deploy: abcd~ then 12 checks."
    wide, small = (Tokenizer.from_file(str(f / "tokenizer.json")) for f in (folder, BOTTOM))
    assert wide.encode(said).ids == small.encode(said).ids


def parameters(config: dict[str, int]) -> int:
    """Of a dense decoder, norms left out."""
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    attention = heads * (config["num_attention_heads"] * 2 + config["num_key_value_heads"] * 2)
    ends = (1 if config["tie_word_embeddings"] else 2) * width * config["vocab_size"]
    return config["num_hidden_layers"] * width * (attention + 3 * inner) + ends


@pytest.mark.parametrize(
    ("shape", "billions"), [("qwen3-8b", 8.19), ("llama-3.1-8b", 8.03), ("gemma-3-4b", 3.88)]
)
def test_a_shape_has_its_published_size(shape: str, billions: float, tmp_path: Path) -> None:
    config = json.loads((make(shape, BOTTOM, tmp_path / "m") / "config.json").read_text())
    assert parameters(config) / 1e9 == pytest.approx(billions, abs=0.01)


def test_every_sixth_layer_of_gemma_sees_everything(tmp_path: Path) -> None:
    config = json.loads((make("gemma-3-4b", BOTTOM, tmp_path / "m") / "config.json").read_text())
    kinds = config["layer_types"]
    assert len(kinds) == config["num_hidden_layers"]
    assert [place for place, kind in enumerate(kinds, 1) if kind == "full_attention"] == [
        6, 12, 18, 24, 30,
    ]  # fmt: skip


@pytest.mark.engine
@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", ["llama-3.1-8b", "gemma-3-4b"])  # Qwen3's: test_gpu_figures
async def test_vllm_starts_with_the_shape_in_small(shape: str, tmp_path: Path) -> None:
    folder = make(shape, BOTTOM, tmp_path / "m", tiny=True)
    engine = EngineConfig(
        dtype="bfloat16",
        max_model_len=1024,
        max_num_seqs=4,
        kv_cache_gib=0.25,
        enforce_eager=True,
        load_format="dummy",
    )
    tier = VllmTier(VllmTierConfig(name="tier1", kind="vllm", model=str(folder), engine=engine))
    await tier.start()
    try:
        done = await draft(tier, question(words(seed=1, count=100), "", 8), read=True)
    finally:
        await tier.stop()
    assert done.written == 8 and done.seen == 8
