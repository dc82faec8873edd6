"""Many swaps: each input is one outcome, each job is paid once, and nothing that was paid is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    DownloadError,
    Event,
    Failed,
    ImageError,
    InsufficientCreditsError,
    Journal,
    JournalError,
    OutageBegan,
    OutageEnded,
    OutcomeState,
    OutputError,
    PollPolicy,
    ResponseError,
    RetryPolicy,
    SubmissionUnknownError,
    Submitting,
    SwapClient,
    SwapExpiredError,
    SwapFailedError,
    SwapOutcome,
    SwapRequest,
    SwapTimeoutError,
)
from segmind_swap._books import Account
from segmind_swap._store import Store
from segmind_swap.emulator import Emulator, Fault

from .sessions import png

S = OutcomeState
KEY = "emulator-key"
STRICT = RetryPolicy(submit="strict")


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


# Inputs and outcomes


async def test_each_swap_is_an_outcome_as_soon_as_it_ends() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1,), delay=85)])
    outcomes = await run(service, swaps_of(3))
    assert [outcome.request.id for outcome in outcomes[-1:]] == ["s0"], "the slow one comes last"
    assert states(outcomes) == {"completed": 3}
    assert all(outcome.ok and outcome.unwrap().url for outcome in outcomes)
    assert service.paid_twice() == []


async def test_a_list_of_outcomes_is_in_the_order_of_its_requests() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1, 4), delay=30)])
    async with client_of(service) as client:
        outcomes = await client.swap_all(swaps_of(6), concurrency=3)
    assert [outcome.request.id for outcome in outcomes] == [f"s{n}" for n in range(6)]


async def test_a_failed_swap_is_a_value_and_ends_only_itself() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(2,), status=400, body={"error": "bad picture"})])
    requests = [*swaps_of(3), swap_of(3, character_image="missing.png"), swap_of(4)]
    events: list[Event] = []
    async with client_of(service, on_event=events.append) as client:
        outcomes = await client.swap_all(requests, concurrency=1)
    assert [outcome.state for outcome in outcomes] == [
        S.COMPLETED,
        S.REJECTED,
        S.COMPLETED,
        S.REJECTED,
        S.COMPLETED,
    ]
    assert "bad picture" in str(outcomes[1].error)
    assert isinstance(outcomes[3].error, ImageError)
    assert [event.id for event in events if isinstance(event, Failed)] == ["s1", "s3"]
    with pytest.raises(ImageError, match=r"missing\.png"):
        outcomes[3].unwrap()
    assert len(service.ledger) == 3


async def test_inputs_are_taken_only_when_there_is_a_slot_for_them() -> None:
    service, taken, given = emulator(), 0, 0

    def inputs() -> Iterator[SwapRequest]:
        nonlocal taken
        for request in swaps_of(40):
            taken += 1
            assert taken <= given + 5 + 1, "five in flight, and one outcome on its way to its reader"
            yield request

    async with client_of(service) as client, client.swap_many(inputs(), concurrency=5) as outcomes:
        async for _ in outcomes:
            given += 1
    assert (taken, given) == (40, 40)
    assert max(in_flight(service)) == 5


def in_flight(service: Emulator) -> Iterator[int]:
    """How many jobs ran at the moment in which each was accepted."""
    starts = [charge.accepted_at for charge in service.ledger]
    for start in starts:
        yield sum(start - 70.0 < other <= start for other in starts)


async def test_a_reader_that_is_slow_holds_back_the_batch_and_not_the_other_swaps_of_the_client() -> None:
    service = emulator()
    async with client_of(service, max_in_flight=2) as client, client.swap_many(swaps_of(10)) as outcomes:
        await anyio.sleep(1000)
        assert len(service.ledger) == 2, "both slots of the batch wait for a reader"
        await client.swap(
            reference_character_image="https://a.example/1", character_image="https://a.example/2"
        )
        assert states([outcome async for outcome in outcomes]) == {"completed": 10}


async def test_requests_may_come_one_by_one_from_an_async_generator_which_is_closed_at_the_end() -> None:
    closed = False

    async def inputs() -> AsyncIterator[SwapRequest]:
        nonlocal closed
        try:
            for request in swaps_of(100):
                await anyio.sleep(1)
                yield request
        finally:
            closed = True

    service = emulator()
    async with client_of(service) as client, client.swap_many(inputs()) as outcomes:
        async for _ in outcomes:
            break
    assert closed
    assert 60 < len(service.ledger) < 90


async def test_requests_may_come_through_a_stream_that_others_write_to() -> None:
    service = emulator()
    give, take = anyio.create_memory_object_stream[SwapRequest]()
    async with client_of(service) as client, take, anyio.create_task_group() as group:

        async def write() -> None:
            async with give:
                for request in swaps_of(3):
                    await give.send(request)

        group.start_soon(write)
        async with client.swap_many(take) as outcomes:
            assert states([outcome async for outcome in outcomes]) == {"completed": 3}
    assert len(service.ledger) == 3


async def test_what_the_requests_raise_comes_after_the_outcomes_of_those_that_were_taken(
    journal: Path,
) -> None:
    async def inputs() -> AsyncIterator[SwapRequest]:
        for request in swaps_of(3):
            yield request
            await anyio.sleep(1)
        raise LookupError("row 4 is broken")

    seen = []
    async with client_of(emulator()) as client:
        with pytest.raises(LookupError, match="row 4 is broken"):
            async with client.swap_many(inputs()) as outcomes:
                async for outcome in outcomes:
                    seen.append(outcome)  # noqa: PERF401 - what was seen before it raised
    assert states(seen) == {"completed": 3}


@pytest.mark.parametrize("wrong", [{"id": "a"}, ("hero.png", "street.png"), "street.png"])
async def test_what_is_no_request_is_said_to_be_none(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="a batch takes SwapRequest"):
        await run(emulator(), [wrong])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"concurrency": 65}, "above the client's max_in_flight"),
        ({"concurrency": 0}, "concurrency must be a whole number"),
        ({"budget_usd": -1}, "budget_usd must be"),
        ({"price_usd": 0}, "price_usd must be"),
    ],
)
async def test_an_option_that_cannot_be_used_is_refused_before_anything_begins(
    options: dict[str, Any], complaint: str
) -> None:
    async with client_of(emulator()) as client:
        with pytest.raises(ConfigurationError, match=complaint):
            client.swap_many([], **options)


async def test_a_batch_and_single_swaps_share_the_slots_of_their_client() -> None:
    service = emulator()
    async with client_of(service, max_in_flight=3) as client, anyio.create_task_group() as group:

        async def single() -> None:
            await client.swap(
                reference_character_image="https://a.example/1", character_image="https://a.example/2"
            )

        for _ in range(2):
            group.start_soon(single)
        group.start_soon(client.swap_all, swaps_of(10))
    assert max(in_flight(service)) == 3


# Leaving


async def test_a_swap_that_fails_gives_its_slots_back_at_once() -> None:
    service = emulator(faults=[Fault(on="submit", calls=range(1, 4), status=400)])
    requests = [*swaps_of(4), swap_of(4, character_image="missing.png"), swap_of(5)]
    async with client_of(service, max_in_flight=1) as client:
        with anyio.fail_after(600):
            outcomes = await client.swap_all(requests, concurrency=1)
            assert states(outcomes) == {"rejected": 4, "completed": 2}
            (pictures,) = [request.model_dump(exclude={"id"}) for request in swaps_of(1)]
            await client.swap(**pictures)
    assert len(service.ledger) == 3


async def test_swaps_need_no_ids_where_nothing_is_written_down() -> None:
    service = emulator()
    requests = [swap_of(0, id=None), swap_of(1, id=None, character_image="missing.png")]
    assert states(await run(service, requests)) == {"completed": 1, "rejected": 1}
    assert len(service.ledger) == 1


async def test_an_exception_of_the_callers_own_block_passes_as_it_is() -> None:
    class OwnError(Exception):
        pass

    async with client_of(emulator()) as client:
        with pytest.raises(OwnError):
            async with client.swap_many(swaps_of(5)) as outcomes:
                async for _ in outcomes:
                    raise OwnError
        with pytest.raises(KeyboardInterrupt):
            async with client.swap_many(swaps_of(5)):
                raise KeyboardInterrupt
        assert (await client.swap_all(swaps_of(1)))[0].ok


async def test_leaving_early_keeps_accepted_jobs_for_the_next_run_and_sends_no_more(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = emulator()
    events: list[Event] = []
    async with client_of(service, on_event=events.append) as client:
        async with client.swap_many(swaps_of(10), concurrency=4) as outcomes:
            await anyio.sleep(30)
        left = outcomes.unfinished
        assert len(service.ledger) == len(left) == 4
        assert {event.job for event in events if isinstance(event, Abandoned)} == set(left)
        assert all(job.name in caplog.text for job in left)
        await anyio.sleep(1000)
        assert len(service.ledger) == 4
        assert len({(await client.wait(job)).url for job in left}) == 4


async def test_an_answer_that_comes_after_the_batch_was_left_is_in_the_journal(journal: Path) -> None:
    service = emulator(faults=[Fault(on="submit", delay=8)])
    async with client_of(service) as client:
        started = anyio.current_time()
        async with client.swap_many(swaps_of(3), journal=":memory:") as outcomes:
            await anyio.sleep(2)
        assert len(outcomes.unfinished) == 3
        assert anyio.current_time() - started == pytest.approx(8, abs=1)


async def test_plain_task_cancellation_of_a_batch_loses_no_job(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    service = emulator(faults=[Fault(on="submit", calls=range(5, 100), delay=8)])
    found: list[Any] = []

    async def work(client: SwapClient) -> None:
        async with client.swap_many(swaps_of(20), concurrency=10, journal=":memory:") as outcomes:
            found.append(outcomes)
            async for _ in outcomes:
                pass

    async with client_of(service) as client:
        task = asyncio.create_task(work(client))
        await anyio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(service.ledger) == 10
    assert len(found[0].unfinished) == 10


async def test_a_reader_that_is_cancelled_as_its_outcome_arrives_does_not_lose_the_job(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    found: list[Any] = []

    async def work(client: SwapClient) -> None:
        async with client.swap_many(swaps_of(1)) as outcomes:
            found.append(outcomes)
            give = outcomes.give

            async def gives(number: int | None, outcome: SwapOutcome) -> None:
                asyncio.get_running_loop().call_soon(task.cancel)
                await give(number, outcome)

            outcomes.give = gives  # type: ignore[method-assign]
            async for outcome in outcomes:
                found.append(outcome)  # noqa: PERF401 - until it is cancelled

    async with client_of(emulator()) as client:
        task = asyncio.create_task(work(client))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(found) == 2 or len(found[0].unfinished) == 1


async def test_an_interrupt_in_a_task_of_the_batch_comes_out_of_no_group(loop: str) -> None:
    if loop != "trio":
        pytest.skip("asyncio raises it out of the loop itself")

    def inputs() -> Iterator[SwapRequest]:
        yield swap_of(0)
        raise KeyboardInterrupt

    def interrupted(event: Event) -> None:
        if isinstance(event, Accepted):
            raise SystemExit(3)

    async with client_of(emulator()) as client:
        with pytest.raises(KeyboardInterrupt):
            await read_all(client.swap_many(inputs()))
    async with client_of(emulator(), on_event=interrupted) as client:
        with pytest.raises(SystemExit):
            await client.swap_all(swaps_of(2))


async def read_all(many: Any) -> None:
    async with many as outcomes:
        async for _ in outcomes:
            pass


async def test_inputs_that_come_from_another_batch_of_the_client_need_no_slot_before_they_come() -> None:
    service = emulator()
    async with client_of(service, max_in_flight=1) as client, client.swap_many(swaps_of(3)) as first:

        async def inputs() -> AsyncIterator[SwapRequest]:
            async for outcome in first:
                yield swap_of(0, id=f"{outcome.request.id}-again")

        with anyio.fail_after(10_000):
            async with client.swap_many(inputs()) as second:
                outcomes = [outcome async for outcome in second]
    assert states(outcomes) == {"completed": 3}


async def test_a_batch_that_waits_for_an_input_leaves_the_slot_to_a_single_swap() -> None:
    async def inputs() -> AsyncIterator[SwapRequest]:
        await anyio.sleep_forever()
        yield swap_of(0)

    async with client_of(emulator(), max_in_flight=1) as client, client.swap_many(inputs()):
        await anyio.sleep(1)
        with anyio.fail_after(1000):
            await client.swap(
                reference_character_image="https://a.example/1", character_image="https://a.example/2"
            )


async def test_an_input_that_waits_for_a_slot_is_given_back_when_the_batch_is_stopped() -> None:
    service = emulator(duration=800)
    async with client_of(service, max_in_flight=1) as client, anyio.create_task_group() as group:
        group.start_soon(client.swap_all, swaps_of(1))
        await anyio.sleep(1)
        async with client.swap_many(swaps_of(1)) as outcomes:
            await anyio.sleep(1)
            outcomes.stop()
            with anyio.fail_after(1):
                assert states([outcome async for outcome in outcomes]) == {"pending": 1}
    assert len(service.ledger) == 1


async def test_a_refusal_is_told_as_it_is_written_even_if_the_batch_is_stopped_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, journal = emulator(faults=[Fault(on="submit", status=400)]), Journal(":memory:")
    ended = Account.ended
    async with client_of(service) as client, client.swap_many(swaps_of(1), journal=journal) as outcomes:

        async def stopped(self: Account, state: OutcomeState, **more: Any) -> None:
            outcomes.stop()
            await ended(self, state, **more)

        monkeypatch.setattr(Account, "ended", stopped)
        assert states([outcome async for outcome in outcomes]) == {"rejected": 1}
    assert journal.summary().states == {S.REJECTED: 1}


async def test_stopping_lets_swaps_in_flight_finish_and_gives_the_others_back(journal: Path) -> None:
    service = emulator(rate_limit=4)
    async with client_of(service) as client:
        async with client.swap_many(swaps_of(20), concurrency=8, journal=":memory:") as outcomes:
            await anyio.sleep(5)
            outcomes.stop()
            started = anyio.current_time()
            seen = [outcome async for outcome in outcomes]
        assert anyio.current_time() - started < 80
    assert states(seen) == {"completed": 4, "pending": 4}, "four were taken and wait for the rate limit"
    assert outcomes.stopped_by is None
    assert len(service.ledger) == 4


async def test_stopping_does_not_wait_for_a_swap_in_doubt_that_was_to_be_sent_again() -> None:
    service = emulator(faults=[Fault(on="submit", status=504, accepts=True)])
    journal, events = Journal(":memory:"), list[Event]()
    slow = RetryPolicy(initial_delay=300.0, max_delay=300.0)
    async with (
        client_of(service, retry=slow, on_event=events.append) as client,
        client.swap_many(swaps_of(2), journal=journal) as outcomes,
    ):
        await anyio.sleep(5)
        outcomes.stop()
        started = anyio.current_time()
        seen = [outcome async for outcome in outcomes]
        assert anyio.current_time() - started < 1
    assert states(seen) == {"unknown": 2}
    assert all(isinstance(outcome.error, SubmissionUnknownError) for outcome in seen)
    assert journal.summary().states == {S.UNKNOWN: 2}
    assert journal.summary().reserved_usd == pytest.approx(2 * 0.1522)
    assert sorted(str(event.id) for event in events if isinstance(event, Failed)) == ["s0", "s1"]


async def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    service = emulator()
    for folder, complaint in (
        (tmp_path / "file" / "out", "cannot be made: Not a directory"),
        (tmp_path / "out\udc80", "cannot be made: its name is not UTF-8"),
    ):
        with pytest.raises(ConfigurationError, match=complaint):
            await run(service, swaps_of(1), {"save_to": folder})
    assert len(service.calls) == 0


# The journal


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
    assert journal._memory is not None
    assert copy._memory is not None
    journal._memory._connection.backup(copy._memory._connection)
    return copy


async def crashed(
    service: Emulator,
    requests: list[SwapRequest],
    kind: str,
    at: int,
    *,
    after: bool = False,
    journal: Journal | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Journal:
    """A batch that dies; returns what its journal held then."""
    journal = journal or Journal(":memory:")
    crash = Crash(service, journal, kind, at, after=after)
    async with anyio.create_task_group() as group:

        async def work() -> None:
            client = SwapClient(KEY, base_url="http://127.0.0.1", transport=crash, **settings or {})
            async with client, client.swap_many(requests, journal=journal, **options) as outcomes:
                async for _ in outcomes:
                    pass
            crash._stop()

        group.start_soon(work)
        await crash.happened.wait()
        group.cancel_scope.cancel()
    return crash.left


async def test_a_second_run_gives_every_outcome_again_and_sends_nothing() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(3,), status=400)])
    journal = Journal(":memory:")
    first = await run(service, swaps_of(6), {"journal": journal, "concurrency": 1})
    calls = len(service.calls)
    second = await run(service, swaps_of(6), {"journal": journal, "concurrency": 1})
    assert len(service.calls) == calls
    assert [(o.request, o.state, o.result, repr(o.error)) for o in first] == [
        (o.request, o.state, o.result, repr(o.error)) for o in second
    ]
    assert states(second) == {"completed": 5, "rejected": 1}


async def test_what_failed_is_submitted_again_only_when_that_is_asked_for() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(2,), status=400)])
    journal = Journal(":memory:")
    await run(service, swaps_of(3), {"journal": journal, "concurrency": 1})
    again = await run(service, swaps_of(3), {"journal": journal, "retry_failed": True})
    assert states(again) == {"completed": 3}
    assert service.count("submit") == 4
    assert service.paid_twice() == []


async def test_after_a_crash_accepted_jobs_are_waited_for_and_the_rest_is_submitted_once() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(20), "poll", 12, concurrency=8)
    paid = len(service.ledger)
    assert left.summary().states == {S.ACCEPTED: 8} or left.summary().states[S.COMPLETED] > 0
    outcomes = await run(service, swaps_of(20), {"journal": left})
    assert states(outcomes) == {"completed": 20}
    assert scenes_paid(service) == {f"{n}.png": 1 for n in range(20)}
    assert 8 <= paid < 20


@pytest.mark.parametrize("after", [False, True])
async def test_a_submit_on_its_way_at_a_crash_is_unknown_and_not_sent_again(after: bool) -> None:
    service = emulator()
    left = await crashed(service, swaps_of(5), "submit", 3, after=after, concurrency=1)
    assert left.summary().states == {S.COMPLETED: 2, S.SENDING: 1}
    outcomes = await run(service, swaps_of(5), {"journal": left})
    assert states(outcomes) == {"completed": 4, "unknown": 1}
    (unknown,) = [outcome for outcome in outcomes if outcome.state is S.UNKNOWN]
    assert unknown.request.id == "s2"
    assert isinstance(unknown.error, SubmissionUnknownError)
    assert unknown.error.possible_duplicates == 1
    assert scenes_paid(service)["2.png"] == after
    again = await run(service, swaps_of(5), {"journal": left})
    assert states(again) == {"completed": 4, "unknown": 1}
    assert service.paid_twice() == []


async def test_a_swap_that_waits_for_the_rate_limit_at_a_crash_is_pending_and_sent_later() -> None:
    service = emulator(rate_limit=3)
    left = await crashed(service, swaps_of(6), "poll", 1, concurrency=6)
    counts = left.summary().states
    assert counts[S.PENDING] == 3
    assert S.SENDING not in counts
    assert states(await run(service, swaps_of(6), {"journal": left})) == {"completed": 6}
    assert service.paid_twice() == []


async def test_after_a_gateway_error_a_crash_leaves_the_swap_unknown_as_the_first_post_may_be_paid() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1,), status=504, accepts=True)])
    slow = {"retry": RetryPolicy(initial_delay=1000, max_delay=1000)}
    journal = Journal(":memory:")
    with anyio.move_on_after(0.5):
        await run(service, swaps_of(1), {"journal": journal}, **slow)
    outcomes = await run(service, swaps_of(1), {"journal": journal})
    assert states(outcomes) == {"unknown": 1}
    assert len(service.ledger) == 1


async def test_jobs_of_an_earlier_run_are_waited_for_oldest_first_and_before_new_inputs() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(6), "poll", 1, concurrency=6)
    events: list[Event] = []
    async with (
        client_of(service, on_event=events.append) as client,
        client.swap_many([swap_of(9), *swaps_of(6)], journal=left, concurrency=2) as outcomes,
    ):
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 7}
    submits = [event.id for event in events if isinstance(event, Submitting)]
    assert submits == ["s9"]
    assert service.calls[-1].kind == "poll"
    assert scenes_paid(service) == {f"{n}.png": 1 for n in (*range(6), 9)}


async def test_a_job_of_an_earlier_run_whose_input_does_not_come_again_is_an_outcome_too() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(4), "poll", 1)
    outcomes = await run(service, [], {"journal": left})
    assert sorted(str(outcome.request.id) for outcome in outcomes) == ["s0", "s1", "s2", "s3"]
    assert states(outcomes) == {"completed": 4}
    assert len(service.ledger) == 4


async def test_a_job_that_timed_out_or_expired_stays_in_the_journal_to_be_waited_for() -> None:
    service = emulator(duration=5000, record_lifetime=1e6)
    journal = Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal}, timeout=100)
    assert outcome.state is S.ACCEPTED
    assert isinstance(outcome.error, SwapTimeoutError)
    assert outcome.job is not None
    (outcome,) = await run(service, swaps_of(1), {"journal": journal}, timeout=10_000)
    assert outcome.state is S.COMPLETED
    assert len(service.ledger) == 1


async def test_an_expired_job_can_be_waited_for_again_by_hand() -> None:
    service = emulator(faults=[Fault(on="poll", calls=range(1, 10), status=404)])
    journal = Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.EXPIRED
    assert isinstance(outcome.error, SwapExpiredError)
    assert journal.summary().reserved_usd == pytest.approx(0.1522)
    journal.wait_again("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.COMPLETED
    assert len(service.ledger) == 1


async def test_an_unknown_swap_that_a_person_submits_again_may_be_paid_twice_and_says_so() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "submit", 1, after=True)
    await run(service, swaps_of(1), {"journal": left})
    left.resubmit("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": left})
    assert outcome.state is S.COMPLETED
    assert outcome.job is not None
    assert outcome.job.possible_duplicates == 1
    assert len(service.ledger) == 2
    assert left.summary().spent_usd + left.summary().reserved_usd == pytest.approx(2 * 0.1522)


async def test_an_unknown_swap_that_is_refused_when_a_person_submits_it_again_is_unknown_still() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(2,), status=400)])
    left = await crashed(service, swaps_of(1), "submit", 1, after=True)
    await run(service, swaps_of(1), {"journal": left})
    left.resubmit("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": left})
    assert outcome.state is S.UNKNOWN


@pytest.mark.real_time
async def test_when_the_disk_fails_after_a_post_the_job_is_waited_for_and_kept_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service, journal = emulator(duration=0.05), tmp_path / "run.db"
    async with (
        client_of(service, polling=PollPolicy(interval=0.05)) as client,
        client.swap_many(swaps_of(10), journal=journal, concurrency=1) as outcomes,
    ):
        # The jobs to be waited for, the row, the intent; and then no more.
        broken_from(4, monkeypatch)
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 1}
    assert isinstance(outcomes.stopped_by, JournalError)
    assert len(service.ledger) == 1
    assert service.ledger[0].request_id in caplog.text
    monkeypatch.undo()
    assert Journal(journal).summary().states == {S.SENDING: 1}
    assert states(await run(service, swaps_of(10), {"journal": journal})) == {"completed": 10}
    assert service.paid_twice() == []
    assert not list(tmp_path.glob("*rescue*"))


async def test_the_same_id_with_other_pictures_is_refused_before_any_request() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(2), {"journal": journal})
    calls = len(service.calls)
    other = swap_of(0, character_image="https://pictures.example/other.png")
    (outcome,) = await run(service, [other], {"journal": journal})
    assert outcome.state is S.REJECTED
    assert isinstance(outcome.error, JournalError)
    assert "with other pictures" in str(outcome.error)
    assert len(service.calls) == calls
    assert journal.summary().states == {S.COMPLETED: 2}


@pytest.mark.parametrize("second", ["s0", "S0"])
async def test_the_same_id_twice_in_a_run_is_paid_once(second: str) -> None:
    service = emulator()
    requests = [swap_of(0), swap_of(1, id=second)]
    outcomes = await run(service, requests, {"journal": ":memory:"})
    assert states(outcomes) == {"completed": 1, "rejected": 1}
    assert len(service.ledger) == 1


@pytest.mark.parametrize("id", [None, "", "../x", "a/b", "a\0", "CON", "x" * 300, ".hidden", "a\u202eb"])
async def test_an_id_that_cannot_name_a_file_is_refused_before_anything_is_paid(id: str | None) -> None:
    service = emulator()
    (outcome,) = await run(service, [swap_of(0, id=id)], {"journal": ":memory:"})
    assert outcome.state is S.REJECTED
    assert isinstance(outcome.error, ConfigurationError)
    assert len(service.calls) == 0


async def test_a_job_that_fails_in_this_run_is_not_one_that_failed_in_an_earlier_run() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "poll", 1)
    told = {"status": "FAILED", "error": "no character"}
    service.inject(Fault(on="poll", calls=range(1, 100), status=200, body=told))
    options = {"journal": left, "retry_failed": True, "concurrency": 1}
    assert states(await run(service, swaps_of(1), options)) == {"failed": 1}
    assert len(service.ledger) == 1


async def test_an_upload_that_is_refused_leaves_a_swap_in_doubt_unknown_and_its_money_counted() -> None:
    service, requests = emulator(), [swap_of(0, character_image=png())]
    left = await crashed(service, requests, "submit", 2, after=True)
    await run(service, requests, {"journal": left})
    left.resubmit("s0")
    service.inject(Fault(on="upload", status=400))
    (outcome,) = await run(service, requests, {"journal": left})
    assert outcome.state is S.UNKNOWN
    assert left.summary().reserved_usd == pytest.approx(0.1522)


async def test_the_same_id_twice_is_one_swap_even_when_its_pictures_are_gone(tmp_path: Path) -> None:
    service, picture = emulator(), tmp_path / "a.png"
    picture.write_bytes(png())
    request = swap_of(0, character_image=picture)
    left = await crashed(service, [request], "poll", 1)
    picture.unlink()
    outcomes = await run(service, [request, request], {"journal": left})
    assert states(outcomes) == {"completed": 1, "rejected": 1}


async def test_an_upload_whose_answer_cannot_be_used_rejects_its_swap_and_the_next_run_tries_again() -> None:
    service, requests = emulator(), [swap_of(0, character_image=png()), swap_of(1)]
    service.inject(Fault(on="upload", status=200, body={"file_urls": []}))
    journal = Journal(":memory:")
    outcomes = await run(service, requests, {"journal": journal, "budget_usd": 0.2, "concurrency": 1})
    assert states(outcomes) == {"rejected": 1, "completed": 1}, "its money was given back"
    (rejected,) = [outcome for outcome in outcomes if outcome.error is not None]
    assert isinstance(rejected.error, ResponseError)
    assert journal.summary().states == {S.PENDING: 1, S.COMPLETED: 1}
    service.withdraw_all()
    assert states(await run(service, requests, {"journal": journal})) == {"completed": 2}
    assert service.paid_twice() == []


async def test_a_job_without_a_picture_fails_and_its_money_stays_counted() -> None:
    told = {"status": "COMPLETED", "output": "[]"}
    service, journal = emulator(faults=[Fault(on="poll", status=200, body=told)]), Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.FAILED
    assert isinstance(outcome.error, OutputError)
    assert outcome.error.job == outcome.job is not None
    assert journal.summary().spent_usd == pytest.approx(0.1522)
    assert len(service.ledger) == 1


async def test_a_journal_that_calls_a_swap_accepted_without_a_job_ends_its_batch_and_sends_nothing() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(2), "poll", 1, concurrency=1)
    assert left._memory is not None
    left._memory._connection.execute("UPDATE swaps SET job = NULL")
    async with client_of(service) as client:
        for requests in (swaps_of(2), []):
            with pytest.raises(ConfigurationError, match="knows no job of 's0'"):
                await client.swap_all(requests, journal=left)
    assert len(service.ledger) == 1
    assert left.summary().reserved_usd == pytest.approx(0.1522), "it may be paid"


async def test_a_mistake_in_one_swap_lets_the_others_finish_and_is_raised_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, seen = emulator(), []
    saved = Account.ended

    async def mistaken(self: Account, state: OutcomeState, **more: Any) -> None:
        await saved(self, state, **more)
        if self._id == "s1":
            raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(Account, "ended", mistaken)
    journal = Journal(":memory:")
    async with client_of(service, max_in_flight=2) as client:
        with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
            async with client.swap_many(swaps_of(9), journal=journal, concurrency=2) as outcomes:
                async for outcome in outcomes:
                    seen.append(outcome)  # noqa: PERF401 - what was seen before it raised
        monkeypatch.undo()
        assert all(outcome.ok for outcome in seen)
        assert {outcome.request.id for outcome in seen} >= {"s0"}
        # Its slot is free again, and what it paid is in the journal.
        assert states(await client.swap_all(swaps_of(9), journal=journal, concurrency=2)) == {"completed": 9}
    assert service.paid_twice() == []
    assert len(service.ledger) == 9


@pytest.mark.parametrize("kind", ["done", "accepted"])
async def test_a_list_of_outcomes_knows_what_earlier_runs_paid_even_if_the_batch_ends_before_it(
    kind: str,
) -> None:
    service, left = emulator(), Journal(":memory:")
    if kind == "done":
        await run(service, swaps_of(6)[1:], {"journal": left})
    else:
        left = await crashed(service, swaps_of(6)[1:], "poll", 1)
    async with client_of(service) as client:
        outcomes = await client.swap_all(swaps_of(6), journal=left, budget_usd=0.77, concurrency=1)
    assert [outcome.state for outcome in outcomes] == [S.PENDING, *[S.COMPLETED] * 5]


async def test_a_job_that_a_journal_in_memory_cannot_take_is_in_the_log_and_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client, client.swap_many(swaps_of(1), journal=journal) as outcomes:
        broken_from(4, monkeypatch)
        assert states([outcome async for outcome in outcomes]) == {"completed": 1}
    assert "Keep this line" in caplog.text
    assert service.ledger[0].request_id in caplog.text
    assert list(tmp_path.iterdir()) == []


async def test_a_journal_belongs_to_one_service_and_one_workflow() -> None:
    service, journal = emulator(workflows=("678aa4026426baad7e5392fb-v7", "other-v1")), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    with pytest.raises(JournalError, match="belongs to the workflow"):
        await run(service, swaps_of(1), {"journal": journal}, workflow="other-v1")
    transport = httpx.ASGITransport(app=service.app)
    async with SwapClient(KEY, base_url="http://127.0.0.1:81", transport=transport) as client:
        with pytest.raises(JournalError, match=r"belongs to the origin http://127\.0\.0\.1, "):
            await client.swap_all(swaps_of(1), journal=journal)
    assert len(service.ledger) == 1


async def test_two_batches_do_not_share_a_journal_at_a_time() -> None:
    async with client_of(emulator()) as client:
        journal = Journal(":memory:")
        async with client.swap_many(swaps_of(1), journal=journal) as outcomes:
            with pytest.raises(JournalError, match="in use"):
                await client.swap_all(swaps_of(1), journal=journal)
            assert states([outcome async for outcome in outcomes]) == {"completed": 1}
        assert (await client.swap_all(swaps_of(1), journal=journal))[0].ok


def broken_from(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its n-th write on, the journal's disk is full."""
    whole, writes = Store.transaction, 0

    @contextmanager
    def transaction(self: Store) -> Iterator[None]:
        nonlocal writes
        writes += 1
        if writes >= write:
            raise self.complaint("could not be written: database or disk is full")
        with whole(self):
            yield

    monkeypatch.setattr(Store, "transaction", transaction)


@pytest.mark.parametrize("write", [1, 2, 3])
async def test_when_the_disk_fails_before_a_post_nothing_is_sent_and_the_batch_stops(
    write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, journal = emulator(), Journal(":memory:")
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(10), journal=journal, concurrency=1) as outcomes,
    ):
        broken_from(write, monkeypatch)
        seen = [outcome async for outcome in outcomes]
    assert len(service.ledger) == 0
    assert states(seen) == ({} if write == 1 else {"pending": 1})
    assert isinstance(outcomes.stopped_by, JournalError)


async def test_when_the_journal_cannot_be_asked_what_was_not_taken_is_unknown_and_not_called_unpaid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client:
        # The run, its price, the jobs to be waited for, the row, the intent; and then no more.
        broken_from(6, monkeypatch)
        outcomes = await client.swap_all(swaps_of(3), journal=journal, concurrency=1)
    assert [outcome.state for outcome in outcomes] == [S.COMPLETED, S.UNKNOWN, S.UNKNOWN]
    assert all(isinstance(outcome.error, JournalError) for outcome in outcomes[1:])
    assert len(service.ledger) == 1


# Names of files


@pytest.mark.real_time
async def test_pictures_are_saved_under_their_ids_and_found_again(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out" / "deep"}
    requests = [*swaps_of(3), swap_of(3, id="v1.5 größe")]
    outcomes = await run(service, requests, options)
    assert states(outcomes) == {"saved": 4}
    names = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert names == ["s0.png", "s1.png", "s2.png", "v1.5 größe.png"]
    assert all(outcome.path is not None and outcome.path.is_file() for outcome in outcomes)
    files = service.count("file")
    assert states(await run(service, requests, options)) == {"saved": 4}
    assert service.count("file") == files
    (tmp_path / "out" / "deep" / "s1.png").unlink()
    assert states(await run(service, requests, options)) == {"saved": 4}
    assert service.count("file") == files + 1
    assert (tmp_path / "out" / "deep" / "s1.png").is_file()
    assert service.count("submit") == 4


@pytest.mark.real_time
async def test_a_folder_of_pictures_may_be_moved(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    journal = tmp_path / "run.db"
    await run(service, swaps_of(2), {"journal": journal, "save_to": tmp_path / "out"})
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    outcomes = await run(service, swaps_of(2), {"journal": journal, "save_to": tmp_path / "elsewhere"})
    assert {outcome.path for outcome in outcomes} == {tmp_path / "elsewhere" / f"s{n}.png" for n in (0, 1)}
    assert service.count("file") == 2


@pytest.mark.real_time
async def test_a_picture_in_a_folder_that_may_not_be_looked_at_ends_no_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, whole = emulator(duration=0.05), Path.is_file
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    await run(service, swaps_of(2), options)

    def is_file(self: Path) -> bool:
        if self.suffix == ".png":
            raise PermissionError(13, "Permission denied")
        return whole(self)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert len(await run(service, swaps_of(2), options)) == 2
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_name_that_is_taken_is_refused_before_it_is_paid_and_may_be_mended(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (tmp_path / "s1.webp").write_bytes(b"precious")
    outcomes = await run(service, swaps_of(2), options)
    assert states(outcomes) == {"saved": 1, "rejected": 1}
    assert len(service.ledger) == 1
    (tmp_path / "s1.webp").rename(tmp_path / "elsewhere.webp")
    assert states(await run(service, swaps_of(2), options)) == {"saved": 2}
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_picture_that_could_not_be_fetched_is_fetched_in_the_next_run(tmp_path: Path) -> None:
    service = emulator(duration=0.05, faults=[Fault(on="file", calls=(1,), status=403)])
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.COMPLETED
    assert not outcome.ok
    assert isinstance(outcome.error, DownloadError)
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.SAVED
    assert outcome.ok
    assert len(service.ledger) == 1


@pytest.mark.real_time
async def test_a_picture_that_was_written_just_before_a_crash_is_known_again(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (outcome,) = await run(service, swaps_of(1), {"journal": tmp_path / "run.db"})
    assert outcome.result is not None
    async with client_of(service) as client:
        await client.download(outcome.result, tmp_path / "s0.png")
    before = (tmp_path / "s0.png").stat().st_mtime_ns
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.SAVED
    assert (tmp_path / "s0.png").stat().st_mtime_ns == before


@pytest.mark.real_time
async def test_local_pictures_are_uploaded_and_known_by_their_content(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    (tmp_path / "hero.png").write_bytes(png(1))
    (tmp_path / "a.png").write_bytes(png(2))
    request = SwapRequest(
        id="a", reference_character_image=tmp_path / "hero.png", character_image=tmp_path / "a.png"
    )
    options = {"journal": tmp_path / "run.db"}
    assert states(await run(service, [request], options)) == {"completed": 1}
    moved = request.model_copy(update={"character_image": png(2)})
    assert states(await run(service, [moved], options)) == {"completed": 1}
    assert len(service.ledger) == 1
    (tmp_path / "a.png").write_bytes(png(3))
    (outcome,) = await run(service, [request], options)
    assert isinstance(outcome.error, JournalError)
    (tmp_path / "a.png").unlink()
    (outcome,) = await run(service, [request], options)
    assert outcome.ok, "it is done, and its picture is not needed any more"
    assert len(service.ledger) == 1


# Money


async def test_a_budget_is_never_exceeded_and_what_is_left_over_is_not_started() -> None:
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client:
        async with client.swap_many(swaps_of(20), journal=journal, budget_usd=1.0) as outcomes:
            seen = [outcome async for outcome in outcomes]
        assert isinstance(outcomes.stopped_by, BudgetExceededError)
        assert outcomes.committed_usd == pytest.approx(6 * 0.1522)
    assert states(seen) == {"completed": 6, "pending": 14}
    assert sum(charge.price_usd for charge in service.ledger) <= 1.0
    again = await run(service, swaps_of(20), {"journal": journal, "budget_usd": 1.6})
    assert states(again)["completed"] == 10, "earlier runs count"
    assert len(service.ledger) == 10


async def test_money_of_a_swap_that_failed_is_used_for_another() -> None:
    service = emulator(
        faults=[Fault(on="poll", calls=(1,), body={"status": "FAILED", "error": "no"}, status=200)]
    )
    outcomes = await run(service, swaps_of(4), {"budget_usd": 0.31, "concurrency": 4})
    assert states(outcomes) == {"failed": 1, "completed": 2, "pending": 1}
    (outcome,) = [outcome for outcome in outcomes if outcome.state is S.FAILED]
    assert isinstance(outcome.error, SwapFailedError)


async def test_a_post_that_may_have_been_accepted_counts_even_when_it_is_repeated() -> None:
    service = emulator(faults=[Fault(on="submit", status=502, accepts=True)])
    outcomes = await run(
        service, swaps_of(10), {"budget_usd": 0.5, "concurrency": 1}, retry=RetryPolicy(initial_delay=0)
    )
    assert len(service.ledger) == 3
    assert states(outcomes) == {"unknown": 1, "pending": 1}


class Dear(httpx.AsyncBaseTransport):
    """A service that charges more than it says."""

    def __init__(self) -> None:
        self.emulator = emulator()
        self._inner = httpx.ASGITransport(app=self.emulator.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        response.headers["x-cost"] = "0.4"
        return response


async def test_a_cost_above_the_price_is_learnt_and_stops_the_batch_in_time() -> None:
    journal, service = Journal(":memory:"), Dear()
    client = SwapClient(KEY, base_url="http://127.0.0.1", transport=service)
    async with (
        client,
        client.swap_many(swaps_of(10), journal=journal, budget_usd=1.0, concurrency=1) as outcomes,
    ):
        seen = [outcome async for outcome in outcomes]
        assert outcomes.price_usd == 0.4
    assert states(seen) == {"completed": 2, "pending": 1}
    assert len(service.emulator.ledger) == 2
    assert journal.summary().spent_usd == pytest.approx(0.8)


async def test_a_cost_above_the_price_is_learnt_without_a_journal_too() -> None:
    service = Dear()
    client = SwapClient(KEY, base_url="http://127.0.0.1", transport=service)
    async with client, client.swap_many(swaps_of(10), budget_usd=1.0, concurrency=1) as outcomes:
        seen = [outcome async for outcome in outcomes]
        assert outcomes.price_usd == 0.4
        assert outcomes.committed_usd == pytest.approx(0.8)
    assert states(seen) == {"completed": 2, "pending": 1}


async def test_a_journal_counts_at_the_price_that_its_batch_was_given() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1,), cut="after-body")])
    journal = Journal(":memory:")
    await run(service, swaps_of(2), {"journal": journal, "price_usd": 0.5, "concurrency": 1})
    summary = journal.summary()
    assert (summary.reserved_usd, summary.spent_usd) == (0.5, 0.5)


# What concerns the whole account


async def test_when_credits_run_out_the_batch_stops_submitting_and_goes_on_later() -> None:
    service, journal = emulator(credits_usd=5 * 0.1522), Journal(":memory:")
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(30), journal=journal, concurrency=4) as outcomes,
    ):
        seen = [outcome async for outcome in outcomes]
    assert isinstance(outcomes.stopped_by, InsufficientCreditsError)
    assert states(seen)["completed"] == 5
    assert states(seen)["pending"] == len(seen) - 5
    assert service.count("submit") <= 5 + 4, "after the first refusal nothing was submitted"
    service._controls.account.ledger._credits += 100
    assert states(await run(service, swaps_of(30), {"journal": journal})) == {"completed": 30}
    assert service.paid_twice() == []


async def test_a_revoked_key_stops_the_batch_and_loses_no_job() -> None:
    service, journal = emulator(), Journal(":memory:")

    class Revoked(httpx.AsyncBaseTransport):
        inner = httpx.ASGITransport(app=service.app)
        is_revoked = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.is_revoked:
                return httpx.Response(401, json={"error": "Unauthorized"})
            return await self.inner.handle_async_request(request)

    transport, seen = Revoked(), []
    client = SwapClient(KEY, base_url="http://127.0.0.1", transport=transport)
    async with client, client.swap_many(swaps_of(30), journal=journal, concurrency=4) as outcomes:
        async for outcome in outcomes:
            seen.append(outcome)
            transport.is_revoked = len(seen) >= 6
    assert isinstance(outcomes.stopped_by, AuthenticationError)
    counts = states(seen)
    assert counts["completed"] + counts["accepted"] == len(service.ledger)
    assert counts["accepted"] > 0
    assert states(await run(service, swaps_of(30), {"journal": journal})) == {"completed": 30}
    assert service.paid_twice() == []


@pytest.mark.parametrize("policy", ["strict", "documented"])
async def test_an_outage_costs_time_and_few_inputs(policy: Any) -> None:
    away = httpx.ConnectError("no route")
    service = emulator()

    class Outage(httpx.AsyncBaseTransport):
        inner = httpx.ASGITransport(app=service.app)
        refused = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if anyio.current_time() - started < 600:
                self.refused += 1
                await anyio.sleep(0.5)
                raise away
            return await self.inner.handle_async_request(request)

    events: list[Event] = []
    transport, started = Outage(), anyio.current_time()
    client = SwapClient(
        KEY,
        base_url="http://127.0.0.1",
        transport=transport,
        retry=RetryPolicy(submit=policy),
        on_event=events.append,
    )
    async with client, client.swap_many(swaps_of(60), journal=":memory:", concurrency=10) as outcomes:
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 60}
    assert service.paid_twice() == []
    assert len([event for event in events if isinstance(event, OutageEnded)]) == 1
    began = [event.delay for event in events if isinstance(event, OutageBegan)]
    assert began[:5] == [5.0, 10.0, 20.0, 40.0, 60.0]
    assert transport.refused < 40, "ten swaps, three attempts each at the most, and a probe a minute"


async def test_events_name_the_swaps_of_a_batch() -> None:
    events: list[Event] = []
    async with client_of(emulator(), on_event=events.append) as client:
        await client.swap_all(swaps_of(3))
    assert {event.id for event in events if isinstance(event, Accepted)} == {"s0", "s1", "s2"}


# Looking first


async def test_a_check_finds_what_a_batch_would_reject_and_sends_nothing(tmp_path: Path) -> None:
    service = emulator()
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "taken.jpg").write_bytes(b"precious")
    requests = [
        swap_of(0, character_image=tmp_path / "good.png"),
        swap_of(1, character_image=tmp_path / "bad.png"),
        swap_of(2, id="S0"),
        swap_of(3, id="taken"),
        swap_of(4, id="a/b"),
        swap_of(5, id=None),
        swap_of(6, id="s0"),
        swap_of(7),
    ]
    async with client_of(service) as client:
        problems = await client.check(requests, journal=tmp_path / "run.db", save_to=tmp_path)
        assert await client.check(requests[:1], journal=tmp_path / "run.db", save_to=tmp_path / "new") == []
    assert [problem.request for problem in problems] == requests[1:7]
    assert all(problem.state is S.REJECTED and problem.error is not None for problem in problems)
    said = [str(problem.error) for problem in problems]
    for text, word in zip(
        said,
        ["bad.png", "same file as 's0'", "taken.jpg exists", "'/'", "needs an id", "given twice"],
        strict=True,
    ):
        assert word in text
    assert len(service.calls) == 0
    assert not (tmp_path / "run.db").exists()


async def test_a_check_leaves_an_open_file_to_its_swap(tmp_path: Path) -> None:
    service = emulator()
    (tmp_path / "a.png").write_bytes(png())
    with (tmp_path / "a.png").open("rb") as file:
        requests = [swap_of(0, character_image=file)]
        async with client_of(service) as client:
            assert await client.check(requests) == []
            assert (await client.swap_all(requests))[0].ok


async def test_a_check_looks_at_many_pictures_and_at_swaps_without_ids(tmp_path: Path) -> None:
    for number in range(70):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    first = str(tmp_path / "0.png")
    requests = [
        swap_of(n, id=None, reference_character_image=first, character_image=str(tmp_path / f"{n}.png"))
        for n in range(70)
    ]
    async with client_of(service := emulator()) as client:
        assert await client.check(requests) == []
        (tmp_path / "4.png").write_bytes(b"no picture any more")
        (problem,) = await client.check(requests[:8])
    assert isinstance(problem.error, ImageError)
    assert len(service.calls) == 0


async def test_a_check_lets_a_swap_pass_that_is_done_and_whose_pictures_are_gone(tmp_path: Path) -> None:
    service, journal, picture = emulator(), Journal(":memory:"), tmp_path / "a.png"
    picture.write_bytes(png())
    request = swap_of(0, character_image=picture)
    await run(service, [request], {"journal": journal})
    picture.unlink()
    async with client_of(service) as client:
        assert await client.check([request], journal=journal) == []
        (problem,) = await client.check([swap_of(1, character_image=picture)], journal=journal)
    assert isinstance(problem.error, ImageError)


async def test_a_check_knows_a_journal_in_memory_too() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    other = swap_of(0, character_image="https://pictures.example/other.png")
    async with client_of(service) as client:
        (problem,) = await client.check([other], journal=journal)
    assert isinstance(problem.error, JournalError)


@pytest.mark.real_time
async def test_a_check_knows_what_the_journal_knows(tmp_path: Path) -> None:
    service, options = emulator(duration=0.05), {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    await run(service, swaps_of(2), options)
    other = swap_of(1, character_image="https://pictures.example/other.png")
    async with client_of(service) as client:
        assert await client.check(swaps_of(2), **options) == []
        (problem,) = await client.check([swap_of(0), other], **options)
    assert isinstance(problem.error, JournalError)
