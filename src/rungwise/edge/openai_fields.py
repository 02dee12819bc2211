"""What may a chat completion request hold? Its fields, and what becomes of each.

| field | what becomes of it |
|---|---|
| messages, model, stream, n, seed, stop, temperature, top_p, tools, tool_choice,
  parallel_tool_calls, response_format, logprobs, top_logprobs, presence_penalty,
  frequency_penalty, max_completion_tokens (max_tokens), stream_options.include_usage | honoured |
| reasoning_effort, prompt_cache_key, cache_salt, a part's cache_control | honoured where a rung
  knows such a thing |
| metadata | `step_type`, `agent`, `tags` and `task` say what the headers of these names say; the
  rest is ignored |
| UNUSED, an image's `detail`, prompt_cache_breakpoint | accepted; does not reach a model |
| REFUSED | 400, unless null or the neutral value given there: it would change the answer |
| a tool call's `extra_content` | google.thought_signature, where it was given out here, takes
  thoughts back to the model that wrote them; the rest is ignored |
| `reasoning_content`, `reasoning`, `annotations` of a message | accepted and dropped: thinking is
  not replayed to a model that did not write it |
| `parsed`, `parsed_arguments` | dropped: the SDK puts them into an answer that it gives back |
| anything else | 400 that names it |

Every list is bounded and no field collects faults without end: a body of a million faults costs
no more than one fault. So unknown fields are allowed here and refused by `openai_wire`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from rungwise.edge.reading import Fields
from rungwise.types import Effort

__all__ = [
    "MOST_SEAL",
    "REFUSED",
    "UNUSED",
    "CallFields",
    "MessageFields",
    "PartFields",
    "RequestFields",
    "ShapeFields",
    "ToolChoiceFields",
    "ToolFields",
]

UNUSED = frozenset(
    "user store service_tier safety_identifier prompt_cache_retention prompt_cache_options".split()
)

REFUSED: dict[str, tuple[object, ...]] = {
    "audio": (),
    "function_call": (),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "moderation": (),
    "prediction": (),
    "verbosity": ("medium",),
    "web_search_options": (),
}

NAME = r"^[A-Za-z0-9_-]{1,64}$"
"""OpenAI's rule for the names of functions and schemas."""

INT64 = 2**63

MOST_SEAL = 2**20
"""Characters of the thoughts before one call."""


class ImageFields(Fields):
    url: str = Field(min_length=1)
    detail: Literal["auto", "low", "high", "original"] | None = None


class PartFields(Fields):
    type: str = Field(max_length=64)
    text: str | None = None
    refusal: str | None = None
    image_url: ImageFields | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None


class CalledFields(Fields):
    # a model wrote it, so it may be no name that anyone offered
    name: str = Field(pattern=r"^[^\x00-\x1f]{1,256}$")
    arguments: str
    parsed_arguments: Any = None


class SealFields(Fields):
    thought_signature: str | None = Field(default=None, max_length=MOST_SEAL)


class ExtraFields(Fields):
    google: SealFields | None = None


class CallFields(Fields):
    id: str = Field(min_length=1, max_length=512)
    type: Literal["function"] = "function"
    function: CalledFields
    index: int | None = None
    extra_content: ExtraFields | None = None


Parts: TypeAlias = Annotated[list[PartFields], Field(fail_fast=True, max_length=4096)]
Content: TypeAlias = Annotated[str | Parts, Field(union_mode="left_to_right")]


class MessageFields(Fields):
    role: str = Field(max_length=64)
    content: Content | None = None
    name: str | None = Field(default=None, pattern=r"^[^\s<|\\/>\x00]{1,64}$")
    tool_call_id: str | None = Field(default=None, min_length=1, max_length=512)
    tool_calls: Annotated[list[CallFields], Field(fail_fast=True, max_length=1024)] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    annotations: list[Any] | None = None
    parsed: Any = None
    audio: None = None
    function_call: None = None


class FunctionFields(Fields):
    name: str = Field(pattern=NAME)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolFields(Fields):
    type: str = Field(max_length=64)
    function: FunctionFields | None = None


class ChosenFields(Fields):
    name: str = Field(pattern=NAME)


class ToolChoiceFields(Fields):
    type: str = Field(max_length=64)
    function: ChosenFields | None = None


class SchemaFields(Fields):
    name: str = Field(pattern=NAME)
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ShapeFields(Fields):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaFields | None = None


class StreamFields(Fields):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


Stop: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]
Stops: TypeAlias = Annotated[list[Stop], Field(fail_fast=True, max_length=16)]


class RequestFields(Fields):
    model: str = Field(min_length=1)
    messages: Annotated[list[MessageFields], Field(fail_fast=True, min_length=1, max_length=2048)]
    stream: bool | None = None
    stream_options: StreamFields | None = None
    max_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    max_completion_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: Stop | Stops | None = Field(default=None, union_mode="left_to_right")
    n: int | None = Field(default=None, ge=1, le=8)
    seed: int | None = Field(default=None, ge=-INT64, lt=INT64)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: Annotated[list[ToolFields], Field(fail_fast=True, max_length=512)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoiceFields | None = None
    parallel_tool_calls: bool | None = None
    response_format: ShapeFields | None = None
    reasoning_effort: Effort | None = None
    prompt_cache_key: str | None = Field(default=None, max_length=512)
    cache_salt: str | None = Field(default=None, min_length=1, max_length=512)
    metadata: dict[str, Any] | None = None
