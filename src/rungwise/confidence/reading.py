"""What has been read of a draft so far? One choice at a time, token by token."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from rungwise.confidence.deciding import Deciding
from rungwise.confidence.signals import ALL, new_signal
from rungwise.contracts import Signal
from rungwise.types import Chat, Piece

__all__ = ["ReadChoice", "Snapshot", "read_draft"]

UNREAD_SHARE = 0.1
"""More deciding tokens than this without a log-probability, and there is no reading at all."""
LONG_TOKEN = 16
"""Characters: hardly any token writes more, so a longer piece holds several."""
FLOOR = -20.0
"""Nats: a token is one in 500 million at the least, so that a single one keeps a mean readable."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The readings when exactly so many deciding tokens had been read."""

    tokens: int
    readings: Mapping[str, float]


class ReadChoice:
    """The signals of one choice. `lengths` are the prefixes to take a snapshot at, rising."""

    def __init__(self, chat: Chat, names: Sequence[str], lengths: Sequence[int] = ()) -> None:
        self._names = tuple(names)
        self._deciding = Deciding(chat)
        made = [(name, new_signal(name)) for name in names]
        own = [(name, signal) for name, signal in made if signal is not None]
        self._of_all = [signal for name, signal in own if name.startswith(ALL)]
        self._of_deciding = [signal for name, signal in own if not name.startswith(ALL)]
        self._lengths = iter(lengths)
        self._next = next(self._lengths, None)
        self._read = self._unread = self._silent = self._told = self._written = 0

    def feed(self, piece: Piece) -> Sequence[Snapshot]:
        """Take in a piece's tokens; the snapshots that fell due in it."""
        if piece.reasoning and not (piece.text or piece.tool_calls):
            return ()  # thinking is not the answer
        decides = self._deciding.feed(piece)
        if not (decides or self._of_all):
            return ()
        if decides:
            self._note(piece)
        if not piece.logprobs:
            return ()
        taken: list[Snapshot] = []
        likeliest = piece.likeliest or repeat(())
        for logprob, rivals in zip(piece.logprobs, likeliest, strict=False):
            if logprob is None or math.isnan(logprob) or (rivals and _odd(rivals)):
                self._unread += decides
                continue
            value = logprob if logprob > FLOOR else FLOOR
            if rivals:
                rivals = tuple([rival if rival > FLOOR else FLOOR for rival in rivals])
            for signal in self._of_all:
                signal.feed(value, rivals)
            if decides:
                for signal in self._of_deciding:
                    signal.feed(value, rivals)
                self._read += 1
                if self._read == self._next:
                    taken += self._snapshot()
        return taken

    def _note(self, piece: Piece) -> None:
        """Count what is written beside what is read of it."""
        calls = sum(len(call.arguments) + len(call.name or "") for call in piece.tool_calls)
        tokens = len(piece.logprobs) + piece.forced
        self._written += len(piece.text) + calls
        self._told += tokens
        self._silent += not tokens and bool(piece.text or piece.tool_calls)

    def _missing(self) -> int:
        """How many deciding tokens came without a log-probability: those that say so, and for
        text without any a token for each piece, or for its length where that is more."""
        return self._unread + max(self._silent, self._written // LONG_TOKEN - self._told)

    def _snapshot(self) -> list[Snapshot]:
        self._next = next(self._lengths, None)
        readings = self.readings()
        return [] if readings is None else [Snapshot(self._read, readings)]

    def readings(self) -> dict[str, float] | None:
        """What the tokens say; None when a signal has nothing to read, or too much is missing.
        Nothing at all where no signal reads tokens."""
        signals = self._signals()
        missing = self._missing()
        if signals and missing > UNREAD_SHARE * (self._read + missing):
            return None
        found = {signal.name: signal.value() for signal in signals}
        values = {name: value for name, value in found.items() if value is not None}
        return values if len(values) == len(found) else None

    def best(self) -> dict[str, float | None]:
        """The surest readings that it can still have; None is "any"."""
        return {signal.name: signal.best() for signal in self._signals()}

    def _signals(self) -> list[Signal]:
        return self._of_deciding + self._of_all


def read_draft(
    chat: Chat, pieces: Sequence[Piece], names: Sequence[str], lengths: Sequence[int] = ()
) -> tuple[dict[str, float] | None, tuple[Snapshot, ...]]:
    """A finished draft's readings (with one choice), and its snapshots on the way."""
    choice = ReadChoice(chat, names, lengths)
    snapshots = [snapshot for piece in pieces for snapshot in choice.feed(piece)]
    return choice.readings(), tuple(snapshots)


def _odd(rivals: Sequence[float]) -> bool:
    return not math.isfinite(sum(rivals))
