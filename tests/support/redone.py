"""Batches that are redone, against an emulator whose pictures all differ."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from segmind_swap import Journal, OutcomeState, RedoRequest, SwapClient, SwapOutcome
from segmind_swap._protocols.entry import Entry
from segmind_swap.emulator import Emulator, Picture

from .batches import client_of, emulator
from .sessions import png


def service(**settings: Any) -> Emulator:
    """An emulator each of whose pictures is another one."""
    numbers = count(1)

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        return png(next(numbers))

    return emulator(engine=engine, **settings)


async def redone(
    service: Emulator,
    swaps: Iterable[str | RedoRequest],
    *,
    client: SwapClient | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> list[SwapOutcome]:
    """A redo from its first outcome to its last."""
    async with (
        client or client_of(service, **settings or {}) as running,
        running.redo(swaps, **options) as outcomes,
    ):
        return [outcome async for outcome in outcomes]


def entries_of(journal: Journal) -> list[Entry]:
    """All versions of all swaps."""
    with journal._opening.reading() as store:
        return list(store.versions.all())


def versions(journal: Journal) -> list[tuple[str, int, OutcomeState]]:
    """The state of each version."""
    return [(entry.id, entry.version, entry.state) for entry in entries_of(journal)]


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file, by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
