"""The money of a client: no POST without its price, and no price lost or counted for nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import (
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    Event,
    Failed,
    RetryPolicy,
    Started,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapRequest,
)
from segmind_swap._protocols.submit_record import NO_RECORD
from segmind_swap._swap.caps.jobs import JOBS_REMEMBERED
from segmind_swap._swap.caps.spending import PaidRecord, Spending, paid

from ...conftest import run_on_asyncio
from ...support.scripted_service import (
    DONE,
    FAILED,
    PICTURES,
    PNG,
    PROCESSING,
    Scripted,
    Step,
    accepted,
    client,
    late,
    poll_url,
    raises,
    says,
)

PRICE = 0.25
URLS = ("https://a.example/1", "https://a.example/2")
A_JOB = SwapJob(poll_url=poll_url(), workflow="w-v1")


def of(prices: float, service: httpx.AsyncBaseTransport, **settings: Any) -> SwapClient:
    """A client whose budget is some prices."""
    return client(service, budget_usd=prices * PRICE, price_usd=PRICE, **settings)


def prices_in(swaps: SwapClient) -> float:
    return swaps.committed_usd / PRICE


# Before anything is sent


@pytest.mark.parametrize("call", ["swap", "submit"])
async def test_without_money_nothing_is_uploaded_and_nothing_is_sent(call: str) -> None:
    events: list[Event] = []
    service = Scripted()
    async with of(0.99, service, on_event=events.append) as swaps:
        with pytest.raises(
            BudgetExceededError, match=r"^the client's budget of \$0\.25 has no room"
        ) as caught:
            await getattr(swaps, call)(reference_character_image=PNG, character_image=PNG)
    assert service.seen == []
    assert (caught.value.budget_usd, caught.value.committed_usd, caught.value.resets_at) == (0.2475, 0, None)
    assert [type(event) for event in events] == [Started, Failed]


async def test_a_swap_without_money_does_not_wait_for_a_slot_to_learn_it() -> None:
    service = Scripted(poll=PROCESSING)
    async with of(1, service, max_in_flight=1) as swaps, anyio.create_task_group() as group:
        group.start_soon(lambda: swaps.swap(**PICTURES))
        await anyio.sleep(10)
        with anyio.fail_after(1), pytest.raises(BudgetExceededError):
            await swaps.swap(**PICTURES)
        group.cancel_scope.cancel()


async def test_calls_that_cost_nothing_need_no_money() -> None:
    async with of(0, Scripted()) as swaps:
        await swaps.credits()
        await swaps.upload(PNG)
        await swaps.wait(A_JOB)
        assert swaps.committed_usd == 0


# What is counted, and what is given back


@pytest.mark.parametrize(
    ("submit", "poll", "error", "kept"),
    [
        ([accepted()], DONE, None, 1),
        ([accepted()], FAILED, SwapFailedError, 1),
        ([accepted()], says(404, "gone"), SwapExpiredError, 1),
        ([says(503), says(502), accepted()], DONE, None, 3),
        ([says(503), says(429), accepted()], DONE, None, 2),
        ([says(503), says(400, "no")], DONE, SubmissionUnknownError, 1),
        ([Step(body="?")], DONE, SubmissionUnknownError, 1),
        ([raises(httpx.ReadError("reset"))], DONE, SubmissionUnknownError, 1),
        ([raises(httpx.ConnectError("no"), reads="nothing"), accepted()], DONE, None, 1),
        ([says(429), accepted()], DONE, None, 1),
        ([says(400, "no")], DONE, BadRequestError, 0),
        ([says(500, "no")], DONE, SwapError, 0),
        ([raises(httpx.ConnectError("no"), reads="nothing")], DONE, SwapError, 0),
    ],
)
async def test_each_post_that_may_be_billed_counts_and_no_other(
    submit: list[Step], poll: Step, error: type[SwapError] | None, kept: int
) -> None:
    async with of(3, Scripted(submit=submit, poll=poll)) as swaps:
        try:
            await swaps.swap(**PICTURES)
        except SwapError as raised:
            assert error is not None, raised
            assert isinstance(raised, error)
        else:
            assert error is None
        assert prices_in(swaps) == kept


async def test_a_swap_is_not_posted_again_after_a_503_without_money_for_the_second_bill() -> None:
    service = Scripted(submit=[says(503), accepted()])
    async with of(1, service) as swaps:
        with pytest.raises(SubmissionUnknownError, match="budget") as caught:
            await swaps.swap(**PICTURES)
        assert caught.value.possible_duplicates == 1
        assert prices_in(swaps) == 1
    assert service.count("submit") == 1


async def test_a_strict_client_needs_one_price_for_a_503() -> None:
    async with of(1, Scripted(submit=says(503)), retry=RetryPolicy(submit="strict")) as swaps:
        with pytest.raises(SubmissionUnknownError):
            await swaps.submit(**PICTURES)
        assert prices_in(swaps) == 1


async def test_an_image_that_cannot_be_used_costs_nothing() -> None:
    async with of(1, Scripted()) as swaps:
        for _ in range(3):
            with pytest.raises(SwapError):
                await swaps.submit(reference_character_image="missing.png", character_image=PNG)
        assert swaps.committed_usd == 0


async def test_a_client_without_a_budget_counts_all_the_same_and_keeps_the_sum_when_it_is_closed() -> None:
    swaps = client(Scripted(), price_usd=PRICE)
    assert swaps.committed_usd == 0
    async with swaps:
        for _ in range(5):
            await swaps.submit(**PICTURES)
    assert prices_in(swaps) == 5


# The cost that the service reports


def done_at(cost_usd: float) -> Step:
    return Step(body={**DONE.body, "metrics": {"cost": cost_usd}})


async def test_a_reported_cost_above_the_price_raises_the_price_for_what_comes() -> None:
    async with of(4, Scripted(poll=done_at(2 * PRICE))) as swaps:
        await swaps.swap(**PICTURES)
        assert prices_in(swaps) == 2
        await swaps.submit(**PICTURES)
        with pytest.raises(BudgetExceededError):
            await swaps.submit(**PICTURES)


async def test_a_reported_cost_below_the_price_lowers_nothing() -> None:
    async with of(2, Scripted(poll=done_at(PRICE / 100))) as swaps:
        for _ in range(2):
            await swaps.swap(**PICTURES)
        with pytest.raises(BudgetExceededError):
            await swaps.swap(**PICTURES)


async def test_a_job_that_is_done_stays_at_its_cost_and_a_job_that_is_not_follows_the_price() -> None:
    service = Scripted(
        submit=[accepted(1), accepted(2), accepted(3)], poll=[done_at(PRICE), done_at(3 * PRICE)]
    )
    async with of(100, service) as swaps:
        jobs = [await swaps.submit(**PICTURES) for _ in range(3)]
        await swaps.status(jobs[0])
        await swaps.status(jobs[1])
        assert prices_in(swaps) == 1 + 3 + 3
        for _ in range(5):
            await swaps.status(jobs[1])
        assert prices_in(swaps) == 1 + 3 + 3, "the same answer again is no other bill"


async def test_a_job_that_failed_has_no_cost_of_its_own_and_follows_the_price() -> None:
    service = Scripted(submit=[accepted(1), accepted(2)], poll=[FAILED, done_at(3 * PRICE)])
    async with of(100, service) as swaps:
        with pytest.raises(SwapFailedError):
            await swaps.swap(**PICTURES)
        await swaps.swap(**PICTURES)
        assert prices_in(swaps) == 3 + 3


async def test_a_job_of_another_process_costs_this_client_nothing_and_shows_the_price() -> None:
    async with of(4, Scripted(poll=done_at(3 * PRICE))) as swaps:
        await swaps.wait(A_JOB)
        assert swaps.committed_usd == 0
        await swaps.submit(**PICTURES)
        with pytest.raises(BudgetExceededError):
            await swaps.submit(**PICTURES)


def test_the_jobs_whose_cost_is_not_known_do_not_fill_the_memory() -> None:
    async def main() -> None:
        spending = Spending(price_usd=PRICE)
        for number in range(JOBS_REMEMBERED + 10):
            async with paid(spending, NO_RECORD, in_doubt=0) as record:
                await record.intend(0, URLS)
                await record.resolved(A_JOB.model_copy(update={"poll_url": poll_url(number)}), 0)
        spending.ended(poll_url(0), is_done=True, cost_usd=2 * PRICE)
        assert spending.committed_usd == (JOBS_REMEMBERED + 10) * 2 * PRICE
        spending.ended(poll_url(100), is_done=True, cost_usd=3 * PRICE)
        assert spending.committed_usd == (JOBS_REMEMBERED + 10) * 3 * PRICE

    run_on_asyncio(main())


async def test_an_acceptance_that_is_recorded_twice_is_settled_once() -> None:
    spending = Spending(price_usd=PRICE)
    async with paid(spending, NO_RECORD, in_doubt=0) as record:
        await record.intend(0, URLS)
        for _ in range(2):
            await record.resolved(A_JOB, 0)
            spending.ended(poll_url(), is_done=True, cost_usd=2 * PRICE)
    spending.ended(poll_url(), is_done=True, cost_usd=3 * PRICE)
    assert spending.committed_usd == 2 * PRICE


# Waiting


async def test_a_call_waits_while_a_post_may_give_its_money_back_and_goes_when_it_does() -> None:
    service = Scripted(submit=[late(says(400, "no"), 5.0), accepted()])
    async with of(1, service) as swaps, anyio.create_task_group() as group:

        async def refused() -> None:
            with pytest.raises(BadRequestError):
                await swaps.submit(**PICTURES)

        group.start_soon(refused)
        await anyio.sleep(1)
        assert (await swaps.submit(**PICTURES)).request_id == "1"
        assert anyio.current_time() - service.times("submit")[0] >= 5.0


async def test_a_call_that_waits_for_money_is_told_as_soon_as_none_can_come_back() -> None:
    service = Scripted(submit=late(accepted(), 5.0), poll=PROCESSING)
    async with of(1, service) as swaps, anyio.create_task_group() as group:
        group.start_soon(lambda: swaps.swap(**PICTURES))
        await anyio.sleep(1)
        with anyio.fail_after(5), pytest.raises(BudgetExceededError):
            await swaps.submit(**PICTURES)
        assert service.count("submit") == 1
        group.cancel_scope.cancel()


async def test_a_call_that_is_cancelled_while_it_waits_for_money_takes_none() -> None:
    service = Scripted(submit=[late(says(400, "no"), 50.0), accepted()])
    async with of(1, service) as swaps, anyio.create_task_group() as group:

        async def refused() -> None:
            with pytest.raises(BadRequestError):
                await swaps.submit(**PICTURES)

        group.start_soon(refused)
        await anyio.sleep(1)
        with anyio.move_on_after(1) as scope:
            await swaps.submit(**PICTURES)
        assert scope.cancelled_caught
        await anyio.sleep(60)
        assert swaps.committed_usd == 0


async def test_a_closing_client_ends_the_wait_for_money() -> None:
    ends: list[BaseException] = []
    swaps = of(1, Scripted(submit=late(says(400, "no"), 5.0)))

    async def call() -> None:
        try:
            await swaps.submit(**PICTURES)
        except SwapError as error:
            ends.append(error)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.sleep(1)
            group.start_soon(call)
            await anyio.sleep(1)
            await swaps.aclose()
    assert [type(end) for end in ends] == [BadRequestError, ConfigurationError]
    assert swaps.committed_usd == 0


# Cancellation, and a close in the middle


async def _left_by_anyio(swaps: SwapClient) -> None:
    with anyio.move_on_after(1):
        await swaps.submit(**PICTURES)


async def _left_by_plain_cancellation(swaps: SwapClient) -> None:
    task = asyncio.create_task(swaps.submit(**PICTURES))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


LATE = [
    (late(accepted(), 5.0), 1),
    (late(says(503), 5.0), 1),
    (late(says(400, "no"), 5.0), 0),
    (late(says(429), 5.0), 0),
    (late(accepted(), 1000.0), 1),
]


async def _check_left(leave: Callable[[SwapClient], Awaitable[None]], step: Step, kept: int) -> None:
    async with of(1, Scripted(submit=step)) as swaps:
        await leave(swaps)
        assert prices_in(swaps) == 1, "nobody knows yet how the POST ends"
        with anyio.fail_after(1), pytest.raises(BudgetExceededError):
            await swaps.submit(**PICTURES)
        await anyio.sleep(30)
        assert prices_in(swaps) == kept
    assert prices_in(swaps) == kept


@pytest.mark.parametrize(("step", "kept"), LATE)
async def test_a_post_whose_caller_has_gone_counts_until_it_is_known_to_be_refused(
    step: Step, kept: int
) -> None:
    await _check_left(_left_by_anyio, step, kept)


@pytest.mark.parametrize(("step", "kept"), LATE)
def test_a_post_whose_caller_was_cancelled_by_plain_asyncio_counts_likewise(step: Step, kept: int) -> None:
    run_on_asyncio(_check_left(_left_by_plain_cancellation, step, kept))


@pytest.mark.parametrize(("step", "kept"), LATE)
async def test_a_post_on_the_wire_when_the_client_is_closed_counts_as_it_ends(step: Step, kept: int) -> None:
    swaps = of(1, Scripted(submit=step))
    async with anyio.create_task_group() as group:

        async def call() -> None:
            with suppress(SwapError):
                await swaps.submit(**PICTURES)

        group.start_soon(call)
        await anyio.sleep(1)
        await swaps.aclose()
    assert prices_in(swaps) == kept


# The record itself


class Refusing:
    """A record whose intent cannot be recorded."""

    is_continued = False

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        raise KeyError("no")

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None: ...
    def withdrawn(self, in_doubt: int) -> None: ...


async def test_an_intent_that_cannot_be_recorded_gives_its_price_back() -> None:
    spending = Spending(PRICE, price_usd=PRICE)
    for _ in range(3):
        with pytest.raises(KeyError):
            async with paid(spending, Refusing(), in_doubt=0) as record:
                try:
                    await record.intend(0, URLS)
                except KeyError:
                    record.withdrawn(0)  # as `submit` does
                    raise
        assert spending.committed_usd == 0


async def test_posts_of_an_earlier_process_are_not_paid_again() -> None:
    spending = Spending(2 * PRICE, price_usd=PRICE)
    async with paid(spending, NO_RECORD, in_doubt=2) as record:
        await record.intend(2, URLS)
        await record.resolved(None, 3)
        await record.intend(3, URLS)
        with pytest.raises(BudgetExceededError):
            await record.intend(4, URLS)
        await record.resolved(A_JOB, 3)
    assert spending.committed_usd == 2 * PRICE


ENDS = st.lists(st.sampled_from(["refused", "doubt", "withdrawn"]), max_size=6)


@given(ends=ENDS, last=st.sampled_from(["job", "refused", "doubt", "open", "none"]), twice=st.booleans())
def test_any_sequence_of_posts_keeps_what_may_be_billed_and_leaves_nothing_in_progress(
    ends: list[str], last: str, twice: bool
) -> None:
    async def main() -> None:
        spending = Spending(10 * PRICE, price_usd=PRICE)
        in_doubt = 0

        async def post(record: PaidRecord, end: str) -> None:
            nonlocal in_doubt
            await record.intend(in_doubt, URLS)
            in_doubt += end == "doubt"
            assert spending.committed_usd >= PRICE * (in_doubt + (end != "doubt")), "paid before it is sent"
            if end == "withdrawn":
                record.withdrawn(in_doubt)
            elif end != "open":
                for _ in range(1 + twice):  # a closing client may record an end twice
                    await record.resolved(A_JOB if end == "job" else None, in_doubt)

        async with paid(spending, NO_RECORD, in_doubt=0) as record:
            for end in ends:
                await post(record, end)
            if last != "none":
                await post(record, last)
        kept = in_doubt + (last in {"job", "open"})
        assert spending.committed_usd == pytest.approx(kept * PRICE)
        if last == "open":
            for _ in range(1 + twice):
                await record.resolved(None, in_doubt)
            kept -= 1
            assert spending.committed_usd == pytest.approx(kept * PRICE)
        for _ in range(10 - kept):
            await spending.reserve()
            spending.end(1, kept=1)
        with anyio.fail_after(1), pytest.raises(BudgetExceededError):
            await spending.reserve()  # waits for ever if a POST counts as in progress

    run_on_asyncio(main())


# Batches


def requests(count: int) -> list[SwapRequest]:
    return [SwapRequest(id=str(number), **PICTURES) for number in range(count)]


@pytest.mark.parametrize("with_journal", [True, False])
async def test_the_budget_of_the_client_stops_a_batch_as_the_budget_of_the_batch_does(
    with_journal: bool, tmp_path: Any
) -> None:
    service = Scripted(submit=[accepted(number) for number in range(10)])
    journal = tmp_path / "swaps.db" if with_journal else None
    async with of(3, service) as swaps:
        async with swaps.swap_many(
            requests(10), journal=journal, budget_usd=100, price_usd=PRICE
        ) as outcomes:
            found = [outcome async for outcome in outcomes]
        assert isinstance(outcomes.stopped_by, BudgetExceededError)
        assert "the client's budget" in str(outcomes.stopped_by)
        assert outcomes.committed_usd == pytest.approx(swaps.committed_usd)
        assert sum(outcome.ok for outcome in found) == 3
        assert prices_in(swaps) == 3
    assert service.count("submit") == 3
    async with of(7, service) as again:
        async with again.swap_many(requests(10), journal=journal) as outcomes:
            found = [outcome async for outcome in outcomes]
        assert prices_in(again) == 7
        assert outcomes.stopped_by is None if with_journal else outcomes.stopped_by is not None


async def test_a_batch_is_not_stopped_while_a_post_on_the_wire_may_give_its_money_back() -> None:
    service = Scripted(submit=[late(says(400, "no"), 5.0), accepted()])
    async with of(1, service) as swaps:
        async with swaps.swap_many(requests(2)) as outcomes:
            found = [outcome async for outcome in outcomes]
        assert outcomes.stopped_by is None
    assert sorted(outcome.state for outcome in found) == ["completed", "rejected"]
