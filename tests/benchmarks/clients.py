"""The clients that are compared: this package, and what a user would write, or install, instead of it."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segmind_swap import PollPolicy

WORKFLOW = "678aa4026426baad7e5392fb-v7"
KEY = "key-of-a-benchmark"
PICTURES = {
    "reference_character_image": "https://pictures.example/hero.png",
    "character_image": "https://pictures.example/street.png",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a client has to do.

    Attributes:
        in_flight: Swaps under way at once.
        interval: Seconds between two polls of a swap.
        first_after: Seconds to the first poll, where a client can be told; None leaves it to the client.
        learn: Whether a client that can may learn when to look first.
        per_minute: The rate limit that is known, where a client can be told.
        deadline: Seconds after which a client that is not done gives up.
    """

    base_url: str
    swaps: int
    in_flight: int
    interval: float = 7.0
    first_after: float | None = None
    learn: bool = True
    per_minute: float | None = None
    deadline: float | None = None

    def json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Tally:
    """What has become of the swaps so far."""

    done: int = 0
    failed: int = 0
    error: str = ""

    def fail(self, error: BaseException | str) -> None:
        """Counts a swap that came to nothing, and keeps the first reason."""
        self.failed += 1
        self.error = self.error or (error if isinstance(error, str) else f"{type(error).__name__}: {error}")


Client = Callable[[Work, Tally], Awaitable[None]]


# This package


async def segmind_swap(work: Work, tally: Tally) -> None:
    """`swap_many`, with nothing set but what the work says."""
    from segmind_swap import RateLimit, SwapClient, SwapRequest

    def requests() -> Iterator[SwapRequest]:
        for number in range(work.swaps):
            yield SwapRequest(id=f"s{number}", **PICTURES)

    client = SwapClient(
        KEY,
        base_url=work.base_url,
        max_in_flight=work.in_flight,
        rate_limit=RateLimit(requests_per_minute=work.per_minute),
        polling=polling(work),
    )
    async with client, client.swap_many(requests()) as outcomes:
        async for outcome in outcomes:
            if outcome.ok:
                tally.done += 1
            else:
                tally.fail(outcome.error or outcome.state)


def polling(work: Work) -> "PollPolicy":
    """When to look, as the work says."""
    from segmind_swap import PollPolicy

    return PollPolicy(interval=work.interval, first_after=work.first_after, learn=work.learn)


# What a user would write


async def bare_httpx(work: Work, tally: Tally, *, pool: int | None = None) -> None:
    """A client, a semaphore and a loop; `pool` is how many connections a user allowed, and to be kept."""
    import httpx

    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    if pool is not None:
        limits = httpx.Limits(max_connections=pool, max_keepalive_connections=pool)
    headers = {"Authorization": f"Bearer {KEY}"}
    semaphore = asyncio.Semaphore(work.in_flight)
    # The default of 5 s also bounds the wait for a connection: hundreds of swaps would end in errors.
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:

        async def swap() -> None:
            async with semaphore:
                response = await client.post(f"{work.base_url}/workflows/{WORKFLOW}", json=PICTURES)
                response.raise_for_status()
                poll_url = response.json()["poll_url"]
                while True:
                    await asyncio.sleep(work.interval)
                    response = await client.get(poll_url)
                    response.raise_for_status()
                    if response.json()["status"] == "COMPLETED":
                        return

        async def counted() -> None:
            try:
                await swap()
            except httpx.HTTPError as exc:
                tally.fail(exc)
            else:
                tally.done += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(work.swaps):
                group.create_task(counted())


async def bare_httpx_with_a_larger_pool(work: Work, tally: Tally) -> None:
    """As many connections as swaps, all of them kept: what its documentation offers against waiting."""
    await bare_httpx(work, tally, pool=work.in_flight)


# Threads


async def _in_threads(work: Work, tally: Tally, swap: Callable[[], Any]) -> None:
    lock = threading.Lock()

    def counted(_: int) -> None:
        try:
            swap()
        except Exception as exc:
            with lock:
                tally.fail(exc)
        else:
            with lock:
                tally.done += 1

    def all_of_them() -> None:
        with ThreadPoolExecutor(work.in_flight) as pool:
            list(pool.map(counted, range(work.swaps)))

    await asyncio.to_thread(all_of_them)


async def requests_in_threads(work: Work, tally: Tally) -> None:
    """The loop that the workflow's API page shows, in a thread for each swap in flight."""
    import requests

    headers = {"Authorization": f"Bearer {KEY}"}

    def swap() -> None:
        response = requests.post(
            f"{work.base_url}/workflows/{WORKFLOW}", json=PICTURES, headers=headers, timeout=60
        )
        response.raise_for_status()
        poll_url = response.json()["poll_url"]
        while True:
            time.sleep(work.interval)
            response = requests.get(poll_url, headers=headers, timeout=60)
            response.raise_for_status()
            if response.json()["status"] == "COMPLETED":
                return

    await _in_threads(work, tally, swap)


async def segmind_in_threads(work: Work, tally: Tally) -> None:
    """Segmind's own package, whose calls block: one client, in a thread for each swap in flight."""
    from segmind import SegmindClient  # type: ignore[import-untyped]

    client = SegmindClient(KEY, base_url=f"{work.base_url}/v1")
    run = partial(
        client.pixelflows.run,
        workflow_url=f"{work.base_url}/workflows/{WORKFLOW}",
        data=PICTURES,
        poll_interval=work.interval,
    )

    def swap() -> None:
        answer = run()
        if answer["status"] != "COMPLETED":
            raise RuntimeError(answer["status"])

    await _in_threads(work, tally, swap)


CLIENTS: dict[str, Client] = {
    "segmind-swap": segmind_swap,
    "bare httpx": bare_httpx,
    "bare httpx, larger pool": bare_httpx_with_a_larger_pool,
    "requests in threads": requests_in_threads,
    "segmind in threads": segmind_in_threads,
}
FAST = "segmind-swap[fast]"
"""The same as `segmind-swap`, which finds the extra installed; for the other it is hidden."""
