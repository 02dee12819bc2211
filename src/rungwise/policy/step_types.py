"""What kind of work is this step? The caller says, or a rule, or a classifier, or the default."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.config import RoutingConfig
from rungwise.policy.classifier import load_classifier
from rungwise.policy.rules import Rules
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import Chat, StepType

__all__ = ["Typed", "Typer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    step_type: StepType
    why: str = ""
    """Put behind what the table says of it; empty where the caller named it."""
    otherwise: StepType | None = None
    """The one that it would have, had no look of a text decided it, to a rule or to the classifier:
    a text can be made to look hard, so what starts higher for that is paid for like a climb."""
    sketch: Sketch | None = None
    """Of the chat, where one was needed: nobody needs to make it again."""


class Typer:
    def __init__(self, config: RoutingConfig) -> None:
        """Raises ConfigError for a classifier that cannot be read."""
        self._rules = Rules(config.rules)
        self._classifier = load_classifier(config.classifier) if config.classifier else None
        self._default = config.default_step_type

    def type_of(self, chat: Chat) -> Typed:
        """Pure but for a log line, fast, and raises nothing, whatever the chat says."""
        if chat.wish.step_type is not None:
            return Typed(step_type=chat.wish.step_type)
        if (found := self._rules.first(chat)) is not None:
            otherwise = (found.otherwise or self._default) if found.by_text else None
            why = f" (rule {found.number})"
            return Typed(step_type=found.step_type, why=why, otherwise=otherwise)
        if self._classifier is None:
            return Typed(step_type=self._default, why=" (no step type was named)")
        sketch = sketch_of(chat)
        if (likeliest := self._classifier.likeliest(sketch)) is None:
            why = f" (classifier {self._classifier.name}: not sure)"
            return Typed(step_type=self._default, why=why, sketch=sketch)
        step_type, probability = likeliest
        why = f" (classifier {self._classifier.name}: p {_told(probability)})"
        return Typed(step_type=step_type, why=why, otherwise=self._default, sketch=sketch)


def _told(probability: float) -> str:
    return f"{min(probability, 0.99):.2f}".lstrip("0")
