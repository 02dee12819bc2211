"""Does one caller climb more than it should? The share of its last steps, watched and alarmed.

Texts can be made to look hard, or to be doubted. What that may cost is bounded by the key's own
escalation cap; here it is noticed. A step climbs when one of its drafts was refused, or when it was
planned to start above the rung where it would start without evidence: as the bill has it, which a
forecast, the look of a text or what its conversation saw can raise; or above the one where the
table has its step type, for a caller's own floor. A pinned step does neither.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.config.access import EscalationAlarmConfig
from rungwise.counted import wilson
from rungwise.types import Entry, StepType

__all__ = ["Climbing"]

logger = logging.getLogger(__name__)

MOST_KEYS = 10_000
"""So many callers are watched; the one that asked longest ago is forgotten first."""


@dataclass(slots=True)
class _Watched:
    """One caller's last steps."""

    steps: int = 0
    """How many there are, up to the window."""
    climbed: int = 0
    """A bit for each of them, the newest lowest: whether it climbed."""
    alarmed: bool = False


class Climbing:
    """A reader of the ledger, in one event loop. Forgets everything when the process ends."""

    def __init__(
        self,
        config: EscalationAlarmConfig,
        ladder: Sequence[str],
        usual: Mapping[StepType, str],
        *,
        most_keys: int = MOST_KEYS,
    ) -> None:
        """`ladder` from the lowest tier up; `usual` is where each step type starts by the owner's
        table."""
        self._config, self._most = config, most_keys
        self._window = (1 << config.window) - 1
        places = {tier: place for place, tier in enumerate(ladder)}
        self._places, self._usual = places, {kind: places[tier] for kind, tier in usual.items()}
        self._keys: OrderedDict[str, _Watched] = OrderedDict()
        self.alarms = 0
        """How often one began."""

    @property
    def alarmed(self) -> Sequence[str]:
        """The callers whose alarm is on."""
        return [caller for caller, watched in self._keys.items() if watched.alarmed]

    def read(self, entry: Entry) -> None:
        """Count one step; those that were not answered, or only remembered, tell nothing."""
        seen = entry.seen
        if entry.state != "answered" or seen is None or seen.state == "recalled":
            return
        watched = self._of(entry.caller)
        watched.climbed = (watched.climbed << 1 | self._climbed(entry)) & self._window
        watched.steps = min(watched.steps + 1, self._config.window)
        if watched.steps >= self._config.least:
            self._weigh(entry.caller, watched)

    def _of(self, caller: str) -> _Watched:
        watched = self._keys.get(caller)
        if watched is None:
            watched = self._keys[caller] = _Watched()
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
        else:
            self._keys.move_to_end(caller)
        return watched

    def _climbed(self, entry: Entry) -> bool:
        if entry.doubted:
            return True
        pinned = entry.route != "auto" and not entry.route.startswith("auto:")
        if pinned or not entry.rungs:
            return False
        start, usual = self._places.get(entry.rungs[0]), self._usual.get(entry.step_type)
        billed = self._places.get(entry.usual) if entry.usual is not None else None
        return start is not None and any(u is not None and start > u for u in (usual, billed))

    def _weigh(self, caller: str, watched: _Watched) -> None:
        """An alarm begins where the share is surely too high, and ends where it is not any more."""
        climbed = watched.climbed.bit_count()
        share, most = climbed / watched.steps, self._config.share
        if not watched.alarmed and share > most and wilson(climbed, watched.steps)[0] > most:
            watched.alarmed = True
            self.alarms += 1
            logger.warning(
                "%s climbs: %d of its last %d steps were refused on a rung or started above their "
                "usual one (access.escalation_alarm: %g); its escalation cap bounds what that "
                "costs",
                caller,
                climbed,
                watched.steps,
                most,
            )
        elif watched.alarmed and share <= most:
            watched.alarmed = False
            logger.info("%s climbs no more than it should again (%.0f %%)", caller, 100 * share)
