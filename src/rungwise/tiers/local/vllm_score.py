"""How likely does this model find an answer that somebody wrote down? For calibration only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rungwise.errors import TierError
from rungwise.tiers.local.vllm_faults import fault_of, refusal
from rungwise.tiers.local.vllm_request import to_request
from rungwise.types import LEAST_LOGPROB, Chat, Message, Sampling

__all__ = ["score"]


async def score(
    tier: str, vllm: Any, serving: Any, chat: Chat, answer: str, adapter: str | None = None
) -> list[float | None]:
    """The log-probability of each token of `answer` as the assistant's next message, in order.

    The end-of-answer token, which a draft has too, is not among them. Raises TierError.
    """
    asked = replace(chat, sampling=Sampling(max_tokens=1, temperature=0.0), stream=False)
    head = await _complete(tier, vllm, serving, to_request(asked, adapter))
    said = replace(asked, messages=(*chat.messages, Message(role="assistant", text=answer)))
    whole = await _complete(
        tier,
        vllm,
        serving,
        {
            **to_request(said, adapter),
            "add_generation_prompt": False,
            "continue_final_message": True,
            "prompt_logprobs": 0,
        },
    )
    rows = (whole.prompt_logprobs or [])[head.usage.prompt_tokens :]
    return [_only(row) for row in rows]


async def _complete(tier: str, vllm: Any, serving: Any, body: dict[str, Any]) -> Any:
    request = vllm.ChatCompletionRequest(**{**body, "stream": False})
    try:
        found = await serving.create_chat_completion(request)
    except Exception as error:
        raise fault_of(tier, error, vllm, serving) from None
    refused = getattr(found, "error", None)
    if refused is not None:
        raise refusal(tier, int(refused.code), refused.message)
    if not hasattr(found, "usage"):
        raise TierError(tier, "broken", "the engine gave no answer to read")
    return found


def _only(row: Any) -> float | None:
    """The prompt's own token: asked with no alternatives, a row holds nothing else."""
    values = [entry.logprob for entry in (row or {}).values()]
    value = values[0] if values else None
    return None if value is None or value != value else max(float(value), LEAST_LOGPROB)
