"""May this draft leave? Read while it is written, with a verdict as soon as one is sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rungwise.confidence.calibration import Calibration, Threshold
from rungwise.confidence.doubts import doubt_of
from rungwise.confidence.judgement import GateJudgement, Unjudged, Watch
from rungwise.confidence.signals import DEFAULT, SIGNALS, best_of, likeliest_for
from rungwise.confidence.thresholds import Thresholds, thresholds_of
from rungwise.config import GateConfig
from rungwise.contracts import Probe
from rungwise.types import Chat, Choice, Message, Plan, StepType

__all__ = ["CalibratedGate"]

_UNBELIEVED = "its calibration is not believed"
_GREETING = Chat(messages=(Message(role="user", text="Hello, who are you?"),))


class CalibratedGate:
    """Accepts a draft whose calibrated P(acceptable) reaches the fitted threshold, and its plan's
    bar; or the bar alone, where that stands in the threshold's place.

    Without a calibration, or for a step type whose data supports no threshold, there is no hope:
    nothing that this tier drafts could be called sure. A bar of 0 in its place asks for no number,
    and neither does `accept: checked`, under any bar: then a draft leaves that no check speaks
    against. While an alarm demotes the rung, no draft of it is accepted.
    """

    def __init__(
        self,
        config: GateConfig,
        calibration: Calibration | None,
        probes: Sequence[tuple[Probe, frozenset[StepType] | None]] = (),
        demoted: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`probes` come with the step types that they are asked for; None is all of them.
        `demoted` tells why drafts of this rung are not believed just now; None: they are."""
        self._demoted = demoted
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

    @property
    def judges(self) -> bool:
        """Whether a confidence is asked of a draft at all."""
        return self._config.accept == "calibrated" and self._config.hold != "none"

    @property
    def calibrated_by(self) -> str | None:
        """The calibration's name; None where drafts have no confidence."""
        return None if self._calibration is None else self._calibration.name

    def reads(self, step_type: StepType) -> bool:
        """Whether a draft has a confidence."""
        return self._calibration is not None and not self._unasked(step_type)

    def least(self, step_type: StepType) -> float | None:
        """The calibrated threshold, where there is one."""
        return self._found(step_type).whole if self.reads(step_type) else None

    def hopeless(self, plan: Plan) -> str | None:
        if (unbelieved := self._unbelieved()) is not None:
            return unbelieved
        thresholds = self._thresholds(plan)
        if not self.judges or thresholds.anything:
            return None
        if self._calibration is None:
            return "not calibrated: no draft of it is sure"
        unasked = self._unasked(plan.step_type)
        if unasked:
            told = ", ".join(unasked)
            return f"not calibrated without {told}, not asked for {plan.step_type.value}"
        if thresholds.whole is not None:
            most = self._surest(self._calibration, plan.step_type)
            short = f"no draft of it is surer than {most:.2f}, {thresholds.whole:.2f} is asked"
            return short if most < thresholds.whole else None
        found = self._found(plan.step_type)
        more = f", about {found.needed} more are needed" if found.needed else ""
        return (
            f"insufficient data: {found.labels} labels of {plan.step_type.value} keep no "
            f"promise{more}"
        )

    def _unbelieved(self) -> str | None:
        alarm = self._demoted()
        return None if alarm is None else f"{_UNBELIEVED}: {alarm}"

    def _found(self, step_type: StepType) -> Threshold:
        none = Threshold(whole=None, labels=0)
        return self._calibration.threshold_for(step_type) if self._calibration else none

    def _thresholds(self, plan: Plan) -> Thresholds:
        return thresholds_of(self._found(plan.step_type), plan.bar(self._config.tier))

    def _surest(self, calibration: Calibration, step_type: StepType) -> float:
        """The highest P that the best readings could give."""
        readings = {name: best_of(name) for name in calibration.signals}
        curves = [calibration.finished, *(prefix.acceptable for prefix in calibration.prefixes)]
        return max(curve.probability(step_type, readings) for curve in curves)

    def open(self, chat: Chat, plan: Plan) -> Watch:
        if self._config.hold == "none":
            signals = self._signals if self._config.read_pinned else ()
            return Unjudged(signals, self._calibration, chat, plan.step_type)
        asked = bool(self.probes(plan.step_type))
        signals = self._signals if self.likeliest is not None else ()
        return GateJudgement(
            self._config,
            signals,
            self._calibration,
            chat,
            plan.step_type,
            self._thresholds(plan),
            asked=asked,
            unbelieved=self._unbelieved,
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
