"""Where a batch's inputs come from: anything that can be iterated, taken from one at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from typing import TypeAlias

from ._errors import ConfigurationError
from ._models import SwapRequest

Requests: TypeAlias = Iterable[SwapRequest] | AsyncIterable[SwapRequest]
"""What a batch takes its swaps from, one at a time, when there is room for another."""


async def listed(requests: Requests) -> list[SwapRequest]:
    """All of them at once."""
    return [request async for request in each(requests)]


async def each(requests: Requests) -> AsyncGenerator[SwapRequest, None]:
    """One after the other.

    Raises:
        ConfigurationError: one of them is no request.
    """
    if isinstance(requests, AsyncGenerator):
        async with aclosing(requests):
            async for request in requests:
                yield _checked(request)
    elif isinstance(requests, AsyncIterable):
        async for request in requests:
            yield _checked(request)
    else:
        for request in requests:
            yield _checked(request)


def _checked(request: object) -> SwapRequest:
    if isinstance(request, SwapRequest):
        return request
    shown = "a mapping" if isinstance(request, Mapping) else f"a {type(request).__name__}"
    raise ConfigurationError(
        f"a batch takes SwapRequest(id=…, reference_character_image=…, character_image=…), not {shown}"
    )
