"""What can a newcomer ask the demo? A step that its models know, as a command to paste."""

from __future__ import annotations

import json
import shlex

__all__ = ["EXAMPLE", "curl"]

EXAMPLE = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Classify: Mara writes about the refund."}],
    "metadata": {"step_type": "classification"},
}
"""A request's body. The demo's models know their suite's wording without its system prompt, too."""


def curl(url: str) -> str:
    fields = ",\n    ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in EXAMPLE.items())
    body = shlex.quote(f"{{\n    {fields}}}")
    return f"curl {url}/v1/chat/completions -H 'content-type: application/json' -d {body}"
