"""One swap's account: what it tells its ledger, and what it tells the batch when the ledger fails."""

import logging

import pytest

from segmind_swap import BudgetExceededError, JournalError, OutcomeState, SwapError, SwapOutcome
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._swap.account import SwapAccount

from ..support.journal_rows import URLS, a_job, a_result, in_memory, row, taken

S = OutcomeState
PRICE = 0.15


def unexpected(error: SwapError) -> None:
    raise AssertionError(f"the ledger failed: {error}")


def ledger_of(store: Store, *, budget_usd: float | None = None) -> SqliteLedger:
    return SqliteLedger(Writer(store), Budget(budget_usd, price_usd=PRICE, spent=Spent()))


async def test_an_account_is_posting_from_the_intent_to_its_end() -> None:
    store = in_memory()
    account = SwapAccount(ledger_of(store), taken(store), on_failure=unexpected)
    await account.reserve()
    assert not account.is_posting
    await account.intend(0, URLS)
    assert account.is_posting
    await account.resolved(None, 0)
    assert (account.is_posting, account.is_in_doubt) == (False, False)
    await account.intend(0, URLS)
    account.withdrawn(0)
    assert not account.is_posting


async def test_a_post_in_doubt_stays_held_when_the_account_is_released() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    account = SwapAccount(ledger, taken(store), on_failure=unexpected)
    await account.reserve()
    await account.intend(0, URLS)
    await account.resolved(None, 1)
    assert account.is_in_doubt
    await account.intend(1, URLS)
    account.release()
    assert ledger.committed_usd == pytest.approx(2 * PRICE), "the POST on its way may be accepted, too"


async def test_an_intent_without_room_in_the_budget_is_told_and_raised() -> None:
    store, told = in_memory(), list[SwapError]()
    account = SwapAccount(ledger_of(store, budget_usd=0.2), taken(store), on_failure=told.append)
    await account.reserve()
    await account.intend(0, URLS)
    await account.resolved(None, 1)
    with pytest.raises(BudgetExceededError) as caught:
        await account.intend(1, URLS)
    assert told == [caught.value]
    assert not account.is_posting


@pytest.mark.parametrize("step", ["resolved", "accepted", "finish", "save"])
async def test_a_ledger_that_fails_is_told_to_the_batch_and_ends_no_swap(step: str) -> None:
    store, told = in_memory(), list[SwapError]()
    ledger = ledger_of(store)
    entry = taken(store)
    account = SwapAccount(ledger, entry, on_failure=told.append)
    await account.reserve()
    await account.intend(0, URLS)
    ledger._writer.close()
    match step:
        case "resolved":
            await account.resolved(None, 1)
        case "accepted":
            await account.resolved(a_job(), 0)
        case "finish":
            request = entry.outcome().request
            outcome = SwapOutcome(request=request, state=S.COMPLETED, result=a_result())
            await account.finish(outcome, unsettled_posts=0)
        case _:
            await account.save(a_result())
    (error,) = told
    assert isinstance(error, JournalError)
    assert account.is_posting is (step in {"finish", "save"})


class Unreachable(SqliteLedger):
    """A ledger in another place, which raises an error of its own once a POST has left."""

    async def accept(self, *args: object, **more: object) -> None:
        raise ConnectionError("the place cannot be reached")

    refuse = finish = save = accept

    def withdraw(self, *args: object, **more: object) -> None:
        raise ConnectionError("the place cannot be reached")

    release = withdraw


@pytest.mark.parametrize("step", ["accepted", "refused", "finish", "save", "withdrawn", "release"])
async def test_a_ledger_that_raises_an_error_of_its_own_after_a_post_ends_no_swap(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, told = in_memory(), list[SwapError]()
    entry = taken(store)
    ledger = Unreachable(Writer(store), Budget(None, price_usd=PRICE, spent=Spent()))
    account = SwapAccount(ledger, entry, on_failure=told.append)
    await account.reserve()
    await account.intend(0, URLS)
    match step:
        case "accepted":
            await account.resolved(a_job(), 0)
        case "refused":
            await account.resolved(None, 0)
        case "finish":
            request = entry.outcome().request
            await account.finish(
                SwapOutcome(request=request, state=S.COMPLETED, job=a_job(), result=a_result()),
                unsettled_posts=0,
            )
        case "save":
            await account.save(a_result())
        case "withdrawn":
            account.withdrawn(0)
        case _:
            account.release()
    (error,) = told
    assert isinstance(error, JournalError)
    assert "ConnectionError: the place cannot be reached" in str(error)
    assert account.is_posting is (step in {"finish", "save", "release"})
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    named = step in {"accepted", "finish", "save"}
    assert (a_job().model_dump_json() in record.getMessage()) is named, "nothing else may know of the job"


@pytest.mark.parametrize(
    ("state", "posts", "in_doubt"),
    [(S.PENDING, 0, 0), (S.PENDING, 2, 2), (S.ACCEPTED, 1, 0), (S.ACCEPTED, 3, 2), (S.UNKNOWN, 2, 2)],
)
async def test_the_posts_of_an_entry_beside_its_job_are_in_doubt(
    state: OutcomeState, posts: int, in_doubt: int
) -> None:
    store = in_memory()
    row(store, "a", state, posts=posts, job=a_job() if state is S.ACCEPTED else None)
    entry = store.entry_of("a")
    assert entry is not None
    account = SwapAccount(ledger_of(store), entry, on_failure=unexpected)
    assert (account.in_doubt, account.is_posting, account.is_in_doubt) == (in_doubt, False, False)
