"""Is a server spoken to in its own dialect?"""

from __future__ import annotations

import pytest

from rungwise.tiers.hosted.dialects import DIALECTS, dialect_of

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai/"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (None, "openai"),
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1", "openai"),
        (GOOGLE, "gemini"),
        ("https://europe-west4-aiplatform.googleapis.com/v1/openapi", "gemini"),
        ("http://127.0.0.1:8000/v1", "plain"),
        ("https://notopenai.com/v1", "plain"),
    ],
)
def test_a_dialect_is_known_by_its_host(address: str | None, name: str) -> None:
    assert dialect_of(address) is DIALECTS[name]


def test_a_named_dialect_wins_over_the_address() -> None:
    assert dialect_of(GOOGLE, "vllm") is DIALECTS["vllm"]
