"""Where is a conversation's prefix warm, and is it cheaper to stay there than to move?

What a rung has read of a conversation it need not read again: a hosted cache bills a tenth of the
price for it, an engine of our own saves the time. Everywhere else the prompt is cold. So what
moving costs is in what each rung's next draft is expected to cost, and whoever chooses by cost
heeds it without a rule of its own (policy/paying.py). Fixed thresholds choose by no cost; for them
there is `stays`.
"""

from __future__ import annotations

from rungwise.policy.memory import Past

__all__ = ["HOSTED_WARM_S", "stays", "warm_tokens"]

HOSTED_WARM_S = 300.0
"""How long a hosted cache keeps a prefix as a rule. Each read renews it."""


def warm_tokens(past: Past | None, tier: str, *, local: bool, now: float) -> int:
    """How many tokens of the prompt this rung has read already; on this machine for as long as
    the conversation is remembered. `now` in Unix seconds."""
    if past is None or past.tier != tier:
        return 0
    fresh = abs(now - past.at) < HOSTED_WARM_S  # a clock set back counts alike: memory.Memory
    return past.prompt_tokens if local or fresh else 0


def stays(*, warm_nano: float | None, cold_nano: float | None, climbs: float | None) -> bool:
    """Whether a conversation that was answered higher up should stay there: where an answer of
    that rung with its warm prefix costs no more than a cold draft at the start, and, with
    probability `climbs`, the warm answer after it. What is not known moves nobody."""
    if warm_nano is None or cold_nano is None or climbs is None:
        return False
    return warm_nano <= cold_nano + climbs * warm_nano
