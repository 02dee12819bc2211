"""What does a model need of a GPU's memory? Formulas, in bytes for each GPU; nothing is measured.

Exact are weights in 16 bit where the shape is (of the Gemma 4 cards it is not), and the KV cache
of models whose layers are alike: of others vLLM fills up groups of layers, 2 to 3 % for gemma-3-4b.
The rest is an estimate, made from what vLLM (0.32) does. Nothing of it was measured by us; beside
it stand what logs that others published tell, and how far those can be trusted:

    Llama-3.1-8B, bf16: weights         14.99 GiB           here 14.96    a log that names it
    activations, 16,384 tokens a step   1.97 GiB            here 1.96     a log without a name: by
                                                                          its sizes Qwen2.5-7B
    CUDA graphs, sizes to 512           .04 to .71 GiB      here .5       several logs
    outside of PyTorch, one GPU         .07 to .6 GiB       here .35      several logs
    a tower that reads images           about .8 GiB        here .75      what was left over in one
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from rungwise.tiers.shape import Attention, Shape

__all__ = [
    "AWQ_BITS",
    "GIB",
    "Precision",
    "kv_bytes",
    "margin_bytes",
    "overhead_bytes",
    "step_tokens",
    "weight_bytes",
]

GIB = 2**30
BLOCK = 16
"""Tokens of one block of vLLM's KV cache on a GPU."""

Precision: TypeAlias = Literal["bf16", "fp8", "awq"]
"""Of the weights: 16 bit, 8 bit (made of 16 bit while it loads), 4 bit (only where a repository
was quantised so).

8 bit needs no room for all of the 16: vLLM 0.25.1 and 0.32 read a weight into host memory, bring a
linear layer to the GPU once it is whole, make it 8 bit, and only then go on to the next (`online/
fp8.py` creates them on the meta device, `reload/layerwise.py` does the rest)."""

AWQ_BITS = 4 + (16 + 4) / 128
"""A weight of 4 bit, and a 16-bit scale and a 4-bit zero for each 128 (arXiv 2306.00978)."""
_BITS: dict[Precision, float] = {"bf16": 16, "fp8": 8, "awq": AWQ_BITS}

GRAPHS, OUTSIDE, COLLECTIVES, IMAGES = GIB // 2, int(0.35 * GIB), int(0.65 * GIB), 3 * GIB // 4


def weight_bytes(shape: Shape, precision: Precision, tensor: int = 1) -> int:
    """Weights on each of `tensor` GPUs that share one copy.

    16 bit for the vocabulary's embedding and the towers, whatever the precision of the linear
    layers: vLLM's fp8 and AWQ leave the embedding and the output alone. Towers are counted as if
    each GPU held them whole.
    """
    shared = 2 * shape.embedding + shape.linear * _BITS[precision] / 8
    return int(-(-shared // tensor)) + 2 * shape.towers


def kv_bytes(
    shape: Shape, tokens: int, *, tensor: int = 1, cache_bits: int = 16, step: int = 2048
) -> int:
    """KV cache of one request of so many tokens, on each of `tensor` GPUs.

    2 (keys and values) x layers x kv heads x head size x bytes x tokens, in whole blocks. A layer
    that looks back `window` tokens holds `window - 1` and those of one step, and a block more
    (vLLM's SlidingWindowSpec). Fewer heads than GPUs: each GPU holds one.
    """
    return sum(_of_layers(layers, tokens, tensor, cache_bits, step) for layers in shape.attention)


def _of_layers(layers: Attention, tokens: int, tensor: int, cache_bits: int, step: int) -> int:
    whole = -(-tokens // BLOCK) * BLOCK
    if layers.window is not None:
        most = layers.window - 1 + step
        whole = min(whole, -(-most // BLOCK) * BLOCK + BLOCK)
    heads = -(-layers.kv_heads // tensor)
    return 2 * layers.layers * heads * layers.head_size * cache_bits // 8 * whole


def step_tokens(gpu_gib: float) -> int:
    """The tokens that vLLM computes at once where nobody says: by the size of the GPU."""
    usual = 16384 if gpu_gib >= 160 else 8192 if gpu_gib >= 70 else 2048
    return usual


def overhead_bytes(
    shape: Shape, *, step: int, seqs: int, tensor: int = 1, eager: bool = False
) -> int:
    """What else each GPU holds: activations at their highest, CUDA graphs, what is outside of
    PyTorch, and what a tower needs for the images of one step. An estimate.

    Activations: step x (3 x intermediate / GPUs + 2 x hidden) x 2 bytes in an MLP, or, for the
    tokens of every sequence at once, seqs x vocabulary x 12 bytes for logits in 16 bit, in 32, and
    their probabilities; the larger of the two.
    """
    inside = step * (3 * shape.intermediate // tensor + 2 * shape.hidden) * 2
    sampling = seqs * shape.vocabulary * 12
    graphs = 0 if eager else GRAPHS
    more = (COLLECTIVES if tensor > 1 else 0) + (IMAGES if shape.towers else 0)
    return max(inside, sampling) + graphs + OUTSIDE + more


def margin_bytes(weights: int, overhead: int) -> int:
    """By how much the sum of both may be wrong: half of what is an estimate, 2 % of the weights,
    and at least half a GiB."""
    return max(GIB // 2, overhead // 2 + weights // 50)
