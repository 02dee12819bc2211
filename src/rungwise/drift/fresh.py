"""Which detector watches for an alarm of which kind?"""

from __future__ import annotations

from rungwise.config import DriftConfig
from rungwise.drift.both import Both
from rungwise.drift.calibrated import Calibrated
from rungwise.drift.detector import Detector, Statistic
from rungwise.drift.evidence import RISK
from rungwise.drift.share import Share, Side
from rungwise.drift.slower import Slower
from rungwise.drift.spread import Spread
from rungwise.types import AlarmKind

__all__ = ["fresh", "terms"]


def fresh(kind: AlarmKind, config: DriftConfig) -> Detector:
    """One that knows nothing yet."""
    return Detector(stat=_stat(kind, config), every=config.false_alarm_every, calm=config.calm)


def terms(detector: Detector) -> tuple[object, ...]:
    """What it was made of: with others, what it has learned is of no use."""
    stat = detector.stat
    half = stat.plain if isinstance(stat, Both) else stat
    names = ("form", "side", "calm", "fall", "slower")
    found = (getattr(half, name, None) for name in names)
    return (detector.every, detector.calm, stat.form, *found)


def _stat(kind: AlarmKind, c: DriftConfig) -> Statistic:
    match kind:
        case "latency":
            return Slower(calm=c.calm, fall=c.fall, slower=c.slower)
        case "confidence":
            return Spread(calm=c.calm, fall=c.fall, risk=RISK)
        case "escalation":
            return _share("both", c)
        case "calibration":
            return Both(plain=Calibrated(fall=c.fall), even=Calibrated(fall=c.fall))
        case _:
            return Both(plain=_share("fall", c), even=_share("fall", c))


def _share(side: Side, c: DriftConfig) -> Share:
    return Share(side=side, calm=c.calm, fall=c.fall, risk=RISK)
