"""Cancelled at any moment, a call ends as cancelled, leaves nothing behind, and loses no job that is paid."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio

from segmind_swap import (
    Abandoned,
    Accepted,
    Event,
    Failed,
    Journal,
    Outcomes,
    OutcomeState,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapJob,
    SwapOutcome,
    SwapRequest,
    SwapResult,
)
from segmind_swap._concurrency import GRACE
from segmind_swap._http.gate import LocalGate
from segmind_swap._http.pools import DOWNLOADS, POLLS, SUBMITS, UPLOADS
from segmind_swap._swap.uploads import _LOADED_AT_ONCE, _UPLOADS_AT_ONCE
from segmind_swap.emulator import Emulator, Fault

from ..support.moments import (
    BY_SCOPE,
    KEY,
    PATIENCE,
    REFERENCE,
    WAYS,
    Moments,
    Network,
    Way,
    every_way,
    ids,
    places_left,
    run,
)
from ..support.sessions import png


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
        http, gate = session.http, session.http.gate
        assert isinstance(gate, LocalGate)
        assert session.slots.value == self.slots
        assert places_left(http) == [bounds.requests for bounds in BOUNDS]
        assert gate._in_flight == {}
        queues = gate._queues.values()
        assert [ticket for queue in queues for ticket in queue if not ticket.cancelled] == []
        assert not session.breaker._trial.statistics().locked
        assert (session.detached._running, session.detached._asyncio_tasks) == (set(), set())
        assert (uploads._upload_slots.value, uploads._memory_slots.value) == (
            _UPLOADS_AT_ONCE,
            _LOADED_AT_ONCE,
        )
        assert uploads._uploading == {}
        assert session.reserved_paths == set()
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        assert self.network.open == 0
        assert living_tasks() == tasks
        no_part_is_left(self.folder)


def living_tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living


def no_part_is_left(folder: Path) -> None:
    """A thread that writes is not stopped: it is given the time to end."""
    until = time.monotonic() + PATIENCE
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


TROUBLE = (
    Fault(on="submit", calls=(1,), status=429, headers={"retry-after": "4"}),
    Fault(on="submit", calls=(2,), status=503, delay=1.0),
    Fault(on="submit", delay=3.0),
    Fault(on="upload", calls=(1,), status=502),
    Fault(on="poll", calls=(1,), status=502),
    Fault(on="file", calls=(1,), status=503),
)


@pytest.mark.parametrize(
    ("backend", "way", "faults"),
    [
        *(pytest.param(*way.values, TROUBLE, id=f"{way.id}, in trouble") for way in WAYS),
        *(pytest.param(*way, (), id=f"{way[0]}, in fair weather") for way in BY_SCOPE),
    ],
)
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


BATCH = [
    SwapRequest(id=id, reference_character_image=REFERENCE, character_image=f"https://pictures.example/{id}")
    for id in ("first", "second")
]


@pytest.mark.parametrize(
    ("backend", "way", "has_journal"),
    [
        *(pytest.param(*way.values, True, id=f"{way.id}, with a journal") for way in WAYS),
        *(pytest.param(*way, False, id=f"{way[0]}, without") for way in BY_SCOPE),
    ],
)
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


BOUNDS = (SUBMITS, POLLS, UPLOADS, DOWNLOADS)
