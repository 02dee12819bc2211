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
"""More deciding tokens than this without a log-probability, and there is no reading at all."""
FLOOR = -20.0
"""Nats: a token is one in 500 million at the least, so that a single one keeps a mean readable."""


class CalibratedGate:
    """Accepts a draft whose calibrated P(acceptable) reaches the fitted threshold.

    Without a calibration, or for a step type whose data supports no threshold, there is no hope:
    nothing that this tier drafts could be called sure.
    """

    def __init__(self, config: GateConfig, calibration: Calibration | None) -> None:
        self._config, self._calibration = config, calibration

    @property
    def reads(self) -> bool:
        return self._calibration is not None

    def hopeless(self, step_type: StepType) -> str | None:
        if self._calibration is None:
            return "not calibrated: no draft of it is sure"
        if self._calibration.threshold_for(step_type) is None:
            return f"insufficient data: no threshold for {step_type.value} keeps the promise"
        return None

    def open(self, chat: Chat, plan: Plan) -> GateJudgement:
        assert self._calibration is not None, "hopeless() says so before"
        return GateJudgement(self._config, self._calibration, chat, plan.step_type)


class GateJudgement:
    def __init__(
        self, config: GateConfig, calibration: Calibration, chat: Chat, step_type: StepType
    ) -> None:
        threshold = calibration.threshold_for(step_type)
        assert threshold is not None, "hopeless() says so before"
        self._config, self._calibration, self._threshold = config, calibration, threshold
        self._chat, self._step_type = chat, step_type
        self._choices: dict[int, _ReadChoice] = {}
        self._declined: frozenset[int] = frozenset()

    def feed(self, piece: Piece) -> Verdict | None:
        choice = self._choices.get(piece.choice)
        if choice is None:
            choice = self._choices[piece.choice] = _ReadChoice(
                self._chat, self._calibration.signals
            )
        if choice.feed(piece) and self._config.early:
            return self._if_lost(choice)
        return None

    def close(self, draft: Draft) -> Verdict:
        if len(draft.choices) < self._chat.sampling.n:
            return Escalate(reason="empty answer")
        for choice in draft.choices:
            doubt = self._doubt(choice)
            if doubt is not None:
                return Escalate(reason=doubt)
        self._declined = frozenset(i for i, c in enumerate(draft.choices) if _declined(c))
        if len(self._declined) == len(draft.choices):
            return Accept(reason="declined to answer; returned as configured")
        return self._judged()

    @property
    def readings(self) -> Sequence[Reading]:
        weakest = self._find_weakest()
        return weakest[1] if weakest else ()

    @property
    def confidence(self) -> Confidence | None:
        weakest = self._find_weakest()
        if weakest is None:
            return None
        return Confidence(probability=weakest[0], calibration=self._calibration.name)

    def _if_lost(self, choice: _ReadChoice) -> Verdict | None:
        """Escalate once even the surest possible ending could not reach the threshold."""
        bound = self._calibration.probability(self._step_type, choice.best())
        if bound >= self._threshold:
            return None
        return Escalate(reason=f"stopped early: p <= {bound:.2f} < {self._threshold:.2f}")

    def _doubt(self, choice: Choice) -> str | None:
        """What the finished draft itself gives reason to doubt, whatever its log-probabilities."""
        if choice.finish == "length":
            truncated = self._config.truncation == "escalate"
            return "truncated: the draft hit its token limit" if truncated else None
        if _declined(choice):
            return "refused to answer" if self._config.refusal == "escalate" else None
        if not choice.text.strip() and not choice.tool_calls:
            return "empty answer"
        if self._chat.shape is not None or choice.tool_calls:
            return None  # words inside a document are its data
        wording = wording_of(choice.text)
        if wording is None:
            return None
        if wording.kind == "refusal":
            # an answer that is returned as configured must still be a sure one
            return "refused to answer" if self._config.refusal == "escalate" else None
        return f"says it is unsure: {wording.words!r}" if self._config.hedging else None

    def _judged(self) -> Verdict:
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
        found: list[tuple[float, tuple[Reading, ...]]] = []
        for index, choice in self._choices.items():
            if index in self._declined:
                continue
            readings = choice.readings()
            if readings is None:
                return None
            values = {reading.signal: reading.value for reading in readings}
            found.append((self._calibration.probability(self._step_type, values), readings))
        return min(found, key=lambda pair: pair[0], default=None)


def _declined(choice: Choice) -> bool:
    """The API itself says that it declined: there is no answer to be sure of."""
    return bool(choice.refusal) or choice.finish == "content_filter"


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
        self._tokens = self._unread = 0

    def feed(self, piece: Piece) -> bool:
        """Take in the tokens that decide; False when there was none to read."""
        if not self._deciding.feed(piece):
            return False
        if not (piece.logprobs or piece.forced) and (piece.text or piece.tool_calls):
            self._tokens, self._unread = self._tokens + 1, self._unread + 1
            return False
        self._tokens += len(piece.logprobs)
        fed = False
        for logprob in piece.logprobs:
            if logprob is None or math.isnan(logprob):
                self._unread += 1
                continue
            fed = True
            for signal in self._signals:
                signal.feed(max(logprob, FLOOR))
        return fed

    def readings(self) -> tuple[Reading, ...] | None:
        if self._unread > UNREAD_SHARE * self._tokens:
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
