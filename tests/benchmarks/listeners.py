"""What a service costs: a thousand jobs that wait, ten thousand listeners, two hundred uploads at once.

The streams are answers of Starlette, called as a server calls them, without sockets: what a connection costs
the server and the kernel is not part of it. Run as a program, it is the process of the application.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Self

from PIL import Image
from starlette.responses import StreamingResponse
from starlette.types import Message

from segmind_swap import OutcomeState, PollPolicy, RateLimit, SwapClient, SwapService
from segmind_swap.web import SSE_HEADERS, sse_events

from .findings import Effort, Finding, Found, at_most
from .server import environment, serving
from .service import Conditions
from .trial import cpu_seconds, resident_bytes

_JOBS = 1_000
_LISTENERS = 10_000
_USERS = 200
_UPLOADS = 5
"""Uploads of each user, one after the other."""
_PICTURE_BYTES = 100_000
_CHANGES = 100
_QUIET = 20.0
"""Seconds for which the process is watched while nothing happens but polls."""
_INTERVAL = 7.0
_CONDITIONS = Conditions(duration=3600.0, sigma=0.0, latency=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the process of the application found.

    Attributes:
        waiting_cpu: CPU seconds a second while the jobs wait, and nobody listens.
        listened_cpu: CPU seconds a second while everybody listens.
        jobs_bytes: Resident memory that the jobs took.
        listeners_bytes: Resident memory that the listeners took.
        fan_out: Seconds from the cancel of a swap until the last of its listeners knows it, sorted.
        enqueue: Seconds of each enqueue, sorted.
        threads: The threads of the process, at the most.
    """

    waiting_cpu: float
    listened_cpu: float
    jobs_bytes: int
    listeners_bytes: int
    fan_out: list[float]
    enqueue: list[float]
    threads: int

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As `json` wrote it."""
        return cls(**json.loads(text))

    def json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))


def at(values: Sequence[float], quantile: float) -> float:
    """The value that so many of the sorted values do not exceed."""
    return values[min(len(values) - 1, int(len(values) * quantile))]


def service(effort: Effort) -> Found:
    """A process of its own with the service, and the server that is its upstream in another."""
    jobs, listeners = effort.swaps(_JOBS), effort.swaps(_LISTENERS)
    with serving(_CONDITIONS) as server:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.listeners", server.base_url, str(jobs), str(listeners)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment(),
        )
    found = Measured.from_json(done.stdout)
    polls = jobs / _INTERVAL
    uploads = len(found.enqueue)
    return Found(
        row="service",
        findings=[
            Finding(
                what=f"{jobs:,} jobs waiting: CPU of one core",
                figure=found.waiting_cpu * 100,
                unit="%",
                note=f"{polls:.0f} polls a second; {found.waiting_cpu / polls * 1e6:.0f} us a poll",
            ),
            Finding(
                what=f"{jobs:,} jobs waiting, {listeners:,} listeners: CPU of one core",
                figure=found.listened_cpu * 100,
                unit="%",
                note="a comment every 15 s to each listener is part of it",
            ),
            Finding(
                what=f"{jobs:,} jobs waiting: memory a job",
                figure=found.jobs_bytes / jobs / 1024,
                unit="KiB",
            ),
            Finding(
                what=f"{listeners:,} listeners: memory a listener",
                figure=found.listeners_bytes / listeners / 1024,
                unit="KiB",
                note=f"{found.listeners_bytes / 2**20:.0f} MiB; Starlette's tasks are part of it",
            ),
            Finding(
                what=f"cancelled until {_LISTENERS // _JOBS} listeners know it, p99",
                figure=at(found.fan_out, 0.99) * 1e3,
                unit="ms",
                goal=at_most(500),
                note=f"median {at(found.fan_out, 0.5) * 1e3:.0f} ms; {len(found.fan_out)} swaps in turn",
            ),
            Finding(
                what=f"enqueue with two pictures of {_PICTURE_BYTES // 1000} kB, {_USERS} users at once, p50",
                figure=at(found.enqueue, 0.5) * 1e3,
                unit="ms",
                note=f"{uploads:,} uploads, written and flushed",
            ),
            Finding(
                what=f"enqueue with two pictures of {_PICTURE_BYTES // 1000} kB, {_USERS} users at once, p99",
                figure=at(found.enqueue, 0.99) * 1e3,
                unit="ms",
            ),
            Finding(what="threads of the process", figure=found.threads),
        ],
    )


# In the process of the application


class _Tally:
    """Counts down, and says when nothing is left."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self.is_reached = asyncio.Event()

    def count(self) -> None:
        """One of them is there."""
        self._left -= 1
        if self._left == 0:
            self.is_reached.set()


class _Stream:
    """A browser without a socket: an answer of Starlette, whose bytes are looked at and dropped."""

    def __init__(self, service: SwapService, id: str, told: Callable[[], None]) -> None:
        self._service = service
        self._id = id
        self._told = told
        self._gone = asyncio.Event()

    async def read(self) -> None:
        """Reads until the stream ends, or for ever."""
        answer = StreamingResponse(sse_events(self._service, self._id), headers=dict(SSE_HEADERS))
        await answer({"type": "http", "asgi": {"spec_version": "2.3"}}, self._receive, self._send)

    async def _receive(self) -> dict[str, str]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if b"event: update" in message.get("body", b""):
            self._told()


async def _quiet() -> float:
    """CPU seconds a second while nothing is asked."""
    started, used = time.perf_counter(), cpu_seconds()
    await asyncio.sleep(_QUIET)
    return (cpu_seconds() - used) / (time.perf_counter() - started)


async def _accept(service: SwapService, ids: Sequence[str]) -> None:
    """Has all of them accepted. Their jobs take an hour."""
    for id in ids:
        await service.enqueue(
            id,
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/{id}.png",
        )
    for id in ids:
        async for update in service.updates(id):
            if update.state is OutcomeState.ACCEPTED:
                break


def _picture() -> bytes:
    """A PNG of 100 kB that no other is equal to."""
    file = BytesIO()
    width = 182
    pixels = random.randbytes(3 * width * width)
    Image.frombytes("RGB", (width, width), pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


async def _upload(service: SwapService) -> list[float]:
    """The seconds of each enqueue of two pictures, by many users at the same time."""
    reference = _picture()
    scenes = [[(f"user-{user}-{n}", _picture()) for n in range(_UPLOADS)] for user in range(_USERS)]
    seconds: list[float] = []

    async def use(scenes: Sequence[tuple[str, bytes]]) -> None:
        for id, scene in scenes:
            started = time.perf_counter()
            await service.enqueue(id, reference_character_image=reference, character_image=scene)
            seconds.append(time.perf_counter() - started)

    await asyncio.gather(*(use(of_one) for of_one in scenes))
    return sorted(seconds)


async def _cancel(service: SwapService) -> list[float]:
    """The seconds from the cancel of each swap that waits until the last of its listeners has the news."""
    ids = [f"user-{user}-0" for user in range(_CHANGES)]
    last: dict[str, float] = {}
    tally = _Tally(len(ids) * _LISTENERS // _JOBS)

    def tell(id: str) -> None:
        last[id] = time.perf_counter()
        tally.count()

    streams = [
        asyncio.create_task(_Stream(service, id, partial(tell, id)).read())
        for id in ids
        for _ in range(_LISTENERS // _JOBS)
    ]
    await tally.is_reached.wait()
    started: dict[str, float] = {}
    for id in ids:
        started[id] = time.perf_counter()
        await service.cancel(id)
    await asyncio.gather(*streams)
    return sorted(last[id] - started[id] for id in ids)


async def _measure(base_url: str, jobs: int, listeners: int, folder: Path) -> Measured:
    client = SwapClient(
        "key",
        base_url=base_url,
        max_in_flight=jobs,  # so that what comes after them waits
        rate_limit=RateLimit(requests_per_minute=60_000),
        polling=PollPolicy(interval=_INTERVAL, first_after=_INTERVAL),
    )
    async with client, SwapService(client, journal=folder / "swaps.db") as service:
        before = resident_bytes()
        ids = [f"job-{number}" for number in range(jobs)]
        await _accept(service, ids)
        jobs_bytes = resident_bytes() - before
        waiting_cpu = await _quiet()
        before = resident_bytes()
        tally = _Tally(listeners)
        streams = [
            asyncio.create_task(_Stream(service, ids[number % jobs], tally.count).read())
            for number in range(listeners)
        ]
        await tally.is_reached.wait()
        listened_cpu = await _quiet()
        listeners_bytes = resident_bytes() - before
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
        enqueue = await _upload(service)
        threads = max(threads, len(os.listdir("/proc/self/task")))  # noqa: PTH208
        fan_out = await _cancel(service)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    return Measured(
        waiting_cpu=waiting_cpu,
        listened_cpu=listened_cpu,
        jobs_bytes=jobs_bytes,
        listeners_bytes=listeners_bytes,
        fan_out=fan_out,
        enqueue=enqueue,
        threads=threads,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(folder)))
    print(found.json())
