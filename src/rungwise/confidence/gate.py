"""May this draft leave? Read while it is written, with a verdict as soon as one is sure."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.confidence.calibration import Calibration
from rungwise.confidence.doubts import doubt_of
from rungwise.confidence.judgement import GateJudgement, Unjudged, Watch
from rungwise.confidence.signals import DEFAULT, SIGNALS, likeliest_for
from rungwise.config import GateConfig
from rungwise.contracts import Probe
from rungwise.types import Chat, Choice, Message, Plan, StepType

__all__ = ["CalibratedGate"]

_GREETING = Chat(messages=(Message(role="user", text="Hello, who are you?"),))


class CalibratedGate:
    """Accepts a draft whose calibrated P(acceptable) reaches the fitted threshold.

    Without a calibration, or for a step type whose data supports no threshold, there is no hope:
    nothing that this tier drafts could be called sure. With `accept: checked` no number is asked
    for, only that nothing speaks against the draft.
    """

    def __init__(
        self,
        config: GateConfig,
        calibration: Calibration | None,
        probes: Sequence[tuple[Probe, frozenset[StepType] | None]] = (),
    ) -> None:
        """`probes` come with the step types that they are asked for; None is all of them."""
        self._config, self._probes = config, tuple(probes)
        self._calibration = calibration if config.accept == "calibrated" else None
        read = calibration.signals if calibration is not None else config.signals or DEFAULT
        self._signals = tuple(read)
        # compiles the patterns of words now, and not while the first caller waits
        doubt_of(config, _GREETING, Choice(text="Hello, how may I help you today, then?"))

    @property
    def likeliest(self) -> int | None:
        judged = self._calibration is not None and self._config.hold != "none"
        return likeliest_for(self._signals) if judged or self._config.read_pinned else None

    def hopeless(self, step_type: StepType) -> str | None:
        if self._config.accept == "checked" or self._config.hold == "none":
            return None
        if self._calibration is None:
            return "not calibrated: no draft of it is sure"
        unasked = self._unasked(step_type)
        if unasked:
            told = ", ".join(unasked)
            return f"not calibrated without {told}, not asked for {step_type.value}"
        found = self._calibration.threshold_for(step_type)
        if found.whole is not None:
            return None
        more = f", about {found.needed} more are needed" if found.needed else ""
        return (
            f"insufficient data: {found.labels} labels of {step_type.value} keep no promise{more}"
        )

    def open(self, chat: Chat, plan: Plan) -> Watch:
        if self._config.hold == "none":
            signals = self._signals if self._config.read_pinned else ()
            return Unjudged(signals, self._calibration, chat, plan.step_type)
        asked = bool(self.probes(plan.step_type))
        signals = self._signals if self.likeliest is not None else ()
        return GateJudgement(
            self._config, signals, self._calibration, chat, plan.step_type, asked=asked
        )

    def watch(self, chat: Chat, plan: Plan) -> Watch | None:
        if not self._config.read_pinned:
            return None
        return Watch(self._signals, self._calibration, chat, plan.step_type)

    def probes(self, step_type: StepType) -> Sequence[Probe]:
        return [p for p, types in self._probes if types is None or step_type in types]

    def _unasked(self, step_type: StepType) -> list[str]:
        """The paid evidence that would be missing among the readings, and must not be made up."""
        asked = {probe.name for probe in self.probes(step_type)}
        paid = (name for name in self._signals if SIGNALS[name].make is None)
        return [name for name in paid if name not in asked]
