"""What does the embedded engine's tier look at before the engine sees anything?"""

from __future__ import annotations

from typing import Any

import pytest

from rungwise.config import VllmTierConfig
from rungwise.errors import TierError
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.local.vllm_request import constrained, fetched_image
from rungwise.types import Chat, Image, Message, OutputShape, Tool, ToolChoice

pytestmark = pytest.mark.anyio

DATA = Image(url="data:image/png;base64,aGVsbG8=")


class Untouched:
    """A started engine that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the engine was used: {name}")


def tier() -> VllmTier:
    made = VllmTier(VllmTierConfig(name="tier1", kind="vllm", model="small"))
    made._running = Untouched()  # type: ignore[assignment]
    return made


def shown(*images: Image) -> Chat:
    return Chat(messages=(Message(role="user", text="a"), Message(role="user", images=images)))


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/cat.png",
        "HTTP://127.0.0.1:8080/healthz",
        "file:///etc/passwd",
        "//host/a",
    ],
)
@pytest.mark.parametrize("before", [(), (DATA,)])
async def test_an_image_that_would_be_fetched_is_rejected_before_the_engine_is_used(
    url: str, before: tuple[Image, ...]
) -> None:
    """The engine would open any address for any caller, and tell the world of a local request."""
    with pytest.raises(TierError, match="nothing is fetched") as raised:
        async for _ in tier().draft(shown(*before, Image(url=url)), read=False):
            pass
    assert raised.value.fault == "rejected"


async def test_an_image_that_came_along_reaches_the_engine() -> None:
    assert fetched_image(shown(DATA, DATA)) is None
    with pytest.raises(AssertionError, match="the engine was used"):
        async for _ in tier().draft(shown(DATA), read=False):
            pass


LOOSE, STRICT = Tool(name="f"), Tool(name="f", strict=True)


@pytest.mark.parametrize(
    ("asked", "is_held"),
    [
        ({}, False),
        ({"shape": OutputShape()}, True),
        ({"tools": (LOOSE,)}, False),
        ({"tools": (LOOSE, STRICT)}, True),
        ({"tools": (STRICT,), "tool_choice": ToolChoice(mode="none")}, False),
        ({"tools": (LOOSE,), "tool_choice": ToolChoice(mode="required")}, True),
        ({"tools": (LOOSE,), "tool_choice": ToolChoice(mode="named", name="f")}, True),
    ],
)
def test_what_the_engine_makes_a_grammar_of(asked: dict[str, Any], is_held: bool) -> None:
    assert constrained(Chat(messages=(), **asked)) is is_held
