"""Services against an emulator: their orders, and what listeners have seen."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from segmind_swap import Journal, OutcomeState, SwapService, SwapUpdate
from segmind_swap.emulator import Emulator

from .batches import client_of

REFERENCE = "https://pictures.example/hero.png"


def scene(number: int) -> str:
    return f"https://pictures.example/{number}.png"


async def enqueue(service: SwapService, number: int, **more: Any) -> SwapUpdate:
    """Enqueues the swap `s<number>`, whose pictures are URLs."""
    options = {"reference_character_image": REFERENCE, "character_image": scene(number), **more}
    return await service.enqueue(options.pop("id", f"s{number}"), **options)


@asynccontextmanager
async def served(
    emulator: Emulator, journal: Journal, *, client: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[SwapService]:
    """A service with a client of its own."""
    async with (
        client_of(emulator, **client or {}) as swaps,
        SwapService(swaps, journal=journal, **options) as service,
    ):
        yield service


async def until(service: SwapService, id: str, *states: OutcomeState) -> SwapUpdate:
    """Waits until a swap is in one of these states."""
    async for update in service.updates(id):
        if update.state in states:
            return update
    raise AssertionError(f"{id} ended in {(await service.status(id)).state}")


async def states_of(service: SwapService, id: str) -> list[str]:
    return [update.state.value async for update in service.updates(id)]


async def submitting(service: SwapService) -> None:
    """Waits until a service has the lock."""
    await _becomes(lambda: service.submits)


async def halted(service: SwapService) -> None:
    """Waits until a service is halted."""
    await _becomes(lambda: service.halted_by is not None)


async def _becomes(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(100):
        while not is_so():  # noqa: ASYNC110 - there is nothing to wait for but the time
            await anyio.sleep(0.05)
