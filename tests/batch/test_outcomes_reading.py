"""The outcomes that a reader takes: one at a time, in the order of the requests, and then what ended them."""

import anyio
import pytest

from segmind_swap import (
    BudgetExceededError,
    Outcomes,
    OutcomeState,
    SwapJob,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._batch.stop_switch import StopSwitch
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget_only import BudgetOnlyLedger
from segmind_swap._journal.writer import Writer
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._protocols.ledger import Ledger

from ..support.journal_rows import a_job, a_result, in_memory, row

S = OutcomeState


def request(number: int) -> SwapRequest:
    return SwapRequest(id=f"s{number}", reference_character_image="hero.png", character_image="street.png")


REQUESTS = [request(number) for number in range(3)]


def budget() -> Budget:
    return Budget(1.0, price_usd=0.25, spent=Spent(settled_micro_usd=500_000))


def outcomes(ledger: Ledger | None = None, switch: StopSwitch | None = None) -> Outcomes:
    return Outcomes(ledger or BudgetOnlyLedger(budget()), switch or StopSwitch(lambda: None), tuple)


def done(number: int) -> SwapOutcome:
    return SwapOutcome(request=request(number), state=S.COMPLETED, job=a_job(number), result=a_result(number))


async def test_an_outcome_is_given_until_somebody_takes_it_and_the_end_ends_the_loop() -> None:
    given, read = outcomes(), list[SwapOutcome]()

    async def give() -> None:
        for number in (2, 0, 1):
            await given.send(number, done(number))
        given.close()

    async with anyio.create_task_group() as group:
        group.start_soon(give)
        read.extend([outcome async for outcome in given])
    assert [outcome.request.id for outcome in read] == ["s2", "s0", "s1"]
    with pytest.raises(StopAsyncIteration):
        await anext(given)


async def test_a_failure_is_raised_after_the_last_outcome_and_the_first_failure_is_kept() -> None:
    given = outcomes()
    given.fail(LookupError("first"))
    given.fail(LookupError("second"))
    async with anyio.create_task_group() as group:
        group.start_soon(given.send, 0, done(0))
        assert (await anext(given)).request.id == "s0"
    given.close()
    for _ in range(2):
        with pytest.raises(LookupError, match="first"):
            await anext(given)


async def test_a_list_is_in_the_order_of_its_requests_and_leaves_out_what_only_the_journal_knew() -> None:
    given = outcomes()

    async def give() -> None:
        await given.send(None, done(9))
        for number in (2, 1, 0):
            await given.send(number, done(number))
        given.close()

    async with anyio.create_task_group() as group:
        group.start_soon(give)
        listed = await given.in_order(REQUESTS)
    assert listed == [done(0), done(1), done(2)]


async def test_what_was_not_taken_is_pending_and_carries_what_stopped_the_batch() -> None:
    switch = StopSwitch(lambda: None)
    given = outcomes(switch=switch)
    stop = BudgetExceededError("no more", budget_usd=1.0, committed_usd=1.0)
    switch.stop(stop)
    given.close()
    listed = await given.in_order(REQUESTS)
    assert [(outcome.state, outcome.error) for outcome in listed] == [(S.PENDING, stop)] * 3
    assert given.stopped_by is stop


async def test_what_was_not_taken_is_as_the_journal_has_it() -> None:
    store = in_memory()
    row(store, "s1", S.COMPLETED, posts=1, job=a_job(1), result=a_result(1))
    given = outcomes(SqliteLedger(Writer(store), budget()))
    given.close()
    listed = await given.in_order(REQUESTS)
    assert [outcome.state for outcome in listed] == [S.PENDING, S.COMPLETED, S.PENDING]
    assert listed[1].unwrap().url == a_result(1).url


async def test_a_list_raises_the_failure_of_its_batch() -> None:
    given = outcomes()
    given.fail(LookupError("row 4 is broken"))
    given.close()
    with pytest.raises(LookupError, match="row 4"):
        await given.in_order(REQUESTS)


async def test_stopping_stops_the_batch_and_names_no_reason() -> None:
    switch = StopSwitch(lambda: None)
    given = outcomes(switch=switch)
    given.stop()
    assert switch.is_stopped
    assert given.stopped_by is None


async def test_money_and_open_jobs_are_as_they_are_at_the_moment_of_the_question() -> None:
    jobs: list[SwapJob] = []
    given = Outcomes(BudgetOnlyLedger(budget()), StopSwitch(lambda: None), lambda: jobs)
    assert (given.unfinished, given.committed_usd, given.price_usd) == ((), 0.5, 0.25)
    jobs.append(a_job(1))
    assert given.unfinished == (a_job(1),)
