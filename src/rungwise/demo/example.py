"""What can a newcomer ask the demo? A step that its models know, as a command to paste."""

from __future__ import annotations

import json
import shlex

__all__ = ["EXAMPLE", "curl", "to_try"]

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


def to_try(url: str) -> str:
    """What is left to do once the table is printed."""
    return f"""Still serving.

look: {url}/ui

Try it, and see the answer come (the models know only the steps of the demo's suite):

  {curl(url)}

Ctrl-C stops everything."""
