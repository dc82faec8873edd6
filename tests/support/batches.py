"""Batches against an emulator: its swaps, one whole run, a run that dies, and a full disk."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import Journal, PollPolicy, SwapClient, SwapOutcome, SwapRequest
from segmind_swap._journal.store import Store
from segmind_swap.emulator import Emulator

KEY = "emulator-key"


def emulator(**settings: Any) -> Emulator:
    return Emulator(**{"engine": "none", "credits_usd": 1e6, "duration": 70.0, **settings})


def client_of(service: Emulator, **settings: Any) -> SwapClient:
    transport = httpx.ASGITransport(app=service.app)
    return SwapClient(KEY, base_url="http://127.0.0.1", transport=transport, **settings)


def swap_of(number: int, **more: Any) -> SwapRequest:
    return SwapRequest(
        **{
            "id": f"s{number}",
            "reference_character_image": "https://pictures.example/hero.png",
            "character_image": f"https://pictures.example/{number}.png",
            **more,
        }
    )


def swaps_of(count: int) -> list[SwapRequest]:
    return [swap_of(number) for number in range(count)]


async def run(
    service: Emulator, requests: Iterable[SwapRequest], options: dict[str, Any] | None = None, **settings: Any
) -> list[SwapOutcome]:
    """A batch from its first outcome to its last."""
    if options is not None and isinstance(options.get("journal"), Path):
        settings.setdefault("polling", PollPolicy(interval=0.05))  # a file takes real time
    async with (
        client_of(service, **settings) as client,
        client.swap_many(requests, **options or {}) as outcomes,
    ):
        return [outcome async for outcome in outcomes]


def states(outcomes: Iterable[SwapOutcome]) -> Counter[str]:
    return Counter(outcome.state.value for outcome in outcomes)


def scenes_paid(service: Emulator) -> Counter[str]:
    return Counter(charge.character_image.rpartition("/")[2] for charge in service.ledger)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


class Crash(httpx.AsyncBaseTransport):
    """Passes requests on to a service, until the machine stops: from then on nothing moves any more.

    It stops at the request number `at` of that `kind`; `after` says whether the service has got that one.
    What the journal held in that moment is in `left`.
    """

    def __init__(self, service: Emulator, journal: Journal, kind: str, at: int, *, after: bool) -> None:
        self.happened = anyio.Event()
        self.left = Journal(":memory:")
        self._inner = httpx.ASGITransport(app=service.app)
        self._journal = journal
        self._kind = kind
        self._requests_left = at
        self._after = after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = "submit" if request.method == "POST" else "file" if "/files/" in request.url.path else "poll"
        self._requests_left -= kind == self._kind
        if self._requests_left == 0 and kind == self._kind and self._after:
            await self._inner.handle_async_request(request)
        if self._requests_left <= 0:
            self._stop()
            await anyio.sleep_forever()
        return await self._inner.handle_async_request(request)

    def _stop(self) -> None:
        if not self.happened.is_set():
            self.left = copy_of(self._journal)
            self.happened.set()


def copy_of(journal: Journal) -> Journal:
    """What a journal holds at this moment, as another one that nobody writes."""
    copy = Journal(":memory:")
    assert journal._opening._memory is not None
    assert copy._opening._memory is not None
    journal._opening._memory._connection.backup(copy._opening._memory._connection)
    return copy


async def crashed(
    service: Emulator,
    requests: list[Any],
    kind: str,
    at: int,
    *,
    after: bool = False,
    redo: bool = False,
    journal: Journal | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Journal:
    """A batch, or a redo, that dies; returns what its journal held then."""
    journal = journal or Journal(":memory:")
    crash = Crash(service, journal, kind, at, after=after)
    async with anyio.create_task_group() as group:

        async def work() -> None:
            client = SwapClient(KEY, base_url="http://127.0.0.1", transport=crash, **settings or {})
            swaps = client.redo if redo else client.swap_many
            async with client, swaps(requests, journal=journal, **options) as outcomes:
                async for _ in outcomes:
                    pass
            crash._stop()

        group.start_soon(work)
        await crash.happened.wait()
        group.cancel_scope.cancel()
    return crash.left


def broken_from(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its n-th write on, the journal's disk is full."""
    whole, writes = Store.transaction, 0

    @contextmanager
    def transaction(self: Store) -> Iterator[None]:
        nonlocal writes
        writes += 1
        if writes >= write:
            raise self.error("could not be written: database or disk is full")
        with whole(self):
            yield

    monkeypatch.setattr(Store, "transaction", transaction)
