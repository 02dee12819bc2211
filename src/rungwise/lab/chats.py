"""How does a step of the suite look as a neutral Chat? For drafting without the HTTP edge."""

from __future__ import annotations

from rungwise.lab.steps import Step
from rungwise.types import (
    Chat,
    Message,
    OutputShape,
    Sampling,
    StepType,
    Tool,
    Wish,
)

__all__ = ["chat_of"]


def chat_of(step: Step, *, max_tokens: int | None = None) -> Chat:
    """Greedy, as the demo sends it; `max_tokens` overrides the step's own."""
    return Chat(
        messages=tuple(Message(role=m["role"], text=m["content"]) for m in step.messages),
        sampling=Sampling(max_tokens=max_tokens or step.max_tokens, temperature=0.0),
        tools=tuple(
            Tool(
                name=tool["function"]["name"],
                description=tool["function"].get("description", ""),
                parameters=tool["function"].get("parameters", {}),
            )
            for tool in step.tools
        ),
        shape=OutputShape(schema=step.response_schema, strict=True)
        if step.response_schema is not None
        else None,
        wish=Wish(step_type=StepType(step.step_type)),
    )
