"""What do the two official clients see of the same server? Each in its own words, side by side."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anthropic
import openai
from anthropic.types import Message
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion

from rungwise.tiers.scripted import ScriptedTier
from tests.served import Served, served

__all__ = ["CLIENTS", "Client", "Clients", "Seen", "clients"]

Client: TypeAlias = Literal["openai", "anthropic"]
CLIENTS: tuple[Client, ...] = ("openai", "anthropic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer as one client put it together; `finish` and `usage` are in its protocol's words."""

    text: str
    thinking: str
    calls: tuple[tuple[str, str, Any], ...]
    """Id, name and arguments."""
    finish: str | None
    usage: Mapping[str, int]
    raw: ChatCompletion | Message = field(repr=False)


class Clients:
    def __init__(
        self, app: Served, of_openai: openai.AsyncOpenAI, of_anthropic: anthropic.AsyncAnthropic
    ) -> None:
        self.app, self.openai, self.anthropic = app, of_openai, of_anthropic

    async def ask(
        self, client: Client, asked: Mapping[str, Any], *, stream: bool = False, model: str = "auto"
    ) -> Seen:
        """Raises what the client raises."""
        told = {"model": model, **asked}
        if client == "openai":
            return _of_completion(await self.completion(told, stream=stream))
        return _of_message(await self._message(told, stream))

    async def completion(self, asked: dict[str, Any], *, stream: bool) -> ChatCompletion:
        if not stream:
            whole: ChatCompletion = await self.openai.chat.completions.create(**asked)
            return whole
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
        state = ChatCompletionStreamState()
        async for chunk in await self.openai.chat.completions.create(**asked):
            state.handle_chunk(chunk)
        return state.current_completion_snapshot

    async def _message(self, asked: dict[str, Any], stream: bool) -> Message:
        if not stream:
            whole: Message = await self.anthropic.messages.create(**asked)
            return whole
        async with self.anthropic.messages.stream(**asked) as events:
            return await events.get_final_message()


@asynccontextmanager
async def clients(
    folder: Path, *rungs: ScriptedTier | str, config: str = "", retries: int = 0, **more: Any
) -> AsyncIterator[Clients]:
    """Both, over real connections to one app; `more` is for both clients."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(served(folder, *rungs, config=config, listening=True))
        url, told = app.http.base_url, {"api_key": "any", "max_retries": retries, **more}
        of_openai = openai.AsyncOpenAI(
            base_url=f"{url}/v1",
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
            **told,
        )
        of_anthropic = anthropic.AsyncAnthropic(
            base_url=str(url),
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),
            **told,
        )
        yield Clients(
            app,
            await stack.enter_async_context(of_openai),
            await stack.enter_async_context(of_anthropic),
        )


def _of_completion(told: ChatCompletion) -> Seen:
    (choice,) = told.choices[:1]
    message, usage = choice.message, told.usage
    made: list[Any] = [call.to_dict() for call in message.tool_calls or ()]
    assert usage is not None and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None and usage.completion_tokens_details is not None
    return Seen(
        text=message.content or message.refusal or "",
        thinking=getattr(message, "reasoning_content", None) or "",
        calls=tuple(
            (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in made
        ),
        finish=choice.finish_reason,
        usage={
            "prompt": usage.prompt_tokens,
            "completion": usage.completion_tokens,
            "read": usage.prompt_tokens_details.cached_tokens or 0,
            "written": usage.prompt_tokens_details.cache_write_tokens or 0,
            "reasoning": usage.completion_tokens_details.reasoning_tokens or 0,
        },
        raw=told,
    )


def _of_message(told: Message) -> Seen:
    usage, details = told.usage, told.usage.output_tokens_details
    explained = told.stop_details.explanation if told.stop_details is not None else None
    return Seen(
        text="".join(b.text for b in told.content if b.type == "text") or explained or "",
        thinking="".join(b.thinking for b in told.content if b.type == "thinking"),
        calls=tuple((b.id, b.name, b.input) for b in told.content if b.type == "tool_use"),
        finish=told.stop_reason,
        usage={
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "read": usage.cache_read_input_tokens or 0,
            "written": usage.cache_creation_input_tokens or 0,
            "reasoning": details.thinking_tokens if details is not None else 0,
        },
        raw=told,
    )
