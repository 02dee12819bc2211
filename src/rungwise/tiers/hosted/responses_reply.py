"""What do the events of a Responses stream say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rungwise.tiers.hosted.hosted import HostedMeter
from rungwise.tiers.hosted.hosted_faults import Malformed
from rungwise.tiers.hosted.hosted_fields import count, inclusive_usage, text
from rungwise.tiers.hosted.hosted_logprobs import readable, shown
from rungwise.types import FinishReason, Piece, Thought, TierFault, ToolCallDelta, Usage

__all__ = ["Failed", "ResponsesReader"]

_CUT: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
_FAULTS: Mapping[str, TierFault] = {
    "rate_limit_exceeded": "rate_limited",
    "server_is_overloaded": "overloaded",
    "slow_down": "overloaded",
    "insufficient_quota": "unauthorised",
    "context_length_exceeded": "too_long",
    "invalid_prompt": "rejected",
    "data_residency_mismatch": "rejected",
    "bio_policy": "rejected",
    "misalignment_policy_violation": "rejected",
    "failed_to_download_image": "rejected",
    "unsupported_image_media_type": "rejected",
    "empty_image_file": "rejected",
}
"""By the code of a failed response; what concerns images begins with `image_` or `invalid_`."""


class Failed(Malformed):
    """The upstream said within its stream that it failed."""

    def __init__(self, fault: TierFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class ResponsesReader:
    """Complete with `response.completed` or `response.incomplete`, which bring the usage.

    `shown` is how many alternatives the caller wants of each token, None that it wants nothing. A
    thought comes when its item is done, under the name by which the rung asks for the model: its
    text is the summary, where there is one. A refusal comes as `Piece.refusal`.
    """

    def __init__(self, meter: HostedMeter, *, shown: int | None) -> None:
        self._meter, self._model, self._shown = meter, meter.model, shown
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self._complete = False

    @property
    def complete(self) -> bool:
        return self._complete

    def feed(self, event: Any) -> Iterator[Piece]:
        match event.type:
            case "response.output_text.delta":
                yield self._text(event)
            case "response.function_call_arguments.delta":
                yield self._arguments(count(event.output_index), text(event.delta))
            case "response.output_item.added":
                yield from self._begin(count(event.output_index), event.item)
            case "response.output_item.done":
                yield from self._end(count(event.output_index), event.item)
            case "response.refusal.delta":
                yield Piece(refusal=text(event.delta))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield Piece(reasoning=text(event.delta))
            case "response.reasoning_summary_part.added" if event.summary_index:
                yield Piece(reasoning="\n\n")
            case "response.created" | "response.in_progress":
                self._note(event.response)
            case "response.completed":
                yield self._complete_with("tool_calls" if self._calls else "stop", event.response)
            case "response.incomplete":
                yield self._complete_with(_cut(event.response), event.response)
            case "response.failed":
                self._note(event.response)
                raise _failed(event.response.error)
            case "error":
                raise _failed(event)

    def _text(self, event: Any) -> Piece:
        told = event.logprobs or () if self._shown is not None else ()
        return Piece(
            text=text(event.delta),
            logprobs=tuple(readable(token.logprob) for token in told),
            shown=tuple(shown(token, self._shown or 0) for token in told),
        )

    def _begin(self, place: int, item: Any) -> Iterator[Piece]:
        if item.type == "function_call":
            index = self._calls[place] = len(self._calls)
            arguments = text(item.arguments)
            if not arguments:
                self._silent.add(place)
            yield Piece(
                tool_calls=(ToolCallDelta(index, text(item.call_id), text(item.name), arguments),)
            )

    def _arguments(self, place: int, part: str) -> Piece:
        if part:
            self._silent.discard(place)
        return Piece(tool_calls=(ToolCallDelta(self._calls[place], arguments=part),))

    def _end(self, place: int, item: Any) -> Iterator[Piece]:
        if item.type == "function_call" and place in self._silent:
            # whole at its end, or none at all: everyone else's protocol wants an empty object
            yield self._arguments(place, text(item.arguments) or "{}")
        elif item.type == "reasoning" and item.encrypted_content:
            said = "\n\n".join(text(part.text) for part in item.summary or ())
            yield Piece(
                thought=Thought(
                    text=said,
                    seal=text(item.encrypted_content),
                    withheld=not said,
                    model=self._model,
                )
            )

    def _complete_with(self, finish: FinishReason, response: Any) -> Piece:
        self._note(response)
        self._complete = True
        return Piece(finish=finish)

    def _note(self, response: Any) -> None:
        self._meter.model = text(response.model) or self._meter.model
        if response.usage is not None:
            self._meter.usage, self._meter.known = _usage(response.usage), "all"


def _cut(response: Any) -> FinishReason:
    details = response.incomplete_details
    reason = text(details.reason) if details is not None else ""
    if reason not in _CUT:
        raise Malformed(f"incomplete for an unknown reason {reason!r:.60}")
    return _CUT[reason]


def _failed(error: Any) -> Failed:
    code = text(error.code) if error is not None else ""
    message = text(error.message) if error is not None else ""
    about_an_image = code.startswith(("image_", "invalid_"))
    fault = _FAULTS.get(code, "rejected" if about_an_image else "broken")
    return Failed(fault, f"the response failed: {code or 'error'}: {message or 'and no more'}")


def _usage(told: Any) -> Usage:
    return inclusive_usage(
        told.input_tokens, told.output_tokens, told.input_tokens_details, told.output_tokens_details
    )
