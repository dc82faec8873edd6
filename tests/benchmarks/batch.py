"""How fast a batch is, and how much memory it takes, as it grows ten times.

The service is a function in the same process that answers at once, so what is measured is this package and
httpx. Each case runs in a process of its own, because memory is measured at its peak.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import httpx

from segmind_swap import PollPolicy, SwapClient, SwapRequest
from segmind_swap._journal.opening import Opening
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._models import SwapJob, SwapResult
from segmind_swap._outcome import OutcomeState
from segmind_swap._protocols.entry import Entry, NewEntry

from .findings import Effort, Finding, Found
from .server import environment

CASES = ("without journal", "with journal", "journal alone")
CONCURRENCY = 200
PICTURE = "https://images.segmind.com/generations/a1.png"
DONE = json.dumps(
    {
        "status": "COMPLETED",
        "output": json.dumps([{"keyname": "a", "value": {"data": PICTURE, "type": "image"}}]),
    }
).encode()


class Instant(httpx.AsyncBaseTransport):
    """A service that accepts every job, and has it done at the first poll."""

    def __init__(self) -> None:
        self._jobs = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return httpx.Response(200, content=DONE)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for _ in request.stream:
            pass
        self._jobs += 1
        body = (
            f'{{"poll_url": "https://api.segmind.com/requests/{self._jobs}", "request_id": "{self._jobs}"}}'
        )
        return httpx.Response(200, content=body.encode())


def requests(count: int) -> Iterator[SwapRequest]:
    """Made one by one, as a batch takes them."""
    for number in range(count):
        yield SwapRequest(
            id=f"s{number}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/{number}.png",
        )


async def swaps(count: int, journal: Path | None) -> int:
    """A whole batch; returns how many swaps were done."""
    done = 0
    client = SwapClient(
        "key",
        transport=Instant(),
        max_in_flight=CONCURRENCY,
        polling=PollPolicy(interval=0.001, first_after=0),
    )
    async with client, client.swap_many(requests(count), journal=journal) as outcomes:
        async for outcome in outcomes:
            done += outcome.ok
    return done


async def steps(count: int, journal: Path) -> int:
    """The journal alone: all that it writes for each swap, from many tasks."""
    writer = Writer(Opening(Path(journal)).begin_run(origin="https://api.segmind.com", workflow="w"))
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await written(writer, number)

    async with anyio.create_task_group() as group:
        for _ in range(CONCURRENCY):
            group.start_soon(worker)
    await writer.aclose()
    return count


async def written(writer: Writer, number: int) -> None:
    """One swap, from its input to its file."""
    id = f"s{number}"
    taken = partial(Store.take, swap=NewEntry(id=id, fingerprint=id, reference="hero.png", scene=id))
    entry = await writer.do(taken)
    assert isinstance(entry, Entry)
    job = SwapJob(poll_url=f"https://api.segmind.com/requests/{number}", workflow="w")
    result = SwapResult(job=job, url=PICTURE, outputs=(), seconds=72.0)
    step = partial(Store.step, number=entry.number)
    await writer.do(partial(step, state=OutcomeState.SENDING, billable_posts=1))
    await writer.do(partial(step, state=OutcomeState.ACCEPTED, billable_posts=1, job=job))
    await writer.do(partial(step, state=OutcomeState.COMPLETED, result=result))
    await writer.do(partial(step, state=OutcomeState.SAVED, result=result))


def measure(case: str, count: int) -> None:
    """One case, in this process; prints seconds, seconds of CPU, and MiB at the peak."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "run.db"
        started, cpu = time.perf_counter(), time.process_time()
        match case:
            case "journal alone":
                done = anyio.run(steps, count, journal)
            case "with journal":
                done = anyio.run(swaps, count, journal)
            case _:
                done = anyio.run(swaps, count, None)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        assert done == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([wall, cpu, peak]), flush=True)


def _measured(case: str, count: int) -> tuple[float, float, float]:
    """One case, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.batch", case, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment())
    wall, cpu, peak = json.loads(done.stdout)
    return wall, cpu, peak


def batch(effort: Effort) -> Found:
    """All cases, each with a tenth of the swaps first: whatever is kept of a swap that is done would show."""
    findings = []
    count = effort.swaps(20_000)
    for case in CASES:
        _, _, peak_of_a_tenth = _measured(case, count // 10)
        wall, cpu, peak = _measured(case, count)
        findings.append(
            Finding(
                what=f"batch of {count:,} swaps, {case}",
                figure=count / wall,
                unit="a second",
                note=f"{cpu / count * 1e6:.0f} us CPU each; {peak:.0f} MiB at the peak,"
                f" {peak_of_a_tenth:.0f} with a tenth",
            )
        )
    return Found(row="batch", findings=findings)


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
