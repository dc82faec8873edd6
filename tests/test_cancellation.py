"""Cancelled at any moment, a call ends as cancelled, leaves nothing behind, and loses no job that is paid."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest
import trio
import trio.testing

from segmind_swap import (
    Abandoned,
    Accepted,
    Completed,
    Event,
    Failed,
    Journal,
    Outcomes,
    OutcomeState,
    PollPolicy,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapJob,
    SwapOutcome,
    SwapRequest,
    SwapResult,
)
from segmind_swap._clients import PICTURES, POLLS, SUBMITS, UPLOADS, Bounds
from segmind_swap._http import Http
from segmind_swap._tasks import GRACE
from segmind_swap._uploads import _AT_ONCE, _LOADED_AT_ONCE
from segmind_swap._wire import Call
from segmind_swap.emulator import Emulator, Fault

from .conftest import VirtualTimeLoop, _Standstill
from .sessions import png

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

KEY = "emulator-key"
REFERENCE = "https://pictures.example/hero.png"
_PATIENCE = 30.0
"""Real seconds in which a thread that nobody waits for any more has surely written its file."""


# Every moment of a run


class Moments:
    """Counts the moments at which a run could be interrupted, and interrupts it at one of them.

    On asyncio that is after each callback of the loop, on trio after each step of a task: between two of them
    nothing can happen.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.has_interrupted = False
        self._at = 0
        self._interrupt: Callable[[], object] | None = None

    def arm(self, at: int, interrupt: Callable[[], object]) -> None:
        """Interrupts at the moment of this number, counted from 1 and from now on."""
        self.passed = 0
        self.has_interrupted = False
        self._at = at
        self._interrupt = interrupt

    def disarm(self) -> None:
        self._interrupt = None

    def tick(self) -> None:
        if self._interrupt is None:
            return
        self.passed += 1
        if self.passed == self._at:
            interrupt, self._interrupt = self._interrupt, None
            self.has_interrupted = True
            interrupt()


class CountingLoop(VirtualTimeLoop):
    """An asyncio loop in virtual time, each of whose callbacks is a moment."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        super().__init__()

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._counted(callback), *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._counted(callback), *args, context=context)

    def _counted(self, callback: Callable[[*_Ts], object]) -> Callable[[*_Ts], None]:
        def run(*args: *_Ts) -> None:
            callback(*args)
            self._moments.tick()

        return run


class _Ticks(trio.abc.Instrument):
    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._moments.tick()


def run(backend: str, main: Callable[[Moments], Awaitable[_T]]) -> _T:
    """Runs it in virtual time, with its moments counted."""
    moments = Moments()
    if backend == "asyncio":
        options: dict[str, Any] = {"loop_factory": lambda: CountingLoop(moments)}
    else:
        clock = trio.testing.MockClock(autojump_threshold=0)
        options = {"clock": clock, "instruments": [_Standstill(clock), _Ticks(moments)]}
    return anyio.run(main, moments, backend=backend, backend_options=options)


# The ways to interrupt it

Operation = Callable[[], Awaitable[_T]]
Way = Callable[[Moments, int, Operation[Any]], Awaitable[Any]]
"""Runs an operation, and cancels it at a moment. Returns its result, or None if it ended as cancelled."""


async def by_task_cancel(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    async def work() -> _T:
        try:
            return await operation()
        finally:
            moments.disarm()

    task = asyncio.create_task(work())
    moments.arm(at, task.cancel)
    await asyncio.wait([task])
    if task.cancelled():
        return None
    result = task.result()
    assert not moments.has_interrupted, "the cancellation was swallowed"
    return result


async def by_asyncio_timeout(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as timeout:
            moments.arm(at, lambda: timeout.reschedule(loop.time()))
            try:
                return await operation()
            finally:
                moments.disarm()
    except TimeoutError as exc:
        assert type(exc) is TimeoutError
        assert moments.has_interrupted
        return None


async def by_cancel_scope(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    with anyio.CancelScope() as scope:
        moments.arm(at, scope.cancel)
        try:
            return await operation()
        finally:
            moments.disarm()
    assert moments.has_interrupted
    return None


async def by_deadline(moments: Moments, at: int, operation: Operation[_T]) -> _T | None:
    with trio.CancelScope() as scope:

        def expire() -> None:
            scope.deadline = trio.current_time()

        moments.arm(at, expire)
        try:
            return await operation()
        finally:
            moments.disarm()
    assert moments.has_interrupted
    return None


WAYS = [
    pytest.param("asyncio", by_task_cancel, id="asyncio, task.cancel"),
    pytest.param("asyncio", by_asyncio_timeout, id="asyncio, asyncio.timeout"),
    pytest.param("asyncio", by_cancel_scope, id="asyncio, cancel scope"),
    pytest.param("trio", by_cancel_scope, id="trio, cancel scope"),
    pytest.param("trio", by_deadline, id="trio, deadline"),
]
every_way = pytest.mark.parametrize(("backend", "way"), WAYS)


# The service


class Network(httpx.AsyncBaseTransport):
    """Carries requests to an emulator, with a pause wherever a network has one; counts what is on it."""

    def __init__(self, service: Emulator) -> None:
        self.open = 0
        self._app = httpx.ASGITransport(app=service.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self.open += 1
        try:
            await anyio.sleep(0.01)  # connects
            body = b""
            async for chunk in request.stream:
                body += chunk
                await anyio.lowlevel.checkpoint()
            arrived = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            response = await self._app.handle_async_request(arrived)
            content = await response.aread()
            await anyio.sleep(0.01)
        except BaseException:
            self.open -= 1
            raise
        headers = [field for field in response.headers.raw if field[0].lower() != b"content-length"]
        return httpx.Response(response.status_code, headers=headers, stream=_Answer(self, content))


class _Answer(httpx.AsyncByteStream):
    def __init__(self, network: Network, content: bytes) -> None:
        self._network = network
        self._parts = [content[:1], content[1:]]
        self._is_open = True

    def __aiter__(self) -> "_Answer":
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        await anyio.lowlevel.checkpoint()
        return self._parts.pop(0)

    async def aclose(self) -> None:
        # Whoever begins to close it has closed it, as a socket.
        if self._is_open:
            self._is_open = False
            self._network.open -= 1
        await anyio.lowlevel.checkpoint()


class Scene:
    """A client, its service and everything it has told: made anew for each moment."""

    def __init__(self, folder: Path, *faults: Fault, **settings: Any) -> None:
        folder.mkdir()
        self.folder = folder
        self.last: str | None = None
        self.events: list[Event] = []
        self.service = Emulator(engine="none", credits_usd=1e6, duration=10.0, faults=faults)
        self.network = Network(self.service)
        self.client = SwapClient(
            KEY,
            base_url="http://127.0.0.1",
            transport=self.network,
            on_event=self.events.append,
            **{"auth": "x-api-key", "max_in_flight": 1, "retry": RetryPolicy(attempts=4), **settings},
        )
        self.slots = settings.get("max_in_flight", 1)
        self.trouble = 60.0 if faults else 0.0

    @property
    def paid(self) -> set[str | None]:
        return {charge.request_id for charge in self.service.ledger}

    def told(self, kind: type[Accepted | Abandoned]) -> set[str | None]:
        return ids(event.job for event in self.events if isinstance(event, kind))

    async def swap(self, number: int) -> SwapResult:
        return await self.client.swap(
            reference_character_image=REFERENCE, character_image=f"https://pictures.example/{number}.png"
        )

    async def job(self) -> SwapJob:
        return await self.client.submit(
            reference_character_image=REFERENCE, character_image="https://pictures.example/1.png"
        )

    async def next_request_succeeds_at_once(self) -> None:
        before = anyio.current_time()
        assert (await self.client.credits()).credits > 0
        self.last = (await self.swap(99)).job.request_id
        assert anyio.current_time() - before < 20.0 + self.trouble, "two polls, and nobody to wait for"

    async def nothing_is_left(self, tasks: int) -> None:
        """Once answers on their way had time to come home."""
        await anyio.sleep(GRACE + 10)
        session, uploads = self.client._started()
        http, pace = session.http, session.http._pace
        assert session.slots.value == self.slots
        assert places_left(http) == [bounds.requests for bounds in BOUNDS]
        assert pace._in_flight == {}
        queues = (pace._free, pace._polls, pace._submits)
        assert [ticket for queue in queues for ticket in queue if not ticket.gone] == []
        assert not session.outage._turn.statistics().locked
        assert (session.supervisor._wards, session.supervisor._tasks) == (set(), set())
        assert (uploads._places.value, uploads._memory.value) == (_AT_ONCE, _LOADED_AT_ONCE)
        assert uploads._under_way == {}
        assert session.targets == set()
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        assert self.network.open == 0
        assert living_tasks() == tasks
        no_part_is_left(self.folder)


def ids(jobs: Iterable[SwapJob | None]) -> set[str | None]:
    return {job.request_id for job in jobs if job is not None}


def living_tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living


def no_part_is_left(folder: Path) -> None:
    """A thread that writes is not stopped: it is given the time to end."""
    until = time.monotonic() + _PATIENCE
    while parts := list(folder.rglob("*.part")):
        assert time.monotonic() < until, f"{parts} were left"
        time.sleep(0.001)
    for file in folder.rglob("*.png"):
        assert file.read_bytes().endswith(b"IEND\xaeB`\x82"), f"{file} is not complete"


async def at_every_moment(
    moments: Moments, way: Way, attempt: Callable[[Moments, int, Way], Awaitable[bool]]
) -> int:
    """Interrupts an attempt at each of its moments; returns how many there are."""
    at = 1
    while await attempt(moments, at, way):
        at += 1
    return at - 1


# A swap


TROUBLE = (
    Fault(on="submit", calls=(1,), status=429, headers={"retry-after": "4"}),
    Fault(on="submit", calls=(2,), status=503, delay=1.0),
    Fault(on="submit", delay=3.0),
    Fault(on="upload", calls=(1,), status=502),
    Fault(on="poll", calls=(1,), status=502),
    Fault(on="file", calls=(1,), status=503),
)


@every_way
@pytest.mark.parametrize("faults", [(), TROUBLE], ids=["in fair weather", "in trouble"])
def test_a_swap_cancelled_at_any_moment_leaves_nothing_and_loses_no_job(
    backend: str, way: Way, faults: tuple[Fault, ...], tmp_path: Path
) -> None:
    """Its pictures are local and its result is saved: every await of the story is in it."""

    async def attempt(moments: Moments, at: int, way: Way) -> bool:
        scene = Scene(tmp_path / str(at), *faults)
        async with scene.client as client:
            tasks = living_tasks()
            result = await way(
                moments,
                at,
                lambda: client.swap(
                    reference_character_image=png(1),
                    character_image=REFERENCE,
                    save_to=scene.folder / "picture.png",
                ),
            )
            interrupted = moments.has_interrupted
            await scene.next_request_succeeds_at_once()
            await scene.nothing_is_left(tasks)
        assert scene.paid == scene.told(Accepted), "every charge is told"
        given = set() if result is None else {result.job.request_id}
        assert scene.paid == scene.told(Abandoned) | given | {scene.last}, "what nobody was given is named"
        return interrupted

    assert run(backend, lambda moments: at_every_moment(moments, way, attempt)) > 50


@every_way
def test_an_answer_that_is_too_late_for_a_caller_who_has_gone_is_told_as_unknown(
    backend: str, way: Way, tmp_path: Path
) -> None:
    """The job is billed, and its address never arrives: that has to be said, as nobody else will."""

    async def attempt(moments: Moments, at: int, way: Way) -> bool:
        scene = Scene(tmp_path / str(at), Fault(on="submit", calls=(1,), delay=60.0))
        async with scene.client as client:
            tasks = living_tasks()
            job = await way(moments, at, scene.job)
            interrupted = moments.has_interrupted
            await scene.nothing_is_left(tasks)
            await client.credits()
        unknown = [event for event in scene.events if isinstance(event, Failed)]
        assert all(isinstance(event.error, SubmissionUnknownError) for event in unknown)
        lost = job is None and scene.paid != set()
        assert len(unknown) + len(scene.told(Abandoned)) == lost
        return interrupted

    assert run(backend, lambda moments: at_every_moment(moments, way, attempt)) > 10


# The halves of a swap


@every_way
def test_a_wait_cancelled_at_any_moment_leaves_nothing_and_may_be_repeated(
    backend: str, way: Way, tmp_path: Path
) -> None:
    async def attempt(moments: Moments, at: int, way: Way) -> bool:
        scene = Scene(tmp_path / str(at), Fault(on="poll", calls=(2,), cut="mid-answer"))
        async with scene.client as client:
            job = await scene.job()
            tasks = living_tasks()
            await way(moments, at, lambda: client.wait(job, save_to=scene.folder / "picture.png"))
            interrupted = moments.has_interrupted
            before = anyio.current_time()
            assert (await client.wait(job, save_to=scene.folder / "again.png")).path is not None
            assert anyio.current_time() - before < 25.0
            await scene.next_request_succeeds_at_once()
            await scene.nothing_is_left(tasks)
        assert len(scene.paid) == 2, "this one, and the next"
        return interrupted

    assert run(backend, lambda moments: at_every_moment(moments, way, attempt)) > 30


@every_way
def test_a_download_cancelled_at_any_moment_leaves_a_whole_file_or_none(
    backend: str, way: Way, tmp_path: Path
) -> None:
    async def attempt(moments: Moments, at: int, way: Way) -> bool:
        scene = Scene(tmp_path / str(at), Fault(on="file", calls=(1,), status=503))
        file = scene.folder / "picture.png"
        async with scene.client as client:
            result = await scene.swap(1)
            tasks = living_tasks()
            path = await way(moments, at, lambda: client.download(result, file))
            interrupted = moments.has_interrupted
            assert path in {None, file}
            await scene.next_request_succeeds_at_once()
            await scene.nothing_is_left(tasks)
            assert file.exists() or path is None
            await client.download(result, file, overwrite=True)
        return interrupted

    assert run(backend, lambda moments: at_every_moment(moments, way, attempt)) > 15


# A batch


BATCH = [
    SwapRequest(id=id, reference_character_image=REFERENCE, character_image=f"https://pictures.example/{id}")
    for id in ("first", "second")
]


@every_way
@pytest.mark.parametrize("has_journal", [True, False], ids=["with a journal", "without"])
def test_a_batch_cancelled_at_any_moment_loses_no_job_and_its_next_run_pays_none_twice(
    backend: str, way: Way, has_journal: bool, tmp_path: Path
) -> None:
    async def attempt(moments: Moments, at: int, way: Way) -> bool:
        scene = Scene(
            tmp_path / str(at),
            Fault(on="submit", calls=(1,), status=429, headers={"retry-after": "4"}),
            Fault(on="submit", calls=(2, 3), delay=3.0),
            max_in_flight=2,
        )
        journal = Journal(":memory:") if has_journal else None
        given: list[SwapOutcome] = []
        left: list[Outcomes] = []
        async with scene.client as client:
            tasks = living_tasks()

            async def batch() -> str:
                many = client.swap_many(BATCH, journal=journal, save_to=scene.folder)
                async with many as outcomes:
                    left.append(outcomes)
                    async for outcome in outcomes:
                        given.append(outcome)  # noqa: PERF401 - what was given before it was cancelled
                return "ended"

            ended = await way(moments, at, batch)
            interrupted = moments.has_interrupted
            await anyio.sleep(GRACE)
            jobs = [outcome.job for outcome in given]
            jobs += [job for outcomes in left for job in outcomes.unfinished]
            assert scene.paid == scene.told(Accepted)
            assert scene.paid == ids(jobs), "each job was given out, or is among the unfinished"
            assert ended is None or len(given) == len(BATCH)
            if journal is not None:
                rows = list(journal.outcomes()) if left else []
                assert scene.paid == ids(row.job for row in rows), "each job is in the journal"
                assert OutcomeState.SENDING not in {row.state for row in rows}
                again = await client.swap_all(BATCH, journal=journal, save_to=scene.folder)
                assert [outcome.state for outcome in again] == [OutcomeState.SAVED] * len(BATCH)
                assert len(scene.service.ledger) == len(BATCH), "none is paid twice"
            else:
                await scene.next_request_succeeds_at_once()
            await scene.nothing_is_left(tasks)
        return interrupted

    assert run(backend, lambda moments: at_every_moment(moments, way, attempt)) > 80


# A storm, over real connections


BOUNDS = (SUBMITS, POLLS, UPLOADS, PICTURES)


def places_left(http: Http) -> list[int]:
    """As many as `BOUNDS`, when nobody is on the wire."""
    return [http._clients.way(call).free for call in (Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.DOWNLOAD)]


STORM = 5000


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_storm_of_cancellations_leaves_every_connection_and_accounts_for_every_charge(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With small bounds many wait for a place: a pool that leaks its connections would soon have none."""
    small = Bounds(transports=2, requests_each=4, connections_each=5)
    for bounds in ("POLLS", "FAST_POLLS", "SUBMITS", "UPLOADS", "PICTURES"):
        monkeypatch.setattr(f"segmind_swap._clients.{bounds}", small)
    dice = random.Random(loop)
    events: list[Event] = []
    service = Emulator(engine="none", credits_usd=1e6, duration=0.02)
    begun = cancelled = 0

    async def calls(client: SwapClient) -> None:
        while cancelled < STORM:
            await call(client)

    async def call(client: SwapClient) -> None:
        nonlocal begun, cancelled
        begun += 1
        number = begun
        with anyio.move_on_after(dice.expovariate(1 / 0.05)) as scope:
            match number % 4:
                case 0 | 1:
                    await client.swap(
                        reference_character_image=REFERENCE,
                        character_image=f"https://pictures.example/{number}.png",
                    )
                case 2:
                    await client.upload(png(number))
                case _:
                    await client.credits()
        cancelled += scope.cancelled_caught

    with service.serve() as url:
        client = SwapClient(
            KEY,
            base_url=url,
            auth="x-api-key",
            polling=PollPolicy(interval=0.02),
            on_event=events.append,
        )
        async with client:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(calls, client)
            await client._started()[0].supervisor.drain()
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(client.credits)
            job = await client.submit(reference_character_image=REFERENCE, character_image=REFERENCE)
            await client.wait(job)
            http = client._started()[0].http
            assert set(places_left(http)) == {8}
            assert http._pace._in_flight == {}
    told = ids(event.job for event in events if isinstance(event, Accepted))
    in_doubt = [event for event in events if isinstance(event, Failed)]
    assert all(isinstance(event.error, SubmissionUnknownError) for event in in_doubt)
    paid = {charge.request_id for charge in service.ledger}
    assert len(paid) > 20, "it reached the paid calls too"
    assert told <= paid
    assert len(paid - told) <= len(in_doubt), "what is not named is at least known to be in doubt"
    done = ids(event.result.job for event in events if isinstance(event, Completed))
    abandoned = ids(event.job for event in events if isinstance(event, Abandoned))
    assert told == done | abandoned | {job.request_id}
    assert service.paid_twice() == []


# Signals


PROGRAM = """
import asyncio
import signal
import sys

from segmind_swap import PollPolicy, SwapClient, SwapRequest

_, url, backend, operation, journal, sigterm = sys.argv
# The suite itself may run where SIGINT is ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sigterm == "as Ctrl-C":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
pictures = {
    "reference_character_image": "https://pictures.example/hero.png",
    "character_image": "https://pictures.example/street.png",
}

async def main():
    async with SwapClient("emulator-key", base_url=url, polling=PollPolicy(interval=0.1)) as client:
        if operation == "swap":
            await client.swap(**pictures)
        else:
            async with client.swap_many([SwapRequest(id="one", **pictures)], journal=journal) as outcomes:
                async for _ in outcomes:
                    print("done", flush=True)

if backend == "asyncio":
    asyncio.run(main())
else:
    import trio

    trio.run(main)
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("moment", ["the answer is on its way", "the job runs"])
@pytest.mark.parametrize(
    ("operation", "ended_by"),
    [
        ("swap", "SIGINT"),
        ("swap", "SIGTERM as Ctrl-C"),
        ("swap_many", "SIGINT"),
        ("swap_many", "SIGTERM as Ctrl-C"),
        ("swap_many", "SIGTERM"),
    ],
)
def test_a_program_that_a_signal_ends_names_its_job_or_leaves_it_to_its_journal(
    operation: str, ended_by: str, moment: str, backend: str, tmp_path: Path
) -> None:
    """A plain program, in which nothing knows of signals but a line that takes SIGTERM as Ctrl-C.

    Without that line SIGTERM kills it; then only a journal can help.
    """
    name, _, sigterm = ended_by.partition(" ")
    waits = moment == "the answer is on its way"
    # Whom nothing warns is gone at once; who is warned waits for the answer.
    delay = 60.0 if ended_by == "SIGTERM" else 1.0
    service = Emulator(engine="none", duration=1e6, faults=[Fault(on="submit", delay=delay)] if waits else [])
    journal = tmp_path / "run.db"
    with service.serve() as url:
        command = [sys.executable, "-c", PROGRAM, url, backend, operation, str(journal), sigterm]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            until = time.monotonic() + 10 * _PATIENCE
            while not (service.ledger if waits else service.count("poll")):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.01)
            process.send_signal(signal.Signals[name])
            _, said = process.communicate(timeout=10 * _PATIENCE)
            assert process.returncode != 0
    (charge,) = service.ledger
    if ended_by != "SIGTERM":
        assert "KeyboardInterrupt" in said, "it ends as any program does"
        assert f"job {charge.request_id} was accepted and is billed" in said
    if operation == "swap_many":
        (row,) = Journal(journal).outcomes()
        was_killed = waits and ended_by == "SIGTERM"
        assert row.state is (OutcomeState.SENDING if was_killed else OutcomeState.ACCEPTED)
        assert was_killed or (row.job is not None and row.job.request_id == charge.request_id)
