"""What does Prometheus see of rungs? What each was asked for, and how that ended."""

from __future__ import annotations

from rungwise.escalations import escalations
from rungwise.observe.metrics_series import SHARES, Known, Series
from rungwise.types import Attempt, Entry

__all__ = ["AttemptMetrics"]


class AttemptMetrics:
    """A reading of entries, audits among them: their roles tell them apart."""

    def __init__(self, series: Series, tiers: Known) -> None:
        self._tiers = tiers
        role = ("tier", "role")
        self._attempts = series.counter(
            "rungwise_attempts",
            "What tiers were asked for, drafts and evidence on drafts, and how it ended",
            (*role, "state"),
        )
        self._faults = series.counter(
            "rungwise_attempt_faults", "Attempts that failed, by how", (*role, "fault")
        )
        self._seconds = series.histogram(
            "rungwise_attempt_seconds", "A draft from its begin to its end", ("tier",)
        )
        self._first_piece = series.histogram(
            "rungwise_first_piece_seconds", "A draft from its begin to its first piece", ("tier",)
        )
        self._tokens = series.counter(
            "rungwise_tokens", "Tokens by tier and how they are priced", (*role, "part")
        )
        self._cost = series.counter("rungwise_cost_usd", "Known cost by tier", role)
        self._unpriced = series.counter(
            "rungwise_unpriced_attempts", "Attempts whose price is unknown", role
        )
        self._escalations = series.counter(
            "rungwise_escalations",
            "Drafts that were doubted, by what spoke against them",
            ("tier", "why"),
        )
        self._abandoned_tokens = series.counter(
            "rungwise_abandoned_tokens", "Tokens of drafts that were doubted", ("tier",)
        )
        self._spills = series.counter(
            "rungwise_spills", "Steps that a rung with too much to do left to the next", ("tier",)
        )
        self._cache_saved = series.counter(
            "rungwise_prompt_cache_saved_usd",
            "What cached prompts saved, by tier, before what writing to a cache cost more",
            ("tier",),
        )
        self._engine = series.counter(
            "rungwise_engine_seconds", "Busy seconds of local engines by their drafts", ("tier",)
        )
        self._joules = series.counter(
            "rungwise_joules", "Measured energy of what local rungs were asked for", role
        )
        self._unverified = series.counter(
            "rungwise_unverified", "Evidence on a draft that failed or came too late", role
        )
        self._confidence = series.histogram(
            "rungwise_confidence", "P(acceptable) of drafts that were read", ("tier",), SHARES
        )
        for name in tiers:  # there before it rises: see metrics_steps
            self._unpriced(name, "draft")

    def read(self, entry: Entry) -> None:
        """Count its attempts."""
        for attempt in entry.attempts:
            self._read(attempt)
        if entry.doubted:
            for draft, why in escalations(entry):
                tier = self._tiers[draft.tier]
                self._escalations(tier, why)()
                self._abandoned_tokens(tier)(draft.usage.completion_tokens)

    def _read(self, attempt: Attempt) -> None:
        tier, role = self._tiers[attempt.tier], attempt.role
        self._attempts(tier, role, attempt.state)()
        if attempt.fault is not None:
            self._faults(tier, role, attempt.fault)()
        if attempt.state == "spilled":
            self._spills(tier)()
        if role == "draft":
            self._read_draft(attempt, tier)
        elif attempt.state == "failed":
            self._unverified(tier, role)()
        self._read_cost(attempt, tier)
        usage = attempt.usage
        for part, tokens in (
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write_5m + usage.cache_write_1h),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ):
            if tokens:
                self._tokens(tier, role, part)(tokens)

    def _read_draft(self, attempt: Attempt, tier: str) -> None:
        if attempt.state not in ("spilled", "recalled", "lost"):  # these took no time of its own
            self._seconds(tier)(max(0.0, attempt.ended_s - attempt.started_s))
            if attempt.first_piece_s is not None:
                self._first_piece(tier)(max(0.0, attempt.first_piece_s - attempt.started_s))
        if attempt.confidence is not None:
            self._confidence(tier)(attempt.confidence.probability)

    def _read_cost(self, attempt: Attempt, tier: str) -> None:
        nano = attempt.cost_nano
        if nano is None:
            self._unpriced(tier, attempt.role)()
        else:
            self._cost(tier, attempt.role)(nano / 1e9)
            if attempt.uncached_nano is not None:
                self._cache_saved(tier)(max(0, attempt.uncached_nano - nano) / 1e9)
        if attempt.engine_s is not None:
            self._engine(tier)(attempt.engine_s)
        if attempt.joules is not None:
            self._joules(tier, attempt.role)(attempt.joules)
