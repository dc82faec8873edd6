"""The money of a batch: no budget is exceeded, and every POST in doubt is counted."""

from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from segmind_swap import (
    PRICE_USD,
    BudgetExceededError,
    Journal,
    OutcomeState,
    RetryPolicy,
    SwapClient,
    SwapFailedError,
    SwapRequest,
)
from segmind_swap.emulator import Fault

from ..support.batches import KEY, client_of, emulator, run, states, swaps_of

S = OutcomeState


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


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


@pytest.mark.parametrize(
    ("are_free", "ended"),
    [
        (True, {"failed": 1, "completed": 2, "pending": 1}),
        (False, {"failed": 1, "completed": 1, "pending": 2}),
    ],
)
async def test_money_of_a_swap_that_failed_is_used_for_another_only_if_failed_runs_are_free(
    are_free: bool, ended: dict[str, int]
) -> None:
    service = emulator(
        faults=[Fault(on="poll", calls=(1,), body={"status": "FAILED", "error": "no"}, status=200)]
    )
    options = {"budget_usd": 0.31, "concurrency": 4, "failed_runs_are_free": are_free}
    outcomes = await run(service, swaps_of(4), options)
    assert states(outcomes) == ended
    (outcome,) = [outcome for outcome in outcomes if outcome.state is S.FAILED]
    assert isinstance(outcome.error, SwapFailedError)


ALL_FAIL = {"status": "FAILED", "error": "no"}


async def test_a_budget_is_kept_where_failed_runs_are_billed() -> None:
    service = emulator(faults=[Fault(on="poll", body=ALL_FAIL, status=200)])
    journal = Journal(":memory:")
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(60), journal=journal, budget_usd=1.0) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
        assert isinstance(outcomes.stopped_by, BudgetExceededError)
        assert outcomes.committed_usd == pytest.approx(6 * PRICE_USD)
    assert len(service.ledger) == states(ended)["failed"] == 6
    assert journal.summary().committed_usd == pytest.approx(6 * PRICE_USD)


async def test_failed_runs_that_are_said_to_be_free_give_the_money_of_earlier_runs_back() -> None:
    service = emulator(faults=[Fault(on="poll", body=ALL_FAIL, status=200)])
    journal = Journal(":memory:")
    options = {"journal": journal, "budget_usd": 0.46, "max_failed": None}
    assert states(await run(service, swaps_of(9), options))["failed"] == 3
    outcomes = await run(service, swaps_of(9), {**options, "failed_runs_are_free": True})
    assert states(outcomes) == {"failed": 9}
    assert journal.summary().committed_usd == 0.0
    assert journal.summary(failed_runs_are_free=False).committed_usd == pytest.approx(9 * PRICE_USD)


@pytest.mark.parametrize("are_free", [False, True])
async def test_a_retry_keeps_the_money_of_the_failed_run_and_leaves_nothing_in_doubt(are_free: bool) -> None:
    service = emulator(
        faults=[
            Fault(on="submit", status=504, accepts=True, calls=[1]),
            Fault(on="poll", body=ALL_FAIL, status=200),
        ]
    )
    journal, retry = Journal(":memory:"), RetryPolicy(initial_delay=0)
    options = {"journal": journal, "failed_runs_are_free": are_free}
    (failed,) = await run(service, swaps_of(1), options, retry=retry)
    assert failed.job is not None
    assert (failed.state, failed.job.possible_duplicates) == (S.FAILED, 1)
    before = journal.summary().committed_usd
    assert before == pytest.approx((1 if are_free else 2) * PRICE_USD)
    service.withdraw_all()
    service.inject(Fault(on="submit", status=422, times=1))
    (refused,) = await run(service, swaps_of(1), {**options, "retry_failed": True})
    assert refused.state is S.REJECTED, "no POST of this attempt is in doubt"
    assert journal.summary().committed_usd == pytest.approx(before)
    (done,) = await run(service, swaps_of(1), {**options, "retry_failed": True})
    assert done.state is S.COMPLETED
    assert done.job is not None
    assert done.job.possible_duplicates == 0
    assert journal.summary().committed_usd == pytest.approx(before + PRICE_USD)


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


async def test_a_journal_counts_the_inputs_that_a_stopped_run_has_not_taken_but_not_their_money() -> None:
    service, journal = emulator(), Journal(":memory:")

    async def ran(
        requests: Iterable[SwapRequest], swaps: float | None = None
    ) -> tuple[dict[OutcomeState, int], float]:
        budget_usd = None if swaps is None else swaps * PRICE_USD
        await run(service, requests, {"journal": journal, "budget_usd": budget_usd, "concurrency": 1})
        summary = journal.summary()
        return summary.states, round(summary.committed_usd / PRICE_USD, 6)

    assert await ran(swaps_of(30), 2.5) == ({S.COMPLETED: 2, S.PENDING: 28}, 2)
    assert await ran(swaps_of(30), 4.5) == ({S.COMPLETED: 4, S.PENDING: 26}, 4)
    assert len([*journal.outcomes()]) < 30, "an input that no run has taken has no entry"
    # The inputs of another run replace those of the last run: at most the input that was taken is left.
    states, swaps = await ran(swaps_of(5))
    assert (states, swaps) == ({S.COMPLETED: 5}, 5)
    assert (await ran(swaps_of(8), 6.5))[0][S.PENDING] == 2
    # A run whose inputs are not known in advance counts only what it has taken.
    states, _ = await ran(iter(swaps_of(40)), 7.5)
    assert states[S.COMPLETED] == 7
    assert states[S.PENDING] <= 2
    assert len(service.ledger) == 7
