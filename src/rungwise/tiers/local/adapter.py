"""How does a LoRA adapter write a draft? On the engine of its model's rung, by its own name."""

from __future__ import annotations

from rungwise.config import AdapterTierConfig, VllmTierConfig
from rungwise.tiers.abilities import Abilities, abilities_of
from rungwise.tiers.cards import Card
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Chat, Done

__all__ = ["AdapterTier"]


class AdapterTier:
    """A rung on another rung's engine (see contracts.Tier): whatever that engine does for it costs
    what it costs there, and finds room, or none, there."""

    local = True

    def __init__(
        self,
        config: AdapterTierConfig,
        base: VllmTier,
        *,
        of: VllmTierConfig,
        card: Card | None = None,
    ) -> None:
        """`of` is the base's section, and `card` the adapter's own, else the base's."""
        self._config, self._base, self._started = config, base, False
        self._abilities = _abilities(config, of, card)

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def model(self) -> str:
        return self._config.shown_model

    async def start(self) -> None:
        """Its engine, unless the base's own rung has started that, as on a whole ladder."""
        if not self._base.started:
            await self._base.start()
            self._started = True

    async def stop(self) -> None:
        """Its engine, where it was started for this rung."""
        started, self._started = self._started, False
        if started:
            await self._base.stop()

    async def health(self) -> str | None:
        said = await self._base.health()
        return None if said is None else f"{self.name}: {said.removeprefix(f'{self._base.name}: ')}"

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        return self._base.draft(chat, read=read, likeliest=likeliest, adapter=self._config)

    async def score(self, chat: Chat, answer: str) -> list[float | None]:
        """See VllmTier.score: by the adapted model."""
        return await self._base.score(chat, answer, adapter=self._config)

    def cost_nano(self, done: Done) -> int | None:
        return self._base.cost_nano(done)

    def most_nano(self, chat: Chat) -> int | None:
        return self._base.most_nano(chat)

    def lacks(self, chat: Chat) -> str | None:
        return self._abilities.lacks(chat)

    def saturation(self) -> str | None:
        return self._base.saturation()


def _abilities(config: AdapterTierConfig, of: VllmTierConfig, card: Card | None) -> Abilities:
    """The base's, within the adapter's own context where one is given."""
    context = of.context if config.context is None else config.context
    return abilities_of(of.model_copy(update={"context": context}), card)
