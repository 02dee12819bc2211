"""Which accepted drafts does a higher rung answer too, and what becomes of its finding?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from rungwise.access.budget import AUDITS
from rungwise.auditing.audit import Audit, Finding, Panel
from rungwise.auditing.choosing import Scope, drawn
from rungwise.auditing.counts import Counts
from rungwise.config import AuditsConfig
from rungwise.contracts import Ledger, Purse, Tier, Verifier
from rungwise.drafts import collect
from rungwise.errors import StoreError
from rungwise.story import Clock
from rungwise.types import Caller, Cap, Chat, Entry, Outcome, Piece

__all__ = ["Auditor"]

logger = logging.getLogger(__name__)

NANO = 1_000_000_000


class Auditor:
    """See contracts.Onlooker. Of the drafts that were accepted below `audits.tier` a random share
    is sent to that rung as well, and the outcome written down: right where the draft is no worse.

    Nobody waits for it. Each audit is an entry of its own, with all that was asked and paid; what
    it can cost at most is set aside before, under one cap for all servers of the ledger.
    """

    def __init__(
        self,
        config: AuditsConfig,
        ladder: Sequence[Tier],
        purse: Purse,
        ledger: Ledger,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        verifier: Verifier,
        private_tags: frozenset[str] = frozenset(),
        patience_s: float = 5.0,
    ) -> None:
        """`patience_s`: what the running audits may take to write down what they cost, at the
        end."""
        tiers = {tier.name: tier for tier in ladder}
        tier = tiers[config.tier or ladder[-1].name]
        judge = tiers[config.judge or tier.name]
        self.counts = Counts()
        self._panel = Panel(tier=tier, judge=judge, verifier=verifier, deadline_s=config.deadline_s)
        self._scope = Scope(
            ladder,
            tier=tier.name,
            judge=judge.name,
            step_types=config.step_types,
            private_tags=private_tags,
        )
        self._share, self._most, self._patience_s = config.share, config.concurrent, patience_s
        cap = Cap(nano=round(config.usd_per_day * NANO), window="day")
        self._payer = Caller(name=AUDITS, caps=(cap,))
        self._purse, self._ledger, self._clock, self._new_id = purse, ledger, clock, new_id
        self._running: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[Finding]] = set()
        self._open = self._told_unpriced = False

    @property
    def running(self) -> int:
        """Audits that have been drawn, and not ended."""
        return len(self._running)

    async def start(self) -> None:
        self._open = self._share > 0

    async def stop(self) -> None:
        """Cut off what runs, and write down what it cost. Never raises; before the ladder and the
        ledger stop."""
        self._open = False
        for asking in self._asking:
            asking.cancel()
        if not self._running:
            return
        _, left = await asyncio.wait(tuple(self._running), timeout=self._patience_s)
        for task in left:
            task.cancel()
        if left:
            logger.error("audits that did not end, counted at their worst: %d", len(left))

    def see(self, chat: Chat, given: Sequence[Piece], entry: Entry) -> None:
        try:
            self._see(chat, given, entry)
        except Exception:
            logger.exception("%s: could not be looked at for an audit", entry.id)

    def _see(self, chat: Chat, given: Sequence[Piece], entry: Entry) -> None:
        if not (self._open and self._scope.accepted(entry) and drawn(entry.id, self._share)):
            return
        if (forbidden := self._scope.forbids(chat, entry)) is not None:
            self.counts.skipped[forbidden] += 1
            return
        self.counts.drawn += 1
        if len(self._running) >= self._most:
            self.counts.skipped["concurrent"] += 1
        elif self._panel.tier.saturation() or self._panel.judge.saturation():
            self.counts.skipped["saturated"] += 1
        elif choices := collect(given):
            audit = Audit(
                self._panel, chat, choices[0], entry, id=self._new_id(), clock=self._clock
            )
            task = asyncio.create_task(self._look(audit, entry))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _look(self, audit: Audit, entry: Entry) -> None:
        """From the money to the outcome. Only what is asked in between is ever cut off."""
        try:
            if await self._affords(audit):
                self.counts.begun += 1
                finding = await self._found(audit)
                kept = await self._write_down(audit, entry, finding)
                self.counts.found(finding.what if kept else "failed")
        except Exception:
            logger.exception("%s: its audit failed", entry.id)
            self.counts.found("failed")

    async def _affords(self, audit: Audit) -> bool:
        bid = audit.bid()
        if bid.nano is None:
            self.counts.skipped["unpriced"] += 1
            if not self._told_unpriced:  # once: one that is like this comes with many
                logger.warning(
                    "steps are not audited where nobody knows what %s and its judge can cost at "
                    "most, for want of a price or of a limit for an answer (max_tokens)",
                    bid.tier,
                )
                self._told_unpriced = True
            return False
        grant = await self._purse.reserve(audit.id, self._payer, (bid,), most_nano=None)
        if not grant.rungs:
            self.counts.skipped["budget"] += 1
            logger.debug("no audit: %s", grant.short)
        return bool(grant.rungs)

    async def _found(self, audit: Audit) -> Finding:
        """What it finds, also that it was cut off, or broke down."""
        asking = asyncio.create_task(audit.run())
        self._asking.add(asking)
        if not self._open:  # stopped, while the money was set aside
            asking.cancel()
        await asyncio.wait((asking,))
        self._asking.discard(asking)
        if asking.cancelled():
            return Finding(what="failed", why="the server stopped")
        if (error := asking.exception()) is not None:
            logger.error("%s: broke down", audit.id, exc_info=error)
            return Finding(what="failed", why="an error of this server; see the log")
        return asking.result()

    async def _write_down(self, audit: Audit, entry: Entry, finding: Finding) -> bool:
        """The audit's own entry, which settles what was set aside, and the outcome. False where
        the ledger does not take them."""
        told = finding.what in ("agreed", "disagreed")
        try:
            await self._ledger.record(audit.entry(finding))
            if told:
                right, at = finding.what == "agreed", self._clock.unix()
                await self._ledger.label(entry.id, Outcome(right=right, source="audit", at=at))
        except StoreError as error:
            logger.error("%s: its audit is not in the ledger: %s", entry.id, error)
            return False
        return True
