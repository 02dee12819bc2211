"""Whose are the joules that the GPUs count, where several engines run on them?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["EVERY_S", "Energy", "EngineEnergy"]

Counters = Callable[[], Sequence[float | None] | None]
"""The joules that each GPU has counted so far, in the order of the engines' GPUs; None for one
that can be read no more, or for all."""

EVERY_S = 0.1
"""Asking the driver costs time, and its counter does not move faster."""


class Energy:
    """Shares what each GPU used between two readings among the engines on it: evenly among the busy
    ones, for their drafts; where none is busy, evenly among those that are up, as idle."""

    def __init__(self, counters: Counters, now: Callable[[], float]) -> None:
        self._counters, self._now = counters, now
        self._engines: list[EngineEnergy] = []
        self._counted: Sequence[float | None] | None = counters()
        self._at = now()

    def engine(self, gpus: Sequence[int]) -> EngineEnergy:
        """One more engine, on these of the GPUs that this process sees, counted from 0."""
        made = EngineEnergy(self, frozenset(gpus))
        self._engines.append(made)
        return made

    def lost(self, gpus: frozenset[int]) -> bool:
        """Whether one of these is measured no more."""
        if self._counted is None:
            return True
        return any(joules is None and gpu in gpus for gpu, joules in enumerate(self._counted))

    def read(self, *, at_once: bool = False) -> None:
        """Share what was used since the last reading, as the engines are now; without `at_once`
        not more often than EVERY_S, and the next reading has it all."""
        now = self._now()
        if self._counted is None or not (at_once or now - self._at >= EVERY_S):
            return
        before, counted = self._counted, self._counters()
        self._at, self._counted = now, counted
        for gpu, (then, joules) in enumerate(zip(before, counted or (), strict=False)):
            if then is not None and joules is not None:
                # a driver that was loaded anew counts from 0
                self._share(gpu, max(0.0, joules - then))

    def _share(self, gpu: int, joules: float) -> None:
        here = [engine for engine in self._engines if gpu in engine.gpus]
        busy = [engine for engine in here if engine.busy]
        up = [engine for engine in here if engine.up]
        for engine in busy:
            engine.gathered += joules / len(busy)
        if not busy:
            for engine in up:
                engine.idle_joules += joules / len(up)


class EngineEnergy:
    """One engine's part. `turn` is told of every change before it counts."""

    __slots__ = ("_energy", "busy", "gathered", "gpus", "idle_joules", "up")

    def __init__(self, energy: Energy, gpus: frozenset[int]) -> None:
        self._energy, self.gpus = energy, gpus
        self.busy = self.up = False
        self.gathered = self.idle_joules = 0.0

    @property
    def lost(self) -> bool:
        """Whether nothing measures all of it any more."""
        return self._energy.lost(self.gpus)

    def turn(self, *, busy: bool | None = None, up: bool | None = None) -> None:
        # what it used while busy must not wait: the next reading may be an idle hour later
        self._energy.read(at_once=busy is False or up is not None)
        self.busy = self.busy if busy is None else busy
        self.up = self.up if up is None else up

    def drain(self) -> float:
        """The joules that its drafts used since the last call, as far as they were read."""
        self._energy.read()
        gathered, self.gathered = self.gathered, 0.0
        return gathered
