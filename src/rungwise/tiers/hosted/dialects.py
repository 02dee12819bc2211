"""How do the servers that speak OpenAI's Chat Completions protocol differ from each other?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from rungwise.types import Effort

__all__ = ["DIALECTS", "GEMINI", "OPENAI", "PLAIN", "VLLM", "Dialect", "dialect_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """What the answer's token limit is called."""
    unknown: frozenset[str] = frozenset()
    """Fields that it refuses, and that say how to draw an answer, not what it must be."""
    efforts: Mapping[Effort, Effort] = field(default_factory=dict)
    """Efforts that it has no word for, and what comes closest."""
    parallel: bool = True
    """Whether parallel_tool_calls is always said; else only a wish for one call at a time, so
    that a server which cannot grant it refuses."""
    developer: bool = True
    """Whether it knows the role; else that is a system message."""
    keyed: bool = False
    """Takes a prompt_cache_key (see prefix.cache_key)."""
    salted: bool = False
    """Takes a cache_salt (see prefix.cache_salt)."""
    signed_calls: bool = False
    """Wants the seals of its thoughts back on its tool calls."""


OPENAI = Dialect(keyed=True)

VLLM = Dialect(limit="max_tokens", developer=False, salted=True)
"""Chat templates of open models know no developer, and many drop what they do not know."""

GEMINI = Dialect(
    unknown=frozenset({"seed", "presence_penalty", "frequency_penalty"}),
    efforts={"xhigh": "high", "max": "high"},
    parallel=False,
    developer=False,
    signed_calls=True,
)
"""Google's endpoint answers a 400 to any field it does not know. See
https://ai.google.dev/gemini-api/docs/openai and .../thought-signatures."""

PLAIN = Dialect()
"""Any other server: what the protocol says, and nothing that only one of them knows."""

DIALECTS: Mapping[str, Dialect] = {
    "openai": OPENAI,
    "gemini": GEMINI,
    "vllm": VLLM,
    "plain": PLAIN,
}

_BY_HOST: Mapping[str, Dialect] = {
    "openai.com": OPENAI,
    "openai.azure.com": OPENAI,
    "googleapis.com": GEMINI,
}


def dialect_of(base_url: str | None, named: str | None = None) -> Dialect:
    """The one that is named, else the one of the host. A vLLM has no address to know it by."""
    if named is not None:
        return DIALECTS[named]
    if base_url is None:
        return OPENAI
    host = urlsplit(base_url).hostname or ""
    known = (d for end, d in _BY_HOST.items() if host == end or host.endswith(f".{end}"))
    return next(known, PLAIN)
