"""What may a Messages request hold? Its fields, and what becomes of each.

| field | what becomes of it |
|---|---|
| model, max_tokens, messages, system, stream, stop_sequences, temperature, top_p, tools,
  tool_choice, thinking, output_config (effort, format) | honoured |
| cache_control, of a block, of a tool, or of the whole | marks the prefix; `scope` is not used |
| metadata | `step_type`, `agent`, `tags` and `task` say what the headers of these names say;
  `user_id` is accepted and not used |
| UNUSED, and those of a tool and a block below | accepted; does not reach a model |
| REFUSED | 400, unless null or the neutral value given there: it would change the answer |
| tools that Anthropic's servers run, documents, files | 400 that names them |
| anything else | 400 that names it |

Every list is bounded and no field collects faults without end: a body of a million faults costs
no more than one fault. So unknown fields are allowed here and refused by `messages_wire`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from rungwise.edge.reading import Fields

__all__ = [
    "BLOCK_FIELDS",
    "REFUSED",
    "UNUSED",
    "UNUSED_OF_TOOL",
    "BlockFields",
    "ChoiceFields",
    "Content",
    "FormatFields",
    "MessagesFields",
    "OutputFields",
    "SourceFields",
    "ThinkingFields",
    "ToolFields",
    "TurnFields",
]

UNUSED = frozenset(
    "context_management diagnostics service_tier user_profile_id workspace_id".split()
)
"""context_management is not done: what is sent stays in the prompt."""

REFUSED: dict[str, tuple[object, ...]] = {
    "container": (),
    "inference_geo": ("global",),
    "mcp_servers": ([],),
    "speed": ("standard",),
    "top_k": (),
}

UNUSED_OF_TOOL = frozenset(
    "allowed_callers defer_loading eager_input_streaming input_examples".split()
)

BLOCK_FIELDS: dict[str, frozenset[str]] = {
    "text": frozenset(("text", "citations", "cache_control")),
    "image": frozenset(("source", "transformations", "cache_control")),
    "thinking": frozenset(("thinking", "signature")),
    "redacted_thinking": frozenset(("data",)),
    "tool_use": frozenset(("id", "name", "input", "caller", "toolset_name", "cache_control")),
    "tool_result": frozenset(
        ("tool_use_id", "content", "is_error", "toolset_name", "cache_control")
    ),
    "tool_reference": frozenset(("tool_name", "cache_control")),
}
"""The kinds of block that are read, and what each may hold."""


class SourceFields(Fields):
    type: str = Field(max_length=64)
    media_type: str | None = Field(default=None, pattern=r"^image/[a-z0-9.+-]{1,40}$")
    data: str | None = Field(default=None, min_length=1)
    url: str | None = Field(default=None, min_length=1)


Mark: TypeAlias = dict[str, Any]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=512)]


class BlockFields(Fields):
    type: str = Field(max_length=64)
    text: str | None = None
    source: SourceFields | None = None
    id: Id | None = None
    # a model wrote it, so it may be no name that anyone offered
    name: str | None = Field(default=None, pattern=r"^[^\x00-\x1f]{1,256}$")
    input: dict[str, Any] | None = None
    tool_use_id: Id | None = None
    content: InnerContent | None = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: Mark | None = None


Blocks: TypeAlias = Annotated[list[BlockFields], Field(fail_fast=True, max_length=4096)]
Content: TypeAlias = Annotated[str | Blocks, Field(union_mode="left_to_right")]
InnerContent: TypeAlias = Content
"""Of a tool's result."""

BlockFields.model_rebuild()


class TurnFields(Fields):
    role: str = Field(max_length=64)
    content: Content


class ToolFields(Fields):
    type: str | None = Field(default=None, max_length=64)
    name: str = Field(min_length=1, max_length=128)
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: Mark | None = None


class ChoiceFields(Fields):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = Field(default=None, min_length=1, max_length=128)
    disable_parallel_tool_use: bool | None = None


class ThinkingFields(Fields):
    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int | None = Field(default=None, ge=1024, lt=2**31)
    display: Literal["summarized", "omitted"] | None = None


class FormatFields(Fields):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputFields(Fields):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: FormatFields | None = None


Stop: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]


class MessagesFields(Fields):
    model: str = Field(min_length=1)
    messages: Annotated[list[TurnFields], Field(fail_fast=True, min_length=1, max_length=4096)]
    max_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    system: Content | None = None
    stream: bool | None = None
    stop_sequences: Annotated[list[Stop], Field(fail_fast=True, max_length=16)] | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    tools: Annotated[list[ToolFields], Field(fail_fast=True, max_length=512)] | None = None
    tool_choice: ChoiceFields | None = None
    thinking: ThinkingFields | None = None
    output_config: OutputFields | None = None
    cache_control: Mark | None = None
    metadata: dict[str, Any] | None = None
