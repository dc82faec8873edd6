"""The batch runner: slots, inputs, stopping, and what concerns the whole account."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    Accepted,
    AuthenticationError,
    ConfigurationError,
    Event,
    Failed,
    InsufficientCreditsError,
    Journal,
    JournalError,
    OutageBegan,
    OutageEnded,
    OutcomeState,
    PollPolicy,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._swap.account import SwapAccount
from segmind_swap.emulator import Emulator, Fault

from ..support.batches import KEY, broken_from, client_of, emulator, run, states, swap_of, swaps_of

S = OutcomeState


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


@pytest.mark.parametrize("wrong", [{"id": "a"}, ("hero.png", "street.png"), "street.png"])
async def test_what_is_no_request_is_said_to_be_none(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="a batch takes SwapRequest"):
        await run(emulator(), [wrong])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"concurrency": 65}, "above the client's `max_in_flight`"),
        ({"concurrency": 0}, "`concurrency` must be a whole number"),
        ({"budget_usd": -1}, "`budget_usd` must be"),
        ({"price_usd": 0}, "`price_usd` must be"),
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
    finish = SwapAccount.finish
    async with client_of(service) as client, client.swap_many(swaps_of(1), journal=journal) as outcomes:

        async def stopped(self: SwapAccount, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
            outcomes.stop()
            await finish(self, outcome, unsettled_posts=unsettled_posts)

        monkeypatch.setattr(SwapAccount, "finish", stopped)
        assert states([outcome async for outcome in outcomes]) == {"rejected": 1}
    assert journal.summary().states == {S.REJECTED: 1}


async def test_stopping_lets_swaps_in_flight_finish_and_gives_the_others_back() -> None:
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


@pytest.mark.real_time
async def test_when_the_disk_fails_after_a_post_the_job_is_waited_for_and_kept_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service, journal = emulator(duration=0.05), tmp_path / "run.db"
    async with (
        client_of(service, polling=PollPolicy(interval=0.05)) as client,
        client.swap_many(swaps_of(10), journal=journal, concurrency=1) as outcomes,
    ):
        # The inputs, the jobs to be waited for, the row, the intent; and then no more.
        broken_from(5, monkeypatch)
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 1}
    assert isinstance(outcomes.stopped_by, JournalError)
    assert len(service.ledger) == 1
    assert service.ledger[0].request_id in caplog.text
    monkeypatch.undo()
    assert Journal(journal).summary().states == {S.SENDING: 1, S.PENDING: 9}
    assert states(await run(service, swaps_of(10), {"journal": journal})) == {"completed": 10}
    assert service.paid_twice() == []
    assert not list(tmp_path.glob("*rescue*"))


@pytest.mark.parametrize("step", ["accept", "finish"])
async def test_a_paid_swap_whose_ledger_raises_an_error_of_its_own_is_an_outcome_and_stops_the_batch(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service, journal = emulator(), Journal(":memory:")

    async def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("the ledger's place cannot be reached")

    monkeypatch.setattr(SqliteLedger, step, unreachable)
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(9), journal=journal, concurrency=1) as outcomes,
    ):
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 1}
    assert isinstance(outcomes.stopped_by, JournalError)
    (charge,) = service.ledger
    assert charge.request_id in caplog.text
    monkeypatch.undo()
    assert states(await run(service, swaps_of(9), {"journal": journal})) == {"completed": 9}
    assert service.paid_twice() == []


async def test_a_mistake_in_one_swap_lets_the_others_finish_and_is_raised_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, seen = emulator(), []
    finish = SwapAccount.finish

    async def mistaken(self: SwapAccount, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        await finish(self, outcome, unsettled_posts=unsettled_posts)
        if self.entry.id == "s1":
            raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(SwapAccount, "finish", mistaken)
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


async def test_a_job_that_a_journal_in_memory_cannot_take_is_in_the_log_and_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client, client.swap_many(swaps_of(1), journal=journal) as outcomes:
        broken_from(5, monkeypatch)
        assert states([outcome async for outcome in outcomes]) == {"completed": 1}
    assert "Keep this line" in caplog.text
    assert service.ledger[0].request_id in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [1, 2, 3, 4])
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
    assert states(seen) == ({} if write <= 2 else {"pending": 1})
    assert isinstance(outcomes.stopped_by, JournalError)


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
