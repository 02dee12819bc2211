"""What does the gate make of one draft? What was read of it, and what follows from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rungwise.confidence.calibration import Calibration
from rungwise.confidence.doubts import doubt_of, prose_doubt_of
from rungwise.confidence.reading import ReadChoice, Snapshot
from rungwise.confidence.signals import best_of
from rungwise.confidence.thresholds import Thresholds
from rungwise.config import GateConfig
from rungwise.types import (
    Accept,
    AttemptRole,
    Chat,
    Confidence,
    Draft,
    Escalate,
    Piece,
    Reading,
    StepType,
    Verdict,
)

__all__ = ["GateJudgement", "Unjudged", "Watch"]


class Watch:
    """Reads a draft that is released unjudged, for the ledger (see contracts.Judgement)."""

    def __init__(
        self,
        signals: Sequence[str],
        calibration: Calibration | None,
        chat: Chat,
        step_type: StepType,
    ) -> None:
        self._signals, self._calibration = tuple(signals), calibration
        self._chat, self._step_type = chat, step_type
        self._lengths = tuple(p.tokens for p in calibration.prefixes) if calibration else ()
        self._choices: dict[int, ReadChoice] = {}
        self._probed: dict[str, float] = {}
        self._declined: frozenset[int] = frozenset()
        self._stopped_at: float | None = None
        """P(acceptable) of the beginning at which the draft was given up."""

    def feed(self, piece: Piece) -> Verdict | None:
        self._read(piece)
        return None

    def close(self, draft: Draft) -> Verdict:
        return Accept(reason="not judged")

    def weigh(self, probe: AttemptRole, value: float | None) -> Verdict:
        return Accept(reason="not judged")

    @property
    def settled(self) -> bool:
        return True

    @property
    def readings(self) -> Sequence[Reading]:
        """Those of the least sure choice."""
        weakest = self._weakest()
        found = weakest[1] if weakest is not None else self._probed
        return [Reading(signal=name, value=value) for name, value in found.items()]

    @property
    def confidence(self) -> Confidence | None:
        weakest = self._weakest()
        if weakest is None or self._calibration is None:
            return None
        if self._stopped_at is None and not self._complete(weakest[1]):
            return None
        p = weakest[0] if self._stopped_at is None else self._stopped_at
        return Confidence(probability=p, calibration=self._calibration.name)

    @property
    def threshold(self) -> float | None:
        return None

    def _read(self, piece: Piece) -> tuple[ReadChoice, Sequence[Snapshot]]:
        choice = self._choices.get(piece.choice)
        if choice is None:
            choice = ReadChoice(self._chat, self._signals, self._lengths)
            self._choices[piece.choice] = choice
        return choice, choice.feed(piece)

    def _weakest(self) -> tuple[float, Mapping[str, float]] | None:
        """The lowest probability of a choice, and its readings; None when any has nothing to read.

        What a probe has not told yet is taken for the best it could tell.
        """
        found: list[tuple[float, Mapping[str, float]]] = []
        for index, choice in self._choices.items():
            if index in self._declined:
                continue
            read = choice.readings()
            if read is None:
                return None
            readings = {**read, **self._probed}
            found.append((self._probability(readings), readings))
        return min(found, key=lambda pair: pair[0], default=None)

    def _probability(self, readings: Mapping[str, float | None]) -> float:
        if self._calibration is None:
            return 1.0
        return self._calibration.finished.probability(self._step_type, self._hoped(readings))

    def _hoped(self, readings: Mapping[str, float | None]) -> dict[str, float | None]:
        signals = self._calibration.signals if self._calibration else ()
        return {**{name: best_of(name) for name in signals}, **readings}

    def _complete(self, readings: Mapping[str, float]) -> bool:
        return self._calibration is not None and set(self._calibration.signals) <= readings.keys()


class Unjudged(Watch):
    """Lets a draft go with its first piece: `hold: none`."""

    def feed(self, piece: Piece) -> Verdict | None:
        self._read(piece)
        return Accept(reason="not judged")

    def close(self, draft: Draft) -> Verdict:
        """Only reached by a draft that had no piece at all."""
        return Escalate(reason="empty answer")


class GateJudgement(Watch):
    """Judges a draft while it is held."""

    def __init__(
        self,
        config: GateConfig,
        signals: Sequence[str],
        calibration: Calibration | None,
        chat: Chat,
        step_type: StepType,
        thresholds: Thresholds,
        *,
        asked: bool,
        unbelieved: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`asked`: paid evidence is wanted, so nothing is accepted before the end; none is where
        no confidence is asked for. `unbelieved` tells why no draft of this rung may leave any
        more: an alarm can begin while one is open."""
        self._unbelieved = unbelieved
        super().__init__(signals, calibration, chat, step_type)
        self._config, self._thresholds = config, thresholds
        prose = not chat.tools and chat.shape is None and chat.sampling.n == 1
        waits = asked and not thresholds.anything
        streamed = config.hold == "prefix" and chat.stream and prose and not waits
        self._early_threshold = thresholds.prefix if streamed else None
        leaves_early = self._early_threshold is not None
        self._threshold = thresholds.streamed if leaves_early else thresholds.whole
        self._text: list[str] = []
        self._settled = False
        self._returned: Accept | None = None

    @property
    def settled(self) -> bool:
        # there is no answer to give evidence on, or it leaves whatever the evidence
        return self._returned is not None or self._thresholds.anything

    @property
    def threshold(self) -> float | None:
        return self._threshold

    # ---- while it is written ----

    def feed(self, piece: Piece) -> Verdict | None:
        if piece.tool_calls:
            self._early_threshold = None  # a call that nobody offered is checked like any other
        if self._early_threshold is not None:
            self._text.append(piece.text)
        choice, snapshots = self._read(piece)
        if self._settled or self._calibration is None:
            return None
        for snapshot in snapshots:
            verdict = self._at_prefix(snapshot)
            if verdict is not None:
                self._settled = True
                return verdict
        return self._if_lost(choice) if piece.logprobs and self._config.early else None

    def _at_prefix(self, snapshot: Snapshot) -> Verdict | None:
        assert self._calibration is not None
        prefix = next(p for p in self._calibration.prefixes if p.tokens == snapshot.tokens)
        readings = self._hoped(snapshot.readings)
        if self._early_threshold is not None:
            p = prefix.acceptable.probability(self._step_type, readings)
            doubt = prose_doubt_of(self._config, self._chat, self._so_far, whole=False)
            if p >= self._early_threshold and doubt is None and self._unbelieved() is None:
                told = f"p {p:.2f} >= {self._early_threshold:.2f}"
                return Accept(reason=f"{told} after {prefix.tokens} tokens")
        if self._config.early and self._thresholds.recovers:
            chance = prefix.recovery.probability(self._step_type, readings)
            if chance < self._config.give_up:
                self._stopped_at = prefix.acceptable.probability(self._step_type, readings)
                told = f"{chance:.3f} < {self._config.give_up:g}"
                return Escalate(
                    reason=f"stopped early: chance to recover {told} after {prefix.tokens} tokens"
                )
        return None

    @property
    def _so_far(self) -> str:
        return "".join(self._text)

    def _if_lost(self, choice: ReadChoice) -> Verdict | None:
        """Escalate once even the surest possible ending could not reach the threshold."""
        bound = self._probability(choice.best())
        if self._threshold is None or bound >= self._threshold:
            return None
        self._settled = True
        return Escalate(reason=f"stopped early: p <= {bound:.2f} < {self._threshold:.2f}")

    # ---- once it is finished ----

    def close(self, draft: Draft) -> Verdict:
        if len(draft.choices) < self._chat.sampling.n:
            return Escalate(reason="empty answer")
        for choice in draft.choices:
            doubt = doubt_of(self._config, self._chat, choice)
            if doubt is not None:
                return Escalate(reason=doubt)
        self._declined = frozenset(i for i, c in enumerate(draft.choices) if c.declined)
        if len(self._declined) == len(draft.choices):
            self._returned = Accept(reason="declined to answer; returned as configured")
        return self._returned or self._judged()

    def weigh(self, probe: AttemptRole, value: float | None) -> Verdict:
        calibrated = self._calibration is not None and probe in self._calibration.signals
        if value is not None:
            self._probed[probe] = value
        if value is None and (calibrated or self._must_hear(probe)):
            return Escalate(reason=f"not verified: the {probe} gave no answer")
        if value is not None and value < 0.5 and probe == "judge" and not calibrated:
            return Escalate(reason=f"the judge grades it {value:.2f}")
        return self._judged()

    def _must_hear(self, probe: AttemptRole) -> bool:
        """Evidence that no calibration reads is only noted, but for a judge's veto."""
        judge = self._config.judge
        return probe == "judge" and judge is not None and judge.unverified == "escalate"

    def _judged(self) -> Verdict:
        if (unbelieved := self._unbelieved()) is not None:
            return Escalate(reason=unbelieved)
        if self._config.accept == "checked":
            return Accept(reason="nothing speaks against it")
        weakest = self._weakest()
        if self._thresholds.anything:
            told = f", p {weakest[0]:.2f}" if weakest is not None and self._calibration else ""
            return Accept(reason=f"nothing speaks against it, and no more is asked{told}")
        if self._calibration is None or self._threshold is None:
            return Escalate(reason="no confidence makes a draft of it sure enough")
        if weakest is None:
            return Escalate(reason="no log-probabilities to read")
        p, readings = weakest
        told = ", ".join(f"{name} {value:.2f}" for name, value in readings.items())
        if p >= self._threshold:
            return Accept(reason=f"p {p:.2f} >= {self._threshold:.2f} ({told})")
        return Escalate(reason=f"p {p:.2f} < {self._threshold:.2f} ({told})")
