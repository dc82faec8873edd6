"""Serves a review on 127.0.0.1 while a block runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.stapled import MultiListener

from ..._errors import ConfigurationError, JournalError
from ..checks.thresholds import Thresholds
from ..desk import Desk
from ..page.data import BatchFacts
from .connection import serve_connection
from .gatekeeper import Gatekeeper
from .messages import Request, Response
from .site import Site

log = logging.getLogger("segmind_swap")

HOST = "127.0.0.1"
_REFRESH = 2.0
"""Seconds between two looks at the journal, or five times what the last look took, if that is more."""
_SHARE = 5


@asynccontextmanager
async def serving(
    desk: Desk,
    facts: Callable[[], Awaitable[BatchFacts]],
    thresholds: Thresholds,
    *,
    port: int,
    has_changed: Callable[[], bool],
) -> AsyncIterator[str]:
    """Serves the review until the block ends. The value is the address of the page, with its token.

    Raises:
        ConfigurationError: the port is in use, or cannot be used.
    """
    listener = await _listener(port)
    error: Exception | None = None
    async with listener:
        gatekeeper = Gatekeeper(int(listener.extra(SocketAttribute.local_port)))  # noqa: S610 - no Django
        site = Site(desk, facts, thresholds)

        async def handle(request: Request) -> Response:
            refusal = gatekeeper.refusal(request)
            return await site.handle(request) if refusal is None else refusal

        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, partial(serve_connection, handle=handle))
            group.start_soon(_follow, desk, has_changed)
            try:
                yield gatekeeper.url
            except Exception as exc:  # it would come out of the task group as a group of exceptions
                error = exc
            group.cancel_scope.cancel()
    if error is not None:
        raise error


async def _listener(port: int) -> MultiListener[SocketStream]:
    try:
        multi = await anyio.create_tcp_listener(local_host=HOST, local_port=port)
    except (OSError, OverflowError) as exc:
        problem = getattr(exc, "strerror", None) or str(exc)
    else:
        return multi
    raise ConfigurationError(f"the port {port} cannot be used: {problem}")


async def _follow(desk: Desk, has_changed: Callable[[], bool]) -> None:
    """Keeps the desk as new as the journal: a batch may be running, and other people may decide."""
    is_due, pause = False, _REFRESH
    while True:
        await anyio.sleep(pause)
        is_due = has_changed() or is_due
        if not is_due:
            continue
        began = anyio.current_time()
        try:
            await desk.refresh()
            is_due = False
        except JournalError as exc:
            log.warning("%s", exc)
        pause = max(_REFRESH, _SHARE * (anyio.current_time() - began))
