"""Names of gen_ai are OpenTelemetry's own, and providers have its words for them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as theirs
from pydantic import TypeAdapter

from rungwise.config import Tiers
from rungwise.observe import trace_names
from rungwise.observe.trace_names import providers_of


def test_every_name_of_gen_ai_is_one_of_theirs() -> None:
    ours = {v for v in vars(trace_names).values() if isinstance(v, str) and v.startswith("gen_ai")}
    known = {v for k, v in vars(theirs).items() if k.startswith("GEN_AI") and isinstance(v, str)}
    assert len(ours) > 10
    assert ours <= known


@pytest.mark.parametrize(
    ("section", "provider"),
    [
        ({"kind": "vllm", "model": "m"}, "vllm"),
        ({"kind": "openai", "model": "m"}, "openai"),
        ({"kind": "responses", "model": "m"}, "openai"),
        ({"kind": "anthropic", "model": "m"}, "anthropic"),
        ({"kind": "openai", "base_url": "https://api.mistral.ai/v1"}, "mistral_ai"),
        ({"kind": "openai", "base_url": "https://notmistral.ai/v1"}, "openai"),
        ({"kind": "openai", "base_url": "http://127.0.0.1:8000/v1", "dialect": "vllm"}, "vllm"),
        ({"kind": "ours.tiers:Own"}, "ours.tiers:Own"),
    ],
)
def test_a_provider_has_opentelemetrys_word(section: dict[str, Any], provider: str) -> None:
    told = {"name": "t", "model": "m", **section}
    if section["kind"] in ("openai", "responses", "anthropic"):
        told["api_key_env"] = "KEY"
    assert providers_of([TypeAdapter[Any](Tiers).validate_python(told)]) == {"t": provider}
