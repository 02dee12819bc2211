"""How does a Chat look to vLLM's own chat endpoint? OpenAI's shape, in words open models know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rungwise.tiers.hosted.dialects import VLLM
from rungwise.tiers.hosted.openai_request import body_of
from rungwise.tiers.hosted.terms import Terms
from rungwise.types import Chat

__all__ = ["constrained", "fetched_image", "to_request", "tools_in_play"]

_TERMS = Terms(tier="", model="", dialect=replace(VLLM, limit="max_completion_tokens"))
"""As for a vLLM across the network, but that this one need not be an old one."""


def tools_in_play(chat: Chat) -> bool:
    return bool(chat.tools) and chat.tool_choice.mode != "none"


def constrained(chat: Chat) -> bool:
    """Whether the engine must make a grammar of the caller's schemas to write this answer."""
    if chat.shape is not None:
        return True
    held = chat.tool_choice.mode in ("required", "named") or any(tool.strict for tool in chat.tools)
    return tools_in_play(chat) and held


def fetched_image(chat: Chat) -> str | None:
    """The first image that vLLM would have to fetch: it would open any address for any caller,
    the box's own network included, and tell the world of a request that is to stay local."""
    urls = (image.url for message in chat.messages for image in message.images)
    return next((url for url in urls if not url.startswith("data:")), None)


def to_request(chat: Chat, adapter: str | None = None) -> dict[str, Any]:
    """The body of a chat completion request, to the engine's model or to an adapter of it.
    Log-probabilities are the tap's business."""
    # always streaming: only that path hands out its generator before anything is generated
    body = {"stream": True, **body_of(chat, _TERMS)}
    if chat.labels:
        # a label is the first word: templates that know how to leave the thinking out shall do so
        body["chat_template_kwargs"] = {"enable_thinking": False, "thinking": False}
    return body if adapter is None else {**body, "model": adapter}
