"""Is this the same request? One digest of all that changes its answer.

| in it | why |
|---|---|
| messages, sampling, tools, tool_choice, shape, labels, thinking | they are the request |
| tenant, cache_salt | an answer never crosses them: that it was known would tell who asked before |
| pin, floor, ceiling, local_only, step_type, needs, least_right of the wish | which rungs may
  write, and how surely |
| agent, tags | the owner's rules may read them: the step type, and whether it stays local |
| the ladder | another model, price of error or calibration may answer otherwise |

| not in it | why |
|---|---|
| stream | an answer is the same pieces, streamed or whole |
| route | two names for one wish, which is in it |
| its hurry, deadline_s, most_nano | they change when and whether there is an answer, not which |
| its recall, once | what to do with an answer |
| task, trace | what it is a part of, and who follows it; a retry may be traced anew |
| conversation, cache marks | what is cached of a prompt is not what is answered to it |

Documents of the caller (schemas) count as they are written, keys in their order: a model reads
them in that order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from rungwise.types import Chat, Message, Sampling, Tool, Wish

__all__ = ["fingerprint"]


def fingerprint(chat: Chat, *, ladder: str = "") -> str:
    """SHA-256 in hex. `ladder` is a digest of whoever may answer and how they are judged."""
    shape, choice, thinking = chat.shape, chat.tool_choice, chat.thinking
    told = (
        ladder,
        chat.tenant,
        chat.cache_salt,
        [_message(message) for message in chat.messages],
        _sampling(chat.sampling),
        [_tool(tool) for tool in chat.tools],
        (choice.mode, choice.name, choice.parallel),
        None if shape is None else (shape.name, shape.schema, shape.strict),
        chat.labels,
        (thinking.effort, thinking.tokens),
        _wish(chat.wish),
        chat.agent,
        sorted(chat.tags),
    )
    return sha256(_ENCODE(told).encode()).hexdigest()


def _message(message: Message) -> tuple[object, ...]:
    return (
        message.role,
        message.text,
        [(image.url, image.at) for image in message.images],
        [(call.id, call.name, call.arguments) for call in message.tool_calls],
        message.tool_call_id,
        message.name,
        [(t.text, t.seal, t.withheld, t.model) for t in message.thoughts],
        message.failed,
    )


def _sampling(sampling: Sampling) -> tuple[object, ...]:
    return (
        sampling.max_tokens,
        sampling.temperature,
        sampling.top_p,
        sampling.stop,
        sampling.n,
        sampling.seed,
        sampling.presence_penalty,
        sampling.frequency_penalty,
        sampling.top_logprobs,
    )


def _tool(tool: Tool) -> tuple[object, ...]:
    return (tool.name, tool.description, tool.parameters, tool.strict)


def _wish(wish: Wish) -> tuple[object, ...]:
    return (
        wish.pin,
        wish.floor,
        wish.ceiling,
        wish.local_only,
        wish.step_type,
        sorted(wish.needs),
        wish.least_right,
    )


def _plain(value: object) -> object:
    """Other kinds of mapping and sequence than json knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in a request")


_ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_plain).encode
