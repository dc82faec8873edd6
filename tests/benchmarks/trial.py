"""One client at work in a process of its own, and what that process used."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import NoReturn, Self

from .clients import CLIENTS, FAST, Tally, Work
from .server import environment, serving
from .service import Conditions, Seen

_EXTRA = "httpx_aiohttp"
_TICK = 0.05
_LOOKS_AT_MEMORY = 10
"""Ticks between two looks, which cost more than a tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a client's process used, its start and its imports left out.

    Attributes:
        wall: Seconds.
        cpu: Seconds, of the user and of the system.
        lag: Seconds by which each tick of the event loop came too late, sorted.
        memory_bytes: The most resident memory beyond that before the first swap.
        is_complete: False if the deadline came first.
    """

    done: int
    failed: int
    error: str
    wall: float
    cpu: float
    lag: list[float]
    memory_bytes: int
    is_complete: bool

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As `json` wrote it."""
        return cls(**json.loads(text))

    def json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    def lag_at(self, quantile: float) -> float:
        """How late a tick was, at most, in this share of all ticks."""
        return self.lag[min(len(self.lag) - 1, int(len(self.lag) * quantile))] if self.lag else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run, seen from both sides."""

    client: str
    work: Work
    used: Used
    seen: Seen

    @property
    def cpu_a_swap(self) -> float:
        """Seconds of the client's CPU for each swap."""
        return self.used.cpu / max(1, self.used.done)

    @property
    def cpu_a_request(self) -> float:
        """Seconds of the client's CPU for each request."""
        return self.used.cpu / max(1, sum(self.seen.requests.values()))


def trial(client: str, conditions: Conditions, **work: float | None) -> Trial:
    """Has a client do its work at a server of its own. The keywords are those of `Work`."""
    with serving(conditions) as server:
        wanted = Work(base_url=server.base_url, **work)  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.trial", client, wanted.json()],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment(),
        )
    return Trial(client=client, work=wanted, used=Used.from_json(done.stdout), seen=server.seen)


# In the client's process


@dataclass(slots=True)
class _Watch:
    """Looks at the event loop and at the memory while the client is at work."""

    lag: list[float] = field(default_factory=list)
    most_bytes: int = 0

    async def look(self, *, origin: str | None = None, workflow: str | None = None) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK
            await asyncio.sleep(_TICK)
            self.lag.append(max(0.0, loop.time() - due))
            if len(self.lag) % _LOOKS_AT_MEMORY == 0:
                self.most_bytes = max(self.most_bytes, resident_bytes())


def resident_bytes() -> int:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds() -> float:
    """The CPU that this process has used, of the user and of the system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _tell(used: Used) -> NoReturn:
    """Prints it and ends the process at once: giving ten thousand swaps up would take minutes."""
    print(used.json(), flush=True)
    os._exit(0)


async def _work(client: str, work: Work) -> None:
    do = CLIENTS[client]
    # What is imported once belongs to the start, which has a row of its own.
    await do(Work(base_url=work.base_url, swaps=0, in_flight=1), Tally())
    tally, watch = Tally(), _Watch()
    watching = asyncio.create_task(watch.look())
    before = resident_bytes()
    started, cpu = time.perf_counter(), cpu_seconds()

    def tell(*, is_complete: bool) -> NoReturn:
        _tell(
            Used(
                done=tally.done,
                failed=tally.failed,
                error=tally.error,
                wall=time.perf_counter() - started,
                cpu=cpu_seconds() - cpu,
                lag=sorted(watch.lag),
                memory_bytes=max(0, watch.most_bytes - before),
                is_complete=is_complete,
            )
        )

    if work.deadline is not None:
        # A thread: an event loop that is minutes behind would not notice the time.
        late = threading.Timer(work.deadline, partial(tell, is_complete=False))
        late.daemon = True
        late.start()
    await do(work, tally)
    watching.cancel()
    tell(is_complete=True)


if __name__ == "__main__":
    name = sys.argv[1]
    if name == FAST:
        name = "segmind-swap"
    else:
        # As if it were not installed.
        sys.modules[_EXTRA] = None  # type: ignore[assignment]
    asyncio.run(_work(name, Work(**json.loads(sys.argv[2]))))
