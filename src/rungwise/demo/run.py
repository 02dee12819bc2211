"""How are the demo's steps sent? Through the official openai client, as any user's agent would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rungwise.demo.figures import ROUTES, Answered
from rungwise.lab.steps import Step, generate

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["demo_steps", "first_answer", "send_all"]


def demo_steps(count: int) -> list[Step]:
    return list(generate("test", count, seed=1))


def first_answer(url: str) -> str:
    """Ask the embedded rung one step while the others still start; what was asked and answered."""
    from openai import OpenAI

    step = next(s for s in demo_steps(20) if s.step_type == "code_generation")
    with OpenAI(base_url=f"{url}/v1", api_key="demo", max_retries=0, timeout=120) as client:
        completion = client.chat.completions.create(**request_of(step, "tier1"))
    asked = step.messages[-1]["content"]
    return f"{asked!r} -> {completion.choices[0].message.content!r}"


async def send_all(
    url: str,
    steps: Sequence[Step],
    *,
    concurrency: int,
    progress: Callable[[], object],
) -> list[Answered]:
    """Every step once as `auto` and once pinned to each tier; and of each answer whether it was
    right, as a program that checks answers would say it.

    The routes take turns step by step, so that a slow minute of the machine hits all alike.
    """
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="demo", max_retries=0, timeout=120)
    permits = asyncio.Semaphore(concurrency)

    async def one(route: str, number: int, step: Step) -> Answered:
        async with permits:
            answered = await _send(client, route, number, step)
        progress()
        return answered

    try:
        return await asyncio.gather(
            *(one(route, i, step) for i, step in enumerate(steps) for route in ROUTES)
        )
    finally:
        await client.close()


async def _send(client: AsyncOpenAI, route: str, number: int, step: Step) -> Answered:
    import openai

    start = time.perf_counter()
    try:
        raw = await client.chat.completions.with_raw_response.create(**request_of(step, route))
    except openai.OpenAIError as error:
        return Answered(
            step=number,
            route=route,
            step_type=step.step_type,
            right=False,
            tier=None,
            latency_s=time.perf_counter() - start,
            tokens=0,
            cost_usd=None,
            error=str(error)[:200],
        )
    latency = time.perf_counter() - start
    completion = raw.parse()
    message = completion.choices[0].message
    calls = [(c.function.name, c.function.arguments) for c in message.tool_calls or ()]
    right = step.check(message.content or "", calls)
    id = raw.headers["x-request-id"]
    said = {"answer": id, "right": right, "source": "checker"}
    await client.post("/outcomes", body=said, cast_to=object)
    usage = completion.usage
    extension = (completion.model_extra or {}).get("rungwise") or {}
    return Answered(
        step=number,
        route=route,
        step_type=step.step_type,
        right=right,
        tier=raw.headers.get("x-rungwise-tier"),
        latency_s=latency,
        tokens=usage.total_tokens if usage else 0,
        cost_usd=extension.get("cost_usd"),
        id=id,
    )


def request_of(step: Step, route: str) -> dict[str, Any]:
    """The step as keyword arguments of the openai client."""
    request: dict[str, Any] = {
        "model": route,
        "messages": list(step.messages),
        "max_tokens": step.max_tokens,
        "temperature": 0.0,
        "metadata": {"step_type": step.step_type},
    }
    if step.tools:
        request["tools"] = list(step.tools)
    if step.response_schema is not None:
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": step.response_schema, "strict": True},
        }
    return request
