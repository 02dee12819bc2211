"""How sure must a rung's draft be in a replay? As it was asked, or as somebody says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rungwise.confidence.calibration import read_calibration
from rungwise.config import GateConfig
from rungwise.lab.replaying.drafts import Recorded
from rungwise.lab.replaying.means import Means
from rungwise.policy.choosing import Judged
from rungwise.types import Bar, StepType

__all__ = ["Thresholds"]


class Thresholds:
    """`instead` by tier stands in place of everything. `fixed`: the live policy asked what the
    gates ask, so that it can be read from the drafts; else its plans had bars of their own, and
    what the gates ask is read from their calibrations. Raises ConfigError for one that is odd."""

    def __init__(
        self,
        gates: Sequence[GateConfig],
        means: Means,
        instead: Mapping[str, float],
        *,
        fixed: bool,
    ) -> None:
        self._means, self._instead, self._fixed = means, instead, fixed
        judging = [gate for gate in gates if gate.hold != "none" and gate.accept == "calibrated"]
        self._judging = frozenset(gate.tier for gate in judging)
        mend = "correct gates[].calibration"
        self._calibrations = {
            gate.tier: read_calibration(gate.calibration, mend)
            for gate in judging
            if gate.calibration is not None and not fixed
        }

    def judges(self, tier: str, step_type: StepType) -> Judged | None:
        """See policy/choosing.py."""
        if tier not in self._judging:
            return None
        return Judged(reads=True, least=self._least(tier, step_type))

    def asked(
        self, tier: str, step_type: StepType, bar: Bar | None, draft: Recorded | None
    ) -> float | None:
        """Of a draft of this rung, made or not, where its plan has such a bar; None: nothing."""
        least = None
        if draft is not None and self._fixed and tier not in self._instead:
            least = draft.attempt.threshold
        if least is None:
            least = self._least(tier, step_type)
        if bar is None:
            return least
        return bar.confidence if bar.waives or least is None else max(least, bar.confidence)

    def _least(self, tier: str, step_type: StepType) -> float | None:
        if (told := self._instead.get(tier)) is not None:
            return told
        if (calibration := self._calibrations.get(tier)) is not None:
            return calibration.threshold_for(step_type).whole
        return self._means.threshold(tier, step_type)
