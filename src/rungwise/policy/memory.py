"""What has this conversation seen so far? Remembered by this process, for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice

from rungwise.config import AffinityConfig
from rungwise.types import Attempt, Chat, Entry, Message

__all__ = ["Memory", "Past", "conversation_of", "goes_on"]

MOST_DOUBLED = 8
"""How many times as long as `hard_for_turns` a conversation can stay hard that climbs again and
again."""
SHRUNK = 0.75
"""Tokenizers differ by less: a prompt this much shorter than the last one is another's."""

SYSTEM_READ = 1024
"""Characters of the system prompt that count: what agents change from step to step (the time, open
files, notes) stands behind them."""
TURN_READ = 2048
"""Characters that count at either end of a long turn."""
FIRST_TURNS = 8
"""Messages before the first answer that count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A conversation's last answered step."""

    tier: str
    at: float
    """Unix seconds at which the answer had ended."""
    prompt_tokens: int = 0
    """Of the last answer, cached or not: what is warm at `tier`."""
    hard_at: str | None = None
    """The rung that answered when the conversation climbed, as long as that counts."""

    @property
    def hard(self) -> bool:
        """Whether a climb was needed not long ago."""
        return self.hard_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hardness:
    """For how long the last climb counts."""

    tier: str | None = None
    """The rung that answered then; None where there was no climb."""
    span: int = 0
    """Turns that it counts for."""
    left: int = 0
    """How many of them are left; below 0, how many turns went without a climb since."""

    def after(self, climbed_to: str | None, usual: int) -> _Hardness:
        """One turn later."""
        if climbed_to is None:
            return replace(self, left=self.left - 1)
        span = usual
        if self.left > 0:  # it had not stepped down: this is no second try of the table
            span = self.span
        elif -self.left < self.span:
            span = min(2 * self.span, MOST_DOUBLED * usual)
        return _Hardness(tier=climbed_to, span=span, left=span)


_EASY = _Hardness()


class Memory:
    """The last `conversations` of them, each until it has rested for `for_s` seconds.

    A step that climbed makes its conversation hard for `hard_for_turns` further turns. Then the
    table is tried again. Where that climbs once more, the next stretch is twice as long, up to
    MOST_DOUBLED times; as many turns without a climb as the last stretch had, and the count begins
    anew. So a conversation neither climbs at every turn nor stays up for good.

    What does not prove anything: a step that was not answered, and a rung that failed or was busy.
    A pinned step counts like any other: it says where the prompt is warm, and is one turn further
    on. A recalled answer says who wrote it, and nothing else: nothing was drafted or warmed. A
    prompt that has not grown is no later step of the same conversation but the beginning of another
    one like it, which starts without a past.

    One event loop uses it; nothing here waits.
    """

    def __init__(self, config: AffinityConfig, unix: Callable[[], float]) -> None:
        self._config, self._unix = config, unix
        self._noted: OrderedDict[str, tuple[Past, _Hardness]] = OrderedDict()
        """The one that was heard of last comes last."""

    def __len__(self) -> int:
        return len(self._noted)

    @property
    def heeds_rejections(self) -> bool:
        return self._config.enabled and self._config.rejections

    def past(self, conversation: str | None) -> Past | None:
        """None where nothing is known, or it is too long ago. Only for a chat that goes on: the
        first step of a conversation looks like that of any other one with the same beginning."""
        past, _ = self._noted.get(conversation or "", (None, _EASY))
        return past if past is not None and self._is_fresh(past) else None

    def learn(self, entry: Entry) -> None:
        """Remember what became of a step. A reader of the ledger. O(1), amortised."""
        conversation, seen = entry.conversation, entry.seen
        if not self._config.enabled or conversation is None or seen is None:
            return
        if entry.state != "answered":
            return
        recalled = seen.state == "recalled"
        hardness = self._hardness(self._noted.pop(conversation, None), seen)
        if not recalled:
            climbed_to = seen.tier if entry.doubted else None
            hardness = hardness.after(climbed_to, self._config.hard_for_turns)
        past = Past(
            tier=seen.tier,
            at=entry.at + entry.latency_s,
            prompt_tokens=0 if recalled else seen.usage.prompt_tokens,
            hard_at=hardness.tier if hardness.left > 0 else None,
        )
        self._noted[conversation] = (past, hardness)
        self._forget()

    def _hardness(self, before: tuple[Past, _Hardness] | None, seen: Attempt) -> _Hardness:
        """Of the conversation before this step; that of a new one where it is no later step."""
        if before is None or not self._is_fresh(before[0]) or _begins(seen, before[0]):
            return _EASY
        return before[1]

    def _is_fresh(self, past: Past) -> bool:
        """A clock that was set back may have left an answer in the future: that counts alike."""
        return abs(self._unix() - past.at) <= self._config.for_s

    def _forget(self) -> None:
        while self._noted:
            oldest, _ = next(iter(self._noted.values()))
            if len(self._noted) <= self._config.conversations and self._is_fresh(oldest):
                return
            self._noted.popitem(last=False)


def _begins(seen: Attempt, past: Past) -> bool:
    """Whether this is another conversation that begins alike: history only grows. One that was
    shortened by its agent begins anew, too: nothing of it is warm, and it may have become easy."""
    if seen.state == "recalled" or not past.prompt_tokens:
        return False
    tokens = seen.usage.prompt_tokens
    grown = tokens > past.prompt_tokens
    return not grown if seen.tier == past.tier else tokens < SHRUNK * past.prompt_tokens


def goes_on(chat: Chat) -> bool:
    """Whether an answer was given in it already: only then has it a past."""
    return _answered_at(chat.messages) is not None


def conversation_of(chat: Chat) -> str | None:
    """16 hex digits that all steps of one conversation share; None where no user says anything.

    Of the tenant, the agent's name, the conversation's name where the caller gave one, the head of
    the system prompt, and what was said before the first answer. Agents send these again at every
    step, while tools, sampling and the later history change. The caller's name alone is not enough:
    what it names is a cached prefix, which an application may share between all its conversations.
    Keyed by the tenant, so that two tenants' conversations never meet. Whoever guesses a beginning
    can test the guess; nothing else can be read from it. Of a bounded number of characters.

    Chats that all bring the same examples as earlier turns do look like one conversation.
    """
    first = chat.messages[: _answered_at(chat.messages)][:FIRST_TURNS]
    said = [message for message in first if message.role == "user"]
    if not any(message.text or message.images for message in said):
        return None
    system = next((m.text for m in first if m.role in ("system", "developer")), "")
    told = [chat.agent or "", chat.conversation or "", system[:SYSTEM_READ]]
    told += [part for message in said for part in _parts(message)]
    return _digest(chat.tenant, told)


def _answered_at(messages: Sequence[Message]) -> int | None:
    """Where the first answer to a user stands; a greeting answers nobody."""
    asked = next((i for i, m in enumerate(messages) if m.role == "user"), len(messages))
    behind = islice(enumerate(messages), asked, None)
    return next((i for i, m in behind if m.role == "assistant"), None)


def _parts(message: Message) -> Iterator[str]:
    for text in (message.text, *(image.url for image in message.images)):
        whole = len(text) <= 2 * TURN_READ
        yield text if whole else f"{len(text)}:{text[:TURN_READ]}{text[-TURN_READ:]}"


def _digest(tenant: str, parts: Sequence[str]) -> str:
    key = blake2b(_bytes([tenant]), digest_size=32).digest()
    return blake2b(_bytes(parts), digest_size=8, key=key).hexdigest()


def _bytes(parts: Iterable[str]) -> bytes:
    # each part with its length, so that no two lists read alike
    return "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
