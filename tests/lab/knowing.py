"""A tier that drafts steps of the suite, often rightly, and is less sure when it does not."""

import json
import random
from collections.abc import Iterable

from rungwise.config import TierConfig
from rungwise.lab.steps import Step, generate
from rungwise.tiers.scripted import Script, ScriptedTier, call, say
from rungwise.types import Chat

SUITE = 1200


class KnowingTier(ScriptedTier):
    """Three in four of the steps right; with log-probabilities and twice as many likeliest."""

    def __init__(self, name: str, steps: Iterable[Step], right: float = 0.75) -> None:
        self._steps = {step.messages[1]["content"]: step for step in steps}
        self._right = right
        super().__init__(name, self._script, model="knowing")

    def _script(self, chat: Chat) -> Script:
        step = self._steps[chat.messages[1].text]
        rng = random.Random(f"{self.name}/{step.id}")
        right = rng.random() < self._right
        logprob = -abs(rng.gauss(0.05, 0.1)) if right else -abs(rng.gauss(1.5, 0.6))
        if step.tools:
            text = step.answer.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
            arguments = json.dumps(json.loads(text)["arguments"]) if right else "{}"
            return call(json.loads(text)["name"], arguments, logprob=logprob)
        return say(step.answer if right else "wrong", logprob=logprob)

    async def score(self, chat: Chat, answer: str) -> list[float | None]:
        return [-0.05 if "right" in answer else -2.0 for _ in answer.split()]


class FromConfig(KnowingTier):
    """For `kind: tests.lab.knowing:FromConfig`; its model says how often it is right."""

    def __init__(self, config: TierConfig) -> None:
        steps = [s for split in ("calibration", "test") for s in generate(split, SUITE, seed=2)]  # type: ignore[arg-type]
        super().__init__(config.name, steps, float(config.model))


class Silent(ScriptedTier):
    """For `kind: tests.lab.knowing:Silent`: writes, and gives no log-probabilities."""

    def __init__(self, config: TierConfig) -> None:
        super().__init__(config.name, say("no idea"))
