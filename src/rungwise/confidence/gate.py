"""May this draft leave? Read while it is written, with a verdict as soon as one is sure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rungwise.confidence.calibration import Calibration
from rungwise.confidence.deciding import Deciding
from rungwise.confidence.logprob import new_signals
from rungwise.confidence.wording import wording_of
from rungwise.config import GateConfig
from rungwise.types import (
    Accept,
    Chat,
    Choice,
    Confidence,
    Draft,
    Escalate,
    Piece,
    Plan,
    Reading,
    StepType,
    Verdict,
)

__all__ = ["CalibratedGate", "read_draft"]

UNREAD_SHARE = 0.1
"""More deciding pieces than this without a log-probability, and there is no reading at all."""


class CalibratedGate:
    """Accepts a draft whose calibrated P(acceptable) reaches the fitted threshold.

    Without a calibration, or for a step type whose data supports no threshold, nothing is sure:
    every draft escalates, and the reason says so.
    """

    def __init__(self, config: GateConfig, calibration: Calibration | None) -> None:
        self._config, self._calibration = config, calibration

    @property
    def reads(self) -> bool:
        return self._calibration is not None

    def open(self, chat: Chat, plan: Plan) -> GateJudgement:
        return GateJudgement(self._config, self._calibration, chat, plan.step_type)


class GateJudgement:
    def __init__(
        self, config: GateConfig, calibration: Calibration | None, chat: Chat, step_type: StepType
    ) -> None:
        self._config, self._calibration = config, calibration
        self._chat, self._step_type = chat, step_type
        self._choices: dict[int, _ReadChoice] = {}
        self._threshold = calibration.threshold_for(step_type) if calibration else None
        self._weakest: tuple[float, tuple[Reading, ...]] | None = None

    def feed(self, piece: Piece) -> Verdict | None:
        if self._calibration is None or self._threshold is None:
            return Escalate(reason=self._without_threshold())
        choice = self._choices.get(piece.choice)
        if choice is None:
            choice = self._choices[piece.choice] = _ReadChoice(
                self._chat, self._calibration.signals
            )
        if choice.feed(piece) and self._config.early:
            return self._if_lost(choice)
        return None

    def close(self, draft: Draft) -> Verdict:
        for choice in draft.choices:
            verdict = self._worded(choice)
            if verdict is not None:
                return verdict
        return self._judged()

    @property
    def readings(self) -> Sequence[Reading]:
        weakest = self._find_weakest()
        return weakest[1] if weakest else ()

    @property
    def confidence(self) -> Confidence | None:
        weakest = self._find_weakest()
        if weakest is None or self._calibration is None:
            return None
        return Confidence(probability=weakest[0], calibration=self._calibration.name)

    def _if_lost(self, choice: _ReadChoice) -> Verdict | None:
        """Escalate once even the surest possible ending could not reach the threshold."""
        assert self._calibration is not None and self._threshold is not None
        bound = self._calibration.probability(self._step_type, choice.best())
        if bound >= self._threshold:
            return None
        return Escalate(reason=f"stopped early: p <= {bound:.2f} < {self._threshold:.2f}")

    def _worded(self, choice: Choice) -> Verdict | None:
        """What the finished text says of itself, whatever its log-probabilities."""
        if choice.finish == "length":
            return self._truncated()
        wording = wording_of(choice.text)
        refused = choice.refusal or choice.finish == "content_filter"
        if refused or (wording and wording.kind == "refusal"):
            if self._config.refusal == "escalate":
                return Escalate(reason="refused to answer")
            return Accept(reason="refused to answer; returned as configured")
        if not choice.text.strip() and not choice.tool_calls:
            return Escalate(reason="empty answer")
        if wording and self._config.hedging:
            return Escalate(reason=f"says it is unsure: {wording.words!r}")
        return None

    def _truncated(self) -> Verdict | None:
        if self._config.truncation == "return":
            return None
        return Escalate(reason="truncated: the draft hit its token limit")

    def _judged(self) -> Verdict:
        if self._calibration is None or self._threshold is None:
            return Escalate(reason=self._without_threshold())
        weakest = self._find_weakest()
        if weakest is None:
            return Escalate(reason="no log-probabilities to read")
        probability = weakest[0]
        told = ", ".join(f"{r.signal} {r.value:.2f}" for r in weakest[1])
        if probability >= self._threshold:
            return Accept(reason=f"p {probability:.2f} >= {self._threshold:.2f} ({told})")
        return Escalate(reason=f"p {probability:.2f} < {self._threshold:.2f} ({told})")

    def _find_weakest(self) -> tuple[float, tuple[Reading, ...]] | None:
        """The choice with the lowest probability; None when any choice has nothing to read."""
        if self._calibration is None:
            return None
        found: list[tuple[float, tuple[Reading, ...]]] = []
        for choice in self._choices.values():
            readings = choice.readings()
            if readings is None:
                return None
            values = {reading.signal: reading.value for reading in readings}
            found.append((self._calibration.probability(self._step_type, values), readings))
        return min(found, key=lambda pair: pair[0], default=None)

    def _without_threshold(self) -> str:
        if self._calibration is None:
            return "not calibrated: no draft of this tier is sure"
        return f"insufficient data: no threshold for {self._step_type.value} keeps the promise"


def read_draft(
    chat: Chat, pieces: Sequence[Piece], signals: tuple[str, ...]
) -> dict[str, float] | None:
    """The readings of a finished draft with one choice; None when there is nothing to read."""
    choice = _ReadChoice(chat, signals)
    for piece in pieces:
        choice.feed(piece)
    readings = choice.readings()
    return None if readings is None else {r.signal: r.value for r in readings}


class _ReadChoice:
    """The signals of one choice."""

    def __init__(self, chat: Chat, signals: tuple[str, ...]) -> None:
        self._deciding = Deciding(chat)
        self._signals = new_signals(signals)
        self._pieces = self._unread = 0

    def feed(self, piece: Piece) -> bool:
        """Take in the tokens that decide; False when there was none to read."""
        if not self._deciding.feed(piece):
            return False
        self._pieces += 1
        if not piece.logprobs and (piece.text or piece.tool_calls):
            self._unread += 1
        fed = False
        for logprob in piece.logprobs:
            if logprob is not None and math.isfinite(logprob):
                fed = True
                for signal in self._signals:
                    signal.feed(logprob)
        return fed

    def readings(self) -> tuple[Reading, ...] | None:
        if self._unread > UNREAD_SHARE * self._pieces:
            return None
        readings: list[Reading] = []
        for signal in self._signals:
            value = signal.value()
            if value is None:
                return None
            readings.append(Reading(signal=signal.name, value=value))
        return tuple(readings)

    def best(self) -> dict[str, float]:
        best = {signal.name: signal.best() for signal in self._signals}
        return {name: 0.0 if value is None else value for name, value in best.items()}
