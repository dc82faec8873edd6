"""Server-sent events about the swaps of a service, for Starlette, FastAPI and any other ASGI framework.

The package needs no web framework. A route of Starlette or FastAPI:

    from starlette.responses import Response, StreamingResponse

    from segmind_swap.web import SSE_HEADERS, sse_events

    @app.get("/swaps/{id}/events")
    async def events(id: str, request: Request) -> Response:
        update = await service.status(id)  # UnknownIdError becomes a 404 here, before anything is sent
        seen = request.headers.get("last-event-id")
        if update.is_final and seen == str(update.change):
            return Response(status_code=204)  # the browser knows the end, and does not connect again
        return StreamingResponse(sse_events(service, id, last_event_id=seen), headers=SSE_HEADERS)

The page of the browser:

    const events = new EventSource(`/swaps/${id}/events`);
    events.addEventListener("update", (event) => show(JSON.parse(event.data)));
    events.addEventListener("end", () => events.close());
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Protocol

import anyio

from ._config import positive
from ._errors import ConfigurationError
from ._outcome import OutcomeState
from ._service.update import SwapUpdate

__all__ = ["SSE_HEADERS", "UpdateSource", "public_fields", "sse_events"]

SSE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-type": "text/event-stream",
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
    }
)
"""The headers of a response with `sse_events`: its media type, and that no cache or proxy keeps it back.

`no-transform` and `X-Accel-Buffering` stop the proxies that would collect events to compress or buffer them.
"""

_RETRY_MS = (2_000, 5_000)
"""After how many milliseconds a browser connects again. Each stream names another time between the two: the
browsers that a restart has disconnected do not all come back at once."""

_MAX_CHANGE = 2**63 - 1
"""The largest number that SQLite stores."""

_HEARTBEAT = b":\n\n"
"""A comment, which browsers ignore."""

_END = b"event: end\ndata: {}\n\n"
"""Browsers dispatch no event without data."""

_MESSAGES = {
    OutcomeState.PENDING: "The swap waits for its turn.",
    OutcomeState.SENDING: "The swap is being sent.",
    OutcomeState.ACCEPTED: "The picture is being made.",
    OutcomeState.COMPLETED: "The picture is made.",
    OutcomeState.SAVED: "The picture is ready.",
    OutcomeState.UNREADABLE: "The picture was made, but the answer of the picture service could not be read.",
    OutcomeState.REJECTED: "The pictures could not be used, or the swap was refused.",
    OutcomeState.UNKNOWN: "It is not known whether the swap was accepted. It is not sent again by itself.",
    OutcomeState.FAILED: "The picture service could not make the picture.",
    OutcomeState.EXPIRED: "The picture service no longer knows the swap.",
    OutcomeState.ABANDONED: "The swap was cancelled.",
}


class UpdateSource(Protocol):
    """What this module needs of a `SwapService`."""

    async def status(self, id: str) -> SwapUpdate:
        """The last state of a swap. Sends nothing to the API."""
        ...

    def updates(self, id: str, *, after: int | None = None) -> AsyncIterator[SwapUpdate]:
        """The last state of a swap unless its `change` is `after`, then each newer one, until the final one.

        A call of `__anext__` may be cancelled, and the next call goes on without a loss. The iterator may be
        dropped at any time without being closed.
        """
        ...


def public_fields(update: SwapUpdate) -> dict[str, str | int | bool | None]:
    """What a browser may know of a swap: nothing in it gives access to the API, a picture or another user.

    The fields are `id`, `version`, `change`, `state` (a word of `OutcomeState`), `is_final`, `error` (the
    class of the error, or None) and `message` (one sentence about the state, the same for each swap). They
    never hold the owner, the key, a job, a poll URL, the URL of a result, a path, or the text of an error,
    which may name any of them.

    Args:
        update: What `SwapService.enqueue`, `status` or `updates` has returned.
    """
    return {
        "id": update.id,
        "version": update.version,
        "change": update.change,
        "state": update.state.value,
        "is_final": update.is_final,
        "error": None if update.error is None else type(update.error).__name__,
        "message": _MESSAGES[update.state],
    }


def sse_events(
    service: UpdateSource, id: str, *, last_event_id: str | None = None, heartbeat: float = 15.0
) -> AsyncIterator[bytes]:
    """The body of a response with the events of one swap. Sends nothing to the API, and is never charged.

    Each event `update` has the `change` of the update as its id, and its `public_fields` as one line of JSON.
    The first is the last state that is known, unless the browser has it already; then comes each newer state.
    Then the event `end`, with the data `{}`, says that no other follows, and the body ends. The page closes
    its `EventSource` then, because a browser connects again whenever a body ends.

    If the service closes, as in a restart, the body ends without the event `end`. The browser connects again
    after 2 to 5 seconds, and names the last event that it has in the header `Last-Event-ID`.

    A reader that is slow gets the newest state, and not all that were before. The object holds one update at
    most. It may be dropped at any time without being closed: nothing runs between two reads.

    Args:
        service: The service.
        id: The id of the swap.
        last_event_id: The header `Last-Event-ID` of the request, or None. What is no id of an event is
            ignored.
        heartbeat: Seconds of silence after which a comment is sent. Proxies end connections that are silent,
            and a connection that is gone is noticed only when something is sent.

    Raises:
        ConfigurationError: `heartbeat` is not a finite number above zero.
        UnknownIdError: there is no such swap. Raised by the reading, when the headers of the response have
            left: a route asks `status` first.
        JournalError: the journal cannot be read. Raised by the reading. The browser connects again.
    """
    positive("heartbeat", heartbeat)
    return _Events(service, id, _change_of(last_event_id), heartbeat)


class _Events(AsyncIterator[bytes]):
    """The frames of one stream. A class, because a generator that is dropped needs a task to be closed in."""

    def __init__(self, service: UpdateSource, id: str, after: int | None, heartbeat: float) -> None:
        self._service = service
        self._id = id
        self._heartbeat = heartbeat
        self._updates = service.updates(id, after=after)
        self._sent = after
        self._is_opened = self._is_ended = False

    async def __anext__(self) -> bytes:
        if not self._is_opened:
            self._is_opened = True
            # Sent at once, so that the headers and a first byte pass every proxy.
            return b"retry: %d\n\n" % random.randint(*_RETRY_MS)  # noqa: S311 - no secret
        if self._is_ended:
            raise StopAsyncIteration
        update: SwapUpdate | None = None
        with anyio.move_on_after(self._heartbeat) as waiting:
            update = await anext(self._updates, None)
        if waiting.cancelled_caught:
            return _HEARTBEAT
        if update is None:
            self._is_ended = True
            if await self._is_end_known():
                return _END
            raise StopAsyncIteration
        self._sent, self._is_ended = update.change, update.is_final
        return _frame(update) + (_END if update.is_final else b"")

    async def _is_end_known(self) -> bool:
        """Why no update came: the browser has the final one already, or else the service closes."""
        try:
            update = await self._service.status(self._id)
        except ConfigurationError:  # it is closed
            return False
        return update.is_final and update.change == self._sent


def _frame(update: SwapUpdate) -> bytes:
    data = json.dumps(public_fields(update), separators=(",", ":"))
    # The JSON has one line and is ASCII. Without these characters it is harmless inside HTML, too.
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return f"id: {update.change}\nevent: update\ndata: {data}\n\n".encode("ascii")


def _change_of(last_event_id: str | None) -> int | None:
    """The change in a header; None for anything that is not written as `sse_events` writes it."""
    text = last_event_id or ""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_MAX_CHANGE)):
        return None
    change = int(text)
    return change if str(change) == text and change <= _MAX_CHANGE else None
