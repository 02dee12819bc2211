"""How does an open model on this machine write a draft? vLLM's engine, in process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

from rungwise.config import AdapterTierConfig, BoxConfig, TierConfig, VllmTierConfig
from rungwise.errors import TierError
from rungwise.tiers.abilities import abilities_of
from rungwise.tiers.cards import Card
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.local import vllm_compat as compat
from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.engine_log import EngineLog
from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.tiers.local.launching import Running, launch
from rungwise.tiers.local.root_cause import death_in
from rungwise.tiers.local.stages import Stage
from rungwise.tiers.local.stalling import Hung, Stall, unless_hung
from rungwise.tiers.local.standing import Standing, price_nano
from rungwise.tiers.local.starting import Starting
from rungwise.tiers.local.vllm_bare import generate_bare, prompt_ids
from rungwise.tiers.local.vllm_faults import fault_of, refusal
from rungwise.tiers.local.vllm_meter import EngineMeter
from rungwise.tiers.local.vllm_request import constrained, fetched_image, to_request, tools_in_play
from rungwise.tiers.local.vllm_routes import Unspoken, parsed, plain, watched
from rungwise.tiers.local.vllm_score import score
from rungwise.tiers.local.vllm_tap import Tap
from rungwise.tiers.local.warming import warm_up
from rungwise.types import Chat, Done, Piece

__all__ = ["VllmTier", "held_stride"]

logger = logging.getLogger(__name__)

LEAST_STRIDE, MOST_STRIDE = 4, 16
WARMING_S = 120.0
"""An engine may be silent for so long while it is warmed, whatever `stalled_s`: it compiles."""


def held_stride(running: int, *, stream: bool) -> int:
    """How many tokens of a draft that is read come at once, with so many drafts on the engine.

    Each result costs the event loop about as much as four tokens do in one, so a busy engine gives
    them less often, above all where nobody watches; a lost draft is then stopped up to so many
    tokens later.
    """
    return min(max(running // 2 if stream else running, LEAST_STRIDE), MOST_STRIDE)


class VllmTier:
    """A rung that drafts on this machine (see contracts.Tier)."""

    local = True

    def __init__(
        self,
        config: VllmTierConfig,
        *,
        box: BoxConfig | None = None,
        energy: Energy | None = None,
        card: Card | None = None,
        adapters: Sequence[AdapterTierConfig] = (),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`box` and `energy` are one for all the tiers; without `energy` nothing measures it, and
        without a card all may be tried. `adapters` are those that may draft on this engine: it
        must know them before it starts."""
        self._state = None if box is None else box.state.expanduser().absolute() / "engines"
        box = box or BoxConfig()
        self._abilities = abilities_of(config, card)
        self._config, self._adapters, self._usd_per_kwh = config, adapters, box.usd_per_kwh
        self._running: Running | None = None
        self._starting: Starting | None = None
        self._log: EngineLog | None = None
        self._died: str | None = None
        self._clock = BusyClock(
            now,
            decode_weight=box.decode_weight,
            energy=None if energy is None else energy.engine(config.placed),
        )
        self._stats, self._tells = EngineStats(), True
        self._stall = Stall(self._answers, config.restart.stalled_s, now)
        self._asked = 0
        """Choices of the drafts that are being written, or wait to be."""

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def model(self) -> str:
        return self._config.shown_model

    # ---- life ----

    @property
    def started(self) -> bool:
        return self._running is not None

    async def start(self) -> None:
        """See launching.launch."""
        if self._running is not None:
            return
        starting = self._starting = Starting(
            self.name, self._state, compiles=not self._config.engine.enforce_eager
        )
        try:
            async with starting.followed():
                launching = launch(self._config, self._adapters, self._listeners(), starting.log)
                self._running = await unless_hung(
                    launching, lambda: self._stall.too_long(starting.warming_s, least_s=WARMING_S)
                )
                starting.reached(Stage.WARMING)
                await self._warm()
        except BaseException as error:
            await self._end()
            if starting.log is not None:
                starting.log.close()
            if isinstance(error, Hung):
                said = f"while it was warmed, {_hangs(error.silent_s)}"
                raise TierError(self.name, "unavailable", said) from None
            raise
        finally:
            self._starting = None
        self._log, self._died = starting.log, None
        starting.ready()
        self._clock.turn(up=True)

    async def _warm(self) -> None:
        adapted = ((each.name, partial(self.draft, adapter=each)) for each in self._adapters)
        warming = warm_up(self, self._config.engine, adapted)
        await unless_hung(warming, lambda: self._stall.look(least_s=WARMING_S))

    async def close(self) -> None:
        """End its drafts and take no more, at once, whatever state the engine is in: it is to be
        stopped then, which may take longer, and until then keeps its memory."""
        self._stall.end()
        if self._running is not None:
            with suppress(Exception):
                await self._running.engine.close()

    async def stop(self) -> None:
        if self._running is not None:
            self._clock.turn(up=False)
        await self._end()
        if self._log is not None:
            self._log.close()

    async def _end(self) -> None:
        await self.close()
        running, self._running = self._running, None
        if running is not None:
            with suppress(Exception):
                await asyncio.to_thread(running.engine.shutdown)

    async def health(self) -> str | None:
        if self._starting is not None:
            return self._starting.line()
        if self._running is None:
            return f"{self.name}: the engine is not started"
        try:
            await self._running.engine.check_health()
        except Exception:
            return f"{self.name}: {self._death(self._running)}"
        silent_s = self._stall.look()
        return None if silent_s is None else f"{self.name}: {_hangs(silent_s)}"

    async def _answers(self) -> None:
        if self._running is not None:
            await self._running.engine.answers()

    def _death(self, running: Running) -> str:
        """With its cause, where there is one to tell; looked up once, and that log is kept."""
        if self._died is None:
            log = self._log.text() if self._log is not None else ""
            cause = death_in(log, running.engine.exit_code())
            self._died = "the engine has died" + (f": {cause}" if cause else "")
            if self._log is not None:
                self._log.keep()
        return self._died

    # ---- drafts ----

    def draft(
        self,
        chat: Chat,
        *,
        read: bool,
        likeliest: int = 0,
        adapter: AdapterTierConfig | None = None,
    ) -> Drafting:
        """With one of its adapters it is that rung's draft: its model's name, and its faults."""
        writer = adapter or self._config
        meter = EngineMeter(model=writer.shown_model, clock=self._clock, stats=self._stats)
        return Drafting(self._write(chat, writer, meter, read=read, likeliest=likeliest), meter)

    async def score(
        self, chat: Chat, answer: str, *, adapter: AdapterTierConfig | None = None
    ) -> list[float | None]:
        """See vllm_score: the log-probabilities of an answer that is already there."""
        running, writer = self._started(adapter or self._config), adapter or self._config
        return await score(
            writer.name, running.vllm, running.serving, chat, answer, _adapter(writer)
        )

    async def bare(self, prompts: Sequence[Chat], *, concurrency: int, read: bool) -> int:
        """See vllm_bare: the tokens that the engine alone writes for these, so many at a time."""
        running = self._started(self._config)
        waiting, written = iter(enumerate(prompts)), 0

        async def work() -> None:
            nonlocal written
            for number, chat in waiting:
                tokens = await generate_bare(
                    running.engine,
                    running.vllm.OutputKind,
                    prompt_ids(running.serving, chat),
                    f"bare-{time.monotonic_ns()}-{number}",
                    max_tokens=chat.sampling.max_tokens or 16,
                    read=read,
                )
                written += tokens  # apart from the wait: others count meanwhile

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return written

    # ---- what it costs, and whether it has time ----

    def cost_nano(self, done: Done) -> int | None:
        """The GPUs' price for the engine seconds that fell to this draft, and for its energy."""
        if done.engine_s is None:
            return None
        return self._price_nano(done.engine_s, done.joules)

    def standing(self) -> Standing:
        busy_s, idle_s, idle_joules = self._clock.standing()
        return Standing(
            up_s=busy_s + idle_s,
            busy_s=busy_s,
            idle_joules=idle_joules,
            idle_nano=self._price_nano(idle_s, idle_joules),
        )

    def _price_nano(self, seconds: float, joules: float | None) -> int | None:
        return price_nano(
            seconds * self._config.engine.gpu_count,
            joules,
            usd_per_gpu_hour=self._config.usd_per_gpu_hour,
            usd_per_kwh=self._usd_per_kwh,
        )

    def most_nano(self, chat: Chat) -> int | None:
        return 0

    def lacks(self, chat: Chat) -> str | None:
        return self._abilities.lacks(chat)

    def saturation(self) -> str | None:
        spill, engine = self._config.spill, self._config.engine
        waiting = self._asked - engine.max_num_seqs * engine.data_parallel_size
        if spill.waiting is not None and waiting >= spill.waiting:
            wait = f"{waiting} drafts wait" if waiting > 1 else "a draft waits"
            return f"{wait} for the engine (spill.waiting: {spill.waiting})"
        # what the scheduler said last stays said when it has nothing more to do
        share = self._stats.kv_use if self._asked else None
        if spill.kv_use is not None and share is not None and share >= spill.kv_use:
            return f"{share:.0%} of the KV cache is in use (spill.kv_use: {spill.kv_use:g})"
        return None

    @property
    def stats(self) -> EngineStats | None:
        """Its engine's own figures; None where this vLLM does not tell them."""
        if not self._asked:
            self._stats.idle()
        return self._stats if self._tells else None

    def _listeners(self) -> list[Any] | None:
        """Who hears the engine's statistics."""
        self._stats.rest()
        listeners = compat.listeners(self._stats)
        self._tells = listeners is not None
        if not self._tells and self._config.spill.kv_use is not None:
            logger.warning(
                "%s: this vLLM does not tell its KV use: spill.kv_use has no effect", self.name
            )
        return listeners

    @property
    def unfinished(self) -> int:
        """How many generations the engine holds just now."""
        return 0 if self._running is None else self._running.engine.unfinished()

    def _started(self, writer: TierConfig) -> Running:
        if self._running is None:
            raise TierError(writer.name, "unavailable", "the engine is not started")
        return self._running

    async def _write(
        self, chat: Chat, writer: TierConfig, meter: EngineMeter, *, read: bool, likeliest: int
    ) -> AsyncGenerator[Piece, None]:
        running = self._started(writer)
        if (url := fetched_image(chat)) is not None:
            message = f"images are taken as data: URLs here, nothing is fetched: {url:.80}"
            raise TierError(writer.name, "rejected", message)
        top = running.labels.most if chat.labels else chat.sampling.top_logprobs
        tap = Tap(running.engine, meter, read=read, top=top, likeliest=likeliest)
        self._asked += chat.sampling.n
        try:
            async with (
                running.labels.admitted(tap, chat.labels),
                aclosing(tap),
                aclosing(await self._begin(running, chat, writer, tap)) as pieces,
            ):
                async for piece in pieces:
                    yield piece
        except Exception as error:
            raise fault_of(
                writer.name, error, running.vllm, running.serving, constrained=constrained(chat)
            ) from None
        finally:
            self._asked -= chat.sampling.n

    async def _begin(
        self, running: Running, chat: Chat, writer: TierConfig, tap: Tap
    ) -> AsyncGenerator[Piece, None]:
        """Let vLLM check and template the request; nothing is generated yet."""
        needs_parsing = tools_in_play(chat) or bool(self._config.engine.reasoning_parser)
        needs_parsing = needs_parsing and not chat.labels  # a word or two, taken as they come
        unspoken = Unspoken(tap, running.markers)
        if needs_parsing:
            tap.passing = partial(watched, tap, unspoken)
        elif not (chat.stream or tap.read or chat.sampling.n > 1):
            tap.one_piece = running.vllm.OutputKind.FINAL_ONLY
        elif tap.read and chat.shape is None:  # in JSON some tokens decide and some do not
            tap.stride = held_stride(self._clock.running + 1, stream=chat.stream)
        request = running.vllm.ChatCompletionRequest(**to_request(chat, _adapter(writer)))
        token = compat.TAP.set(tap)
        try:
            chunks = await running.serving.create_chat_completion(request)
        finally:
            compat.TAP.reset(token)
        if (refused := getattr(chunks, "error", None)) is not None:
            raise refusal(
                writer.name, int(refused.code), refused.message, constrained=constrained(chat)
            )
        return parsed(chunks, tap, unspoken) if needs_parsing else plain(tap)


def _hangs(silent_s: float) -> str:
    return f"the engine hangs: it has not answered for {silent_s:.0f} s"


def _adapter(writer: TierConfig) -> str | None:
    """vLLM's name of the adapter; None: the model as it is."""
    return writer.name if isinstance(writer, AdapterTierConfig) else None
