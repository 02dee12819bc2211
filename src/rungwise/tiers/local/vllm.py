"""How does an open model on this machine write a draft? vLLM's engine, in process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from rungwise.config import BoxConfig, VllmTierConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.abilities import abilities_of
from rungwise.tiers.cards import Card
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.local import vllm_compat as compat
from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.standing import Standing, price_nano
from rungwise.tiers.local.vllm_bare import generate_bare, prompt_ids
from rungwise.tiers.local.vllm_faults import fault_of, one_line, refusal
from rungwise.tiers.local.vllm_flags import missing_folder, parse_flags
from rungwise.tiers.local.vllm_labels import LabelReads
from rungwise.tiers.local.vllm_meter import EngineMeter
from rungwise.tiers.local.vllm_request import constrained, fetched_image, to_request, tools_in_play
from rungwise.tiers.local.vllm_routes import Unspoken, parsed, plain, watched
from rungwise.tiers.local.vllm_score import score
from rungwise.tiers.local.vllm_tap import Tap
from rungwise.types import Chat, Done, Message, Piece, Sampling

__all__ = ["VllmTier", "held_stride"]

logger = logging.getLogger(__name__)

LEAST_STRIDE, MOST_STRIDE = 4, 16


def held_stride(running: int, *, stream: bool) -> int:
    """How many tokens of a draft that is read come at once, with so many drafts on the engine.

    Each result costs the event loop about as much as four tokens do in one, so a busy engine gives
    them less often, above all where nobody watches; a lost draft is then stopped up to so many
    tokens later.
    """
    return min(max(running // 2 if stream else running, LEAST_STRIDE), MOST_STRIDE)


@dataclass(frozen=True, slots=True)
class _Running:
    """A started engine and vLLM's own chat endpoint on it."""

    vllm: compat.Vllm
    engine: compat.TappedEngine
    serving: Any
    markers: frozenset[int]
    labels: LabelReads


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
    ) -> None:
        """`box` and `energy` are one for all the tiers; without `energy` nothing measures it, and
        without a card all may be tried."""
        box = box or BoxConfig()
        self._abilities = abilities_of(config, card)
        self._config, self._usd_per_kwh = config, box.usd_per_kwh
        self._running: _Running | None = None
        self._clock = BusyClock(
            time.perf_counter,
            decode_weight=box.decode_weight,
            energy=None if energy is None else energy.engine(config.engine.tensor_parallel_size),
        )
        self._kv = compat.KvUse()
        self._asked = 0
        """Choices of the drafts that are being written, or wait to be."""

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def model(self) -> str:
        return self._config.shown_model

    # ---- life ----

    async def start(self) -> None:
        """Raises ConfigError for engine settings that vLLM does not know."""
        if self._running is not None:
            return
        if (folder := missing_folder(self._config.model)) is not None:
            raise self._unavailable(
                f"no model in {folder} (config.json is missing); "
                "put a model there, or correct `model`"
            )
        try:
            vllm = await asyncio.to_thread(compat.load)
            args = parse_flags(vllm, self._config)
            # In a thread, because it takes from seconds to minutes and the loop has others to serve
            engine = await asyncio.to_thread(_build, vllm, args, self._listeners())
        except ImportError as error:
            raise self._unavailable(
                f"vLLM cannot be imported ({one_line(error)}); "
                "install rungwise[gpu] or rungwise[cpu], see ./scripts/install"
            ) from error
        except (ConfigError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise self._unavailable(f"the engine did not start: {one_line(error)}") from error
        tapped = compat.TappedEngine(engine, vllm.EngineDeadError)
        try:
            self._running = await _serve(vllm, tapped, args)
            await self._warm_up()
            self._clock.turn(up=True)
        except BaseException:
            self._running = None
            await asyncio.to_thread(tapped.shutdown)
            raise

    async def _warm_up(self) -> None:
        """One draft of two tokens: vLLM compiles what reads log-probabilities on first use, which
        would cost the first caller seconds, and an engine that cannot write is better known now."""
        words = (Message(role="user", text="hello"),)
        sampling = Sampling(max_tokens=2, temperature=0)
        async with aclosing(
            self.draft(Chat(messages=words, sampling=sampling), read=True)
        ) as drafting:
            async for _ in drafting:
                pass

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        self._clock.turn(up=False)
        with suppress(Exception):
            await running.engine.close()
        with suppress(Exception):
            await asyncio.to_thread(running.engine.shutdown)

    async def health(self) -> str | None:
        if self._running is None:
            return f"{self.name}: the engine is not started"
        try:
            await self._running.engine.check_health()
        except Exception:
            return f"{self.name}: the engine has died; it must be started again"
        return None

    # ---- drafts ----

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        meter = EngineMeter(model=self.model, clock=self._clock)
        return Drafting(self._write(chat, meter, read=read, likeliest=likeliest), meter)

    async def score(self, chat: Chat, answer: str) -> list[float | None]:
        """See vllm_score: the log-probabilities of an answer that is already there."""
        running = self._running
        if running is None:
            raise self._unavailable("the engine is not started")
        return await score(self.name, running.vllm, running.serving, chat, answer)

    async def bare(self, prompts: Sequence[Chat], *, concurrency: int, read: bool) -> int:
        """See vllm_bare: the tokens that the engine alone writes for these, so many at a time."""
        running = self._running
        if running is None:
            raise self._unavailable("the engine is not started")
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
            seconds * self._config.engine.tensor_parallel_size,
            joules,
            usd_per_gpu_hour=self._config.usd_per_gpu_hour,
            usd_per_kwh=self._usd_per_kwh,
        )

    def most_nano(self, chat: Chat) -> int | None:
        return 0

    def lacks(self, chat: Chat) -> str | None:
        return self._abilities.lacks(chat)

    def saturation(self) -> str | None:
        spill, waiting = self._config.spill, self._asked - self._config.engine.max_num_seqs
        if spill.waiting is not None and waiting >= spill.waiting:
            wait = f"{waiting} drafts wait" if waiting > 1 else "a draft waits"
            return f"{wait} for the engine (spill.waiting: {spill.waiting})"
        # what the scheduler said last stays said when it has nothing more to do
        share = self._kv.share if self._asked else None
        if spill.kv_use is not None and share is not None and share >= spill.kv_use:
            return f"{share:.0%} of the KV cache is in use (spill.kv_use: {spill.kv_use:g})"
        return None

    def _listeners(self) -> list[Any] | None:
        """Who hears the engine's statistics: nobody, unless they are needed, for they cost time."""
        if self._config.spill.kv_use is None:
            return None
        listeners = compat.kv_listeners(self._kv)
        if listeners is None:
            logger.warning(
                "%s: this vLLM does not tell its KV use: spill.kv_use has no effect", self.name
            )
        return listeners

    @property
    def unfinished(self) -> int:
        """How many generations the engine holds just now."""
        if self._running is None:
            return 0
        count: int = self._running.engine.get_num_unfinished_requests()
        return count

    async def _write(
        self, chat: Chat, meter: EngineMeter, *, read: bool, likeliest: int
    ) -> AsyncGenerator[Piece, None]:
        running = self._running
        if running is None:
            raise self._unavailable("the engine is not started")
        if (url := fetched_image(chat)) is not None:
            message = f"images are taken as data: URLs here, nothing is fetched: {url:.80}"
            raise TierError(self.name, "rejected", message)
        top = running.labels.most if chat.labels else chat.sampling.top_logprobs
        tap = Tap(running.engine, meter, read=read, top=top, likeliest=likeliest)
        self._asked += chat.sampling.n
        try:
            async with (
                running.labels.admitted(tap, chat.labels),
                aclosing(tap),
                aclosing(await self._begin(running, chat, tap)) as pieces,
            ):
                async for piece in pieces:
                    yield piece
        except Exception as error:
            raise fault_of(
                self.name, error, running.vllm, running.serving, constrained=constrained(chat)
            ) from None
        finally:
            self._asked -= chat.sampling.n

    async def _begin(self, running: _Running, chat: Chat, tap: Tap) -> AsyncGenerator[Piece, None]:
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
        request = running.vllm.ChatCompletionRequest(**to_request(chat))
        token = compat.TAP.set(tap)
        try:
            chunks = await running.serving.create_chat_completion(request)
        finally:
            compat.TAP.reset(token)
        if (refused := getattr(chunks, "error", None)) is not None:
            raise refusal(
                self.name, int(refused.code), refused.message, constrained=constrained(chat)
            )
        return parsed(chunks, tap, unspoken) if needs_parsing else plain(tap)

    def _unavailable(self, message: str) -> TierError:
        return TierError(self.name, "unavailable", message)


def _build(vllm: compat.Vllm, args: Any, listeners: list[Any] | None) -> Any:
    engine_args = vllm.AsyncEngineArgs.from_cli_args(args)
    return vllm.AsyncLLM.from_engine_args(engine_args, stat_loggers=listeners)


async def _serve(vllm: compat.Vllm, engine: compat.TappedEngine, args: Any) -> _Running:
    state = vllm.State()
    await vllm.init_app_state(engine, state, args, await engine.get_supported_tasks())
    serving = state.openai_serving_chat
    labels = LabelReads(
        serving.renderer.tokenizer,
        most=compat.most_alternatives(engine),
        apart=not compat.mixes_label_reads(engine),
    )
    return _Running(vllm, engine, serving, compat.reasoning_markers(serving), labels)
