"""What the emulator costs a client that is measured against it: requests a second, and memory.

`python tests/benchmarks/emulator.py [--jobs 100000]`

The emulator is a process of its own, and so is what sends: raw sockets which keep their connections, because
an HTTP client would be the slower half of the measurement. A rate is requests per second of the emulator's
processor time, which is what one core of its own yields.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from segmind_swap.emulator import Emulator

CONNECTIONS = 16
WORKFLOW = "/workflows/678aa4026426baad7e5392fb-v7"
KEY = "x-api-key: emulator-key"


@dataclass(frozen=True)
class Usage:
    """Of the emulator's process: processor seconds, and the most memory so far."""

    cpu: float
    peak_bytes: int


def emulate(pipe: Connection) -> None:
    """The emulator's process: serves, and answers each message with its usage."""
    emulator = Emulator(duration=0, engine="none", credits_usd=1e9)
    with emulator.serve() as url:
        pipe.send(url)
        while pipe.recv() == "usage":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            pipe.send(Usage(time.process_time(), peak if sys.platform == "darwin" else peak * 1024))
        assert len(emulator.ledger) == len({charge.request_id for charge in emulator.ledger})


class Caller:
    """One connection."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\n{KEY}\r\n"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = answer.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
        return await self._reader.readexactly(int(length))


async def in_turn(url: str, numbers: range, do: Callable[[Caller, int], Awaitable[None]]) -> None:
    """Shares the numbers among all connections."""
    left = iter(numbers)
    parts = urlsplit(url)

    async def work() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        caller = Caller(parts.netloc, reader, writer)
        for number in left:
            await do(caller, number)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())


async def measure(pipe: Connection, url: str, *, jobs: int, warm_up: int) -> None:
    paths = [""] * (jobs + warm_up)

    async def submit(caller: Caller, number: int) -> None:
        pictures = {
            "reference_character_image": f"https://pictures.example/people/{number}.png",
            "character_image": f"https://pictures.example/scenes/{number}.jpg",
        }
        answer = json.loads(await caller.call("POST", WORKFLOW, json.dumps(pictures).encode()))
        paths[number] = urlsplit(answer["poll_url"]).path

    async def poll(caller: Caller, number: int) -> None:
        answer = await caller.call("GET", paths[number])
        assert b"COMPLETED" in answer

    def usage() -> Usage:
        pipe.send("usage")
        got = pipe.recv()
        assert isinstance(got, Usage)
        return got

    await in_turn(url, range(warm_up), submit)
    await in_turn(url, range(warm_up), poll)
    counted = range(warm_up, warm_up + jobs)
    start = usage()
    await in_turn(url, counted, submit)
    submitted = usage()
    await in_turn(url, counted, poll)
    polled = usage()
    print(f"submits: {jobs / (submitted.cpu - start.cpu):,.0f} a second of one core")
    print(f"polls:   {jobs / (polled.cpu - submitted.cpu):,.0f} a second of one core")
    grown = polled.peak_bytes - start.peak_bytes
    print(
        f"memory:  {polled.peak_bytes / 2**20:.0f} MiB after {jobs:,} jobs and their polls, "
        f"{start.peak_bytes / 2**20:.0f} MiB before: {grown / jobs:,.0f} bytes a job"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20_000, help="how many are submitted and polled")
    parser.add_argument("--warm-up", type=int, default=2_000, help="how many before that are not counted")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=emulate, args=(there,))
    process.start()
    try:
        asyncio.run(measure(here, here.recv(), jobs=options.jobs, warm_up=options.warm_up))
        here.send("end")
    finally:
        process.join(30)
        process.terminate()


if __name__ == "__main__":
    main()
