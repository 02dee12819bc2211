"""Is what a caller says of thinking understood, whichever way it says it?"""

from __future__ import annotations

import pytest

from rungwise.tiers.hosted.thinking import effort_of
from rungwise.types import Effort, Thinking


@pytest.mark.parametrize(
    ("asked", "default", "wanted"),
    [
        (Thinking(), None, None),
        (Thinking(), "low", "low"),
        (Thinking(effort="high"), "low", "high"),
        (Thinking(effort="none"), "low", "none"),
        (Thinking(effort="high", tokens=10), None, "high"),
        (Thinking(tokens=0), "low", "none"),
        (Thinking(tokens=1), None, "low"),
        (Thinking(tokens=8191), None, "low"),
        (Thinking(tokens=8192), None, "medium"),
        (Thinking(tokens=30_000), None, "high"),
    ],
)
def test_an_effort_or_what_the_tokens_pay_for(
    asked: Thinking, default: Effort | None, wanted: Effort | None
) -> None:
    assert effort_of(asked, default) == wanted


@pytest.mark.parametrize(
    ("wanted", "known", "nearest"),
    [
        ("max", ("low", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("none", ("minimal", "low"), "minimal"),
        ("low", (), "low"),
        ("high", ("none",), "none"),
    ],
)
def test_an_unknown_effort_becomes_the_nearest_known_one(
    wanted: Effort, known: tuple[Effort, ...], nearest: Effort
) -> None:
    assert effort_of(Thinking(effort=wanted), None, known) == nearest
