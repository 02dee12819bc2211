"""How much processor time has a server used, and how much its engine? Linux only, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cpu", "cpu_of"]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of all threads, in user and system, since they began. Ticks of 10 ms on most
    machines."""

    server_s: float
    """Of the process itself: HTTP, templates, tokens to text, and the gate."""
    engine_s: float
    """Of all processes below it: vLLM's engine core and its workers."""

    def since(self, before: Cpu) -> Cpu:
        return Cpu(self.server_s - before.server_s, self.engine_s - before.engine_s)


def cpu_of(pid: int) -> Cpu | None:
    """None where it cannot be read, or the process is gone."""
    tick = os.sysconf("SC_CLK_TCK")
    processes = _processes()
    if pid not in processes:
        return None
    family, waiting = set[int](), [pid]
    while waiting:
        one = waiting.pop()
        family.add(one)
        waiting += [child for child, (parent, _) in processes.items() if parent == one]
    below = sum(processes[one][1] for one in family - {pid})
    return Cpu(processes[pid][1] / tick, below / tick)


def _processes() -> dict[int, tuple[int, int]]:
    """By id: the parent's id, and the ticks that it has run for."""
    found: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        fields = stat.rpartition(")")[2].split()  # its name may hold anything
        found[int(folder.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    return found
