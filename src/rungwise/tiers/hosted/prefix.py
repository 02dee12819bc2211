"""Which beginning of a prompt is worth caching, and whose cache is it?

Every API reads a prompt as tools, system, history; a cached beginning is read again only while not
one token before its end has changed. So every rung sends these in this order and adds nothing of
its own, and a system message that comes late in a conversation costs it its cache where an API has
one place for all of them. Tokens are estimated as characters / 4, images not counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import accumulate
from typing import Literal, TypeAlias, TypeVar

from rungwise.tiers.hosted.hosted_size import prompt_chars
from rungwise.types import CacheMark, Chat, Message, Tool

__all__ = ["MOST_MARKS", "cache_key", "cache_salt", "longest_mark", "marked"]

MOST_MARKS = 4
"""Anthropic takes no more in one request."""

CHARS_PER_TOKEN = 4

Place: TypeAlias = tuple[Literal["tool", "message"], int]
Part = TypeVar("Part", Tool, Message)


# ---- Anthropic: marks in the prompt ----


def marked(chat: Chat, *, automatic: bool, minimum: int, ttl: CacheMark) -> Chat:
    """The chat with the marks that are to be sent, at most four.

    The caller's own win: where there is one, none is added. Of more than four the last stay, as
    the longest prefixes hold the most, and the others lie inside them. Else, if `automatic`, the
    end of each part is marked that reaches `minimum` tokens: the tools, the system messages at the
    head, and in a conversation that goes on its last turn, for the next step to read, and the turn
    before, where the last step wrote. A question without tools and history is not known to go on,
    and a write that nobody reads costs more than none: there only the head is marked.
    """
    own = {place: mark for place, mark in _marks(chat).items() if mark is not None}
    if own:
        return _with(chat, dict(list(own.items())[-MOST_MARKS:]))
    return _with(chat, _automatic(chat, minimum, ttl)) if automatic else chat


def longest_mark(chat: Chat, *, automatic: bool, ttl: CacheMark) -> Literal["never", "5m", "1h"]:
    """The longest-lived cache that `marked` may ask for."""
    marks = {mark for mark in _marks(chat).values() if mark is not None}
    if not marks:
        return ttl if automatic else "never"
    return "1h" if "1h" in marks else "5m"


def _marks(chat: Chat) -> dict[Place, CacheMark | None]:
    """What each part bears, in the order of the prompt: tools, system, history."""
    marks: dict[Place, CacheMark | None] = {}
    for i, tool in enumerate(chat.tools):
        marks["tool", i] = tool.cache_mark
    for i, message in sorted(enumerate(chat.messages), key=lambda told: not _is_system(told[1])):
        marks["message", i] = message.cache_mark
    return marks


def _automatic(chat: Chat, minimum: int, ttl: CacheMark) -> dict[Place, CacheMark]:
    tools = prompt_chars(Chat(messages=(), tools=chat.tools))
    sizes = (prompt_chars(Chat(messages=(message,))) for message in chat.messages)
    ends = list(accumulate(sizes, initial=tools))[1:]
    sizes_at: dict[Place, int] = {}
    if chat.tools:
        sizes_at["tool", len(chat.tools) - 1] = tools
    if head := _head(chat.messages):
        sizes_at["message", head - 1] = ends[head - 1]
    for i in _turn_ends(chat):
        sizes_at["message", i] = ends[i]
    return {place: ttl for place, size in sizes_at.items() if size >= minimum * CHARS_PER_TOKEN}


def _turn_ends(chat: Chat) -> list[int]:
    """The last message of what the caller said last, and of what it said before that."""
    if not (chat.tools or _has_spoken(chat)):
        return []
    history = [i for i, message in enumerate(chat.messages) if not _is_system(message)]
    following = [*(chat.messages[i].role for i in history[1:]), "assistant"]
    said = [
        i
        for i, then in zip(history, following, strict=False)  # none follows none
        if then == "assistant" and chat.messages[i].role != "assistant"
    ]
    return said[-2:]


def _with(chat: Chat, marks: Mapping[Place, CacheMark]) -> Chat:
    return replace(
        chat,
        tools=tuple(_marking(tool, marks.get(("tool", i))) for i, tool in enumerate(chat.tools)),
        messages=tuple(
            _marking(message, marks.get(("message", i))) for i, message in enumerate(chat.messages)
        ),
    )


def _marking(part: Part, mark: CacheMark | None) -> Part:
    return part if part.cache_mark == mark else replace(part, cache_mark=mark)


# ---- OpenAI: a name for what shares a prefix ----


def cache_key(chat: Chat, *, automatic: bool) -> str | None:
    """OpenAI's prompt_cache_key: requests of one key and beginning go to the same machine, up to
    some fifteen a minute. None: say nothing.

    The caller's own name wins. Else requests that begin a conversation are named by their head,
    which is all they share with others; once an assistant has spoken a conversation is named by
    its head and first turn, as its steps share far more than the head, and a key of its own keeps
    them on one machine however busy the head is. Digests in both cases, with the tenant in them:
    keys of two tenants never meet, names do not leave the box, and the length is bounded.
    """
    if chat.conversation is not None:
        return _digest("named", chat.tenant, chat.conversation)
    if not automatic:
        return None
    head = _head(chat.messages)
    told = list(chat.messages[:head])
    if _has_spoken(chat):
        told += chat.messages[head : head + 1]
    tools = [[t.name, t.description, t.parameters] for t in chat.tools]
    words = [[m.role, m.text, [image.url for image in m.images]] for m in told]
    return _digest("prefix", chat.tenant, json.dumps([tools, words], default=str))


def _head(messages: Sequence[Message]) -> int:
    """How many system messages stand before everything else."""
    return next((i for i, m in enumerate(messages) if not _is_system(m)), len(messages))


def _has_spoken(chat: Chat) -> bool:
    """Whether an assistant has: the conversation goes on."""
    return any(message.role == "assistant" for message in chat.messages)


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


# ---- vLLM: whose cache is it ----


def cache_salt(chat: Chat) -> str:
    """vLLM's cache_salt: prompts of two salts share no cached block. One for each tenant, and for
    each of a tenant's own salts: nobody can name another tenant's."""
    return _digest("salt", chat.tenant, chat.cache_salt or "")


def _digest(*parts: str) -> str:
    # each part with its length, so that no two lists read alike
    whole = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
