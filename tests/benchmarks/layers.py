"""What this package adds to a request above httpx: a transport answers at once, and time is virtual."""

import asyncio
import time
from collections.abc import Callable
from statistics import median

import httpx

from segmind_swap import SwapClient, SwapRequest

from .clients import KEY, PICTURES, Work, polling
from .findings import Effort, Finding, Found, at_most
from .service import Conditions, Service
from .virtual import InMemory, in_virtual_time

_IN_FLIGHT = 300
_CONDITIONS = Conditions(latency=0.0)


def _swaps(count: int) -> tuple[float, int]:
    """A batch: seconds of CPU, and how many requests it made."""
    service = Service(_CONDITIONS)
    work = Work(base_url="", swaps=count, in_flight=_IN_FLIGHT, learn=False)

    async def batch() -> None:
        client = SwapClient(
            KEY, transport=InMemory(service), max_in_flight=work.in_flight, polling=polling(work)
        )
        requests = (SwapRequest(id=f"s{number}", **PICTURES) for number in range(count))
        async with client, client.swap_many(requests) as outcomes:
            async for outcome in outcomes:
                outcome.unwrap()

    cpu = _cpu(lambda: in_virtual_time(batch()))
    return cpu, sum(service.requests.values())


def _calls(count: int) -> tuple[float, int]:
    """The same calls by httpx's client alone, one after the other: no task, no pause, nothing read."""
    service = Service(_CONDITIONS)
    headers = {"Authorization": f"Bearer {KEY}"}
    durations = _CONDITIONS.durations(count)

    async def calls() -> None:
        async with httpx.AsyncClient(transport=InMemory(service), headers=headers) as client:
            for number, duration in enumerate(durations):
                await client.post("https://api.segmind.com/workflows/w", json=PICTURES)
                for _ in range(int(duration // 7.0) + 1):
                    await client.get(f"https://api.segmind.com/poll/{number}")
                await asyncio.sleep(0)

    cpu = _cpu(lambda: in_virtual_time(calls()))
    return cpu, sum(service.requests.values())


def _cpu(run: Callable[[], None]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def layers(effort: Effort) -> Found:
    """A batch, and the same requests by httpx alone, in turns."""
    count = effort.swaps(600)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(2 * effort.repeats + 1):
        for run, costs in ((_swaps, ours), (_calls, theirs)):
            cpu, requests = run(count)
            costs.append(cpu / requests * 1e6)
    with_us, without = median(ours), median(theirs)
    return Found(
        row="layers",
        findings=[
            Finding(
                what="CPU a request above httpx's client",
                figure=with_us - without,
                unit="us",
                goal=at_most(60.0),
                note=f"{with_us:.0f} us with this package, {without:.0f} us without",
            )
        ],
    )
