"""From a document to the step type that an answer says it was: rules and a classifier, served."""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.tiers.scripted import ScriptedTier, say
from tests.policy.classifiers import written
from tests.served import served

pytestmark = pytest.mark.anyio

ROUTING = """
routing:
  classifier: words.json
  rules:
    - {step_type: extraction, agent: reader, route: auto}
    - {step_type: format_conversion, shape: "*"}
    - {step_type: multi_step_reasoning, prompt: '(?i)\\bprove\\b', system: careful}
"""
CAREFUL = [{"role": "system", "content": "Be careful."}, {"role": "user", "content": "Prove it."}]


async def test_who_named_the_step_type_is_told(tmp_path: Path) -> None:
    written(tmp_path)
    low, top = (ScriptedTier(name, say(f"by {name}")) for name in ("low", "top"))
    async with served(tmp_path, low, top, config=ROUTING) as server:
        asked = {
            "caller": await server.ask("plan", headers={"x-rungwise-step-type": "open_chat"}),
            "agent": await server.ask("plan", headers={"x-rungwise-agent": "reader"}),
            "metadata": await server.ask("plan", metadata={"agent": "reader"}),
            "shape": await server.ask("plan", response_format={"type": "json_object"}),
            "patterns": await server.ask("", messages=CAREFUL),
            "learned": await server.ask("plan"),
            "nobody": await server.ask("plan extract"),
        }
    told = {
        name: (a.why["step_type"], a.why["plan"].partition(";")[0]) for name, a in asked.items()
    }
    assert told["caller"] == ("open_chat", "open_chat starts at low")
    assert told["agent"] == told["metadata"]
    assert told["agent"] == ("extraction", "extraction starts at low (rule 1)")
    assert told["shape"] == ("format_conversion", "format_conversion starts at low (rule 2)")
    why = "multi_step_reasoning starts at top (rule 3)"
    assert told["patterns"] == ("multi_step_reasoning", why)
    assert told["learned"][0] == "planning" and "low (classifier words@" in told["learned"][1]
    assert told["nobody"][0] == "open_chat" and told["nobody"][1].endswith(": not sure)")
