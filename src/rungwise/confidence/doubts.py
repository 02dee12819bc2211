"""What does a finished draft itself give reason to doubt, whatever its log-probabilities?"""

from __future__ import annotations

from rungwise.confidence.asked import mismatch_of
from rungwise.confidence.repetition import repetition_of
from rungwise.confidence.wording import wording_of
from rungwise.config import GateConfig
from rungwise.types import Chat, Choice

__all__ = ["doubt_of", "prose_doubt_of"]


def doubt_of(config: GateConfig, chat: Chat, choice: Choice) -> str | None:
    """One line for what speaks against it, as far as the owner wants that to count."""
    if choice.finish == "length" and config.truncation == "escalate":
        return "truncated: the draft hit its token limit"
    if choice.declined:
        return "refused to answer" if config.refusal == "escalate" else None
    if not choice.text.strip() and not choice.tool_calls:
        return "empty answer"
    if chat.shape is not None or choice.tool_calls:
        return None  # words inside a document are its data
    return prose_doubt_of(config, chat, choice.text, whole=choice.finish != "length")


def prose_doubt_of(config: GateConfig, chat: Chat, text: str, *, whole: bool = True) -> str | None:
    """The same of an answer in words; not `whole`: of its beginning, which has no format yet."""
    wording = wording_of(text)
    if wording is not None and wording.kind == "refusal":
        # an answer that is returned as configured must still be a sure one
        return "refused to answer" if config.refusal == "escalate" else None
    if wording is not None and config.hedging:
        return f"says it is unsure: {wording.words!r}"
    repeated = repetition_of(text) if config.repetition else None
    if repeated is not None:
        return f"goes round in circles: {repeated}"
    mismatch = mismatch_of(chat, text, language=config.language, format=config.format and whole)
    if mismatch is not None:
        return f"not in the {mismatch.kind} that was asked for: {mismatch.what}"
    return None
