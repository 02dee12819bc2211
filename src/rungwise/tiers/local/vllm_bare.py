"""What can the engine do alone, with nothing of ours on the way? For benchmarks to compare with."""

from __future__ import annotations

from typing import Any

from rungwise.tiers.local.vllm_compat import first_of
from rungwise.tiers.local.vllm_request import to_request
from rungwise.types import Chat

__all__ = ["generate_bare", "prompt_ids"]


def prompt_ids(serving: Any, chat: Chat) -> list[int]:
    """The chat as the model's template writes it, in tokens."""
    messages = to_request(chat)["messages"]
    tokenizer = serving.renderer.tokenizer
    found = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True)
    return list(found["input_ids"] if hasattr(found, "keys") else found)


async def generate_bare(
    engine: Any, output_kind: Any, prompt: list[int], id: str, *, max_tokens: int, read: bool
) -> int:
    """Generate greedily and count the tokens. `read` asks for the sampled tokens' log-probability,
    and decodes no text for it, as the tap does."""
    params = first_of("SamplingParams", ("vllm.sampling_params",))(
        temperature=0.0,
        max_tokens=max_tokens,
        logprobs=0 if read else None,
        output_kind=output_kind.FINAL_ONLY,
    )
    written = 0
    async for result in engine.generate({"prompt_token_ids": prompt}, params, id):
        written += sum(len(output.token_ids) for output in result.outputs)
    return written
