"""The outcomes of a batch: their order, their reader, and a reader that leaves early."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from segmind_swap import (
    Abandoned,
    Event,
    Failed,
    ImageError,
    Journal,
    JournalError,
    Outcomes,
    OutcomeState,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._batch.stop_switch import StopSwitch
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget_only import BudgetOnlyLedger
from segmind_swap._journal.writer import Writer
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._protocols.ledger import Ledger
from segmind_swap.emulator import Fault

from ..support.batches import broken_from, client_of, crashed, emulator, run, states, swap_of, swaps_of
from ..support.journal_rows import a_job, a_result, in_memory, row

S = OutcomeState


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


async def test_a_reader_that_is_slow_holds_back_the_batch_and_not_the_other_swaps_of_the_client() -> None:
    service = emulator()
    async with client_of(service, max_in_flight=2) as client, client.swap_many(swaps_of(10)) as outcomes:
        await anyio.sleep(1000)
        assert len(service.ledger) == 2, "both slots of the batch wait for a reader"
        await client.swap(
            reference_character_image="https://a.example/1", character_image="https://a.example/2"
        )
        assert states([outcome async for outcome in outcomes]) == {"completed": 10}


async def test_what_the_requests_raise_comes_after_the_outcomes_of_those_that_were_taken() -> None:
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
    caplog: pytest.LogCaptureFixture,
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


async def test_an_answer_that_comes_after_the_batch_was_left_is_in_the_journal() -> None:
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
            send = outcomes.send

            async def sends(number: int | None, outcome: SwapOutcome) -> None:
                asyncio.get_running_loop().call_soon(task.cancel)
                await send(number, outcome)

            outcomes.send = sends  # type: ignore[method-assign]
            async for outcome in outcomes:
                found.append(outcome)  # noqa: PERF401 - until it is cancelled

    async with client_of(emulator()) as client:
        task = asyncio.create_task(work(client))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(found) == 2 or len(found[0].unfinished) == 1


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


async def test_when_the_journal_cannot_be_asked_what_was_not_taken_is_unknown_and_not_called_unpaid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client:
        # The run, its price, its inputs, the jobs to be waited for, the row, the intent; and then no more.
        broken_from(7, monkeypatch)
        outcomes = await client.swap_all(swaps_of(3), journal=journal, concurrency=1)
    assert [outcome.state for outcome in outcomes] == [S.COMPLETED, S.UNKNOWN, S.UNKNOWN]
    assert all(isinstance(outcome.error, JournalError) for outcome in outcomes[1:])
    assert len(service.ledger) == 1


async def test_an_input_that_was_not_taken_is_as_the_journal_has_it() -> None:
    store, why = in_memory(), JournalError("the disk is full", path="run.db")
    row(store, "done", S.COMPLETED, posts=1, job=a_job(), result=a_result())
    row(store, "waiting", S.PENDING)
    outcomes, switch = outcomes_of(SqliteLedger(Writer(store), Budget(None, price_usd=0.15, spent=Spent())))
    switch.stop(why)
    outcomes.close()
    requests = [request("done"), request("waiting"), request("new"), request(None)]
    found = await outcomes.in_order(requests)
    assert [outcome.state for outcome in found] == [S.COMPLETED, S.PENDING, S.PENDING, S.PENDING]
    assert all(outcome.request is given for outcome, given in zip(found, requests, strict=True))
    assert (found[0].result, found[0].error) == (a_result(), None)
    assert all(outcome.error is why for outcome in found[1:])


async def test_without_a_journal_an_input_that_was_not_taken_was_not_sent() -> None:
    outcomes, _ = outcomes_of(BudgetOnlyLedger(Budget(None, price_usd=0.15, spent=Spent())))
    outcomes.close()
    (outcome,) = await outcomes.in_order([request("a")])
    assert (outcome.state, outcome.error) == (S.PENDING, None)


async def test_an_input_that_the_journal_cannot_be_asked_about_may_have_been_paid() -> None:
    ledger = SqliteLedger(Writer(in_memory()), Budget(None, price_usd=0.15, spent=Spent()))
    outcomes, _ = outcomes_of(ledger)
    outcomes.close()
    await ledger.aclose()
    requests = [request("a"), request(None)]
    for outcome, given in zip(await outcomes.in_order(requests), requests, strict=True):
        assert outcome.request is given
        assert outcome.state is S.UNKNOWN
        assert isinstance(outcome.error, JournalError)


def request(id: str | None) -> SwapRequest:
    return SwapRequest(id=id, reference_character_image="hero.png", character_image="other.png")


def outcomes_of(ledger: Ledger) -> tuple[Outcomes, StopSwitch]:
    switch = StopSwitch(lambda: None)
    return Outcomes(ledger, switch, list), switch
