"""A batch's money and journal together: what is reserved, what is written down, and what is told of it."""

import anyio
import pytest
from segmind_swap._books import Account, Books

from segmind_swap import JournalError, OutcomeState, SwapJob, SwapRequest
from segmind_swap._journal.budget import Budget, Spent
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._protocols import Entry

from ..support.journal_rows import a_job, a_result, in_memory, row, taken

S = OutcomeState
PRICE = 0.15


def books(store: Store | None, *, budget_usd: float | None = None) -> Books:
    writer = None if store is None else Writer(store)
    return Books(writer, Budget(budget_usd, price_usd=PRICE, spent=Spent()), lambda: None)


def account_of(made: Books, store: Store, id: str = "a") -> Account:
    """The account of a new row."""
    heard: list[SwapJob | None] = []
    account = Account(made, id, heard.append)
    account.opened(taken(store, id))
    return account


def entry_of(store: Store, id: str = "a") -> Entry:
    entry = store.known(id)
    assert entry is not None
    return entry


def request(id: str | None) -> SwapRequest:
    return SwapRequest(id=id, reference_character_image="hero.png", character_image="other.png")


# An intent that is taken back


async def test_an_intent_that_is_withdrawn_leaves_the_swap_to_be_sent() -> None:
    store = in_memory()
    account = account_of(books(store), store)
    await account.reserve()
    await account.sending(0)
    assert (entry_of(store).state, entry_of(store).posts) == (S.SENDING, 1)
    account.withdrawn(0)
    assert (entry_of(store).state, entry_of(store).posts) == (S.PENDING, 0)
    assert not account.is_on_the_wire


async def test_an_intent_that_is_withdrawn_after_a_post_in_doubt_leaves_the_swap_in_doubt() -> None:
    store = in_memory()
    account = account_of(books(store), store)
    await account.reserve()
    await account.sending(0)
    await account.told(None, 1)
    await account.sending(1)
    assert entry_of(store).posts == 2
    account.withdrawn(1)
    assert (entry_of(store).state, entry_of(store).posts) == (S.SENDING, 1)


async def test_a_swap_without_a_row_has_nothing_to_write() -> None:
    made = books(None)
    account = Account(made, "", lambda _: None)
    await account.reserve()
    await account.sending(0)
    account.withdrawn(0)
    assert made.path == ""
    account.let_go()
    assert made.budget.committed_usd == 0
    await made.aclose()


# What is told of inputs that were not taken


async def test_an_input_that_was_not_taken_is_told_as_the_journal_has_it() -> None:
    store, why = in_memory(), JournalError("the disk is full", path="run.db")
    row(store, "done", S.COMPLETED, posts=1, job=a_job(), result=a_result())
    row(store, "waiting", S.PENDING)
    made = books(store)
    made.stop(why)
    requests = {0: request("done"), 3: request("waiting"), 4: request("new"), 7: request(None)}
    found = await made.not_taken(requests)
    assert {number: outcome.state for number, outcome in found.items()} == {
        0: S.COMPLETED,
        3: S.PENDING,
        4: S.PENDING,
        7: S.PENDING,
    }
    assert all(outcome.request is requests[number] for number, outcome in found.items())
    assert (found[0].result, found[0].error) == (a_result(), None)
    assert all(found[number].error is why for number in (3, 4, 7))


async def test_without_a_journal_an_input_that_was_not_taken_was_not_sent() -> None:
    made = books(None)
    (outcome,) = (await made.not_taken({2: request("a")})).values()
    assert (outcome.state, outcome.error) == (S.PENDING, None)


async def test_an_input_that_the_journal_cannot_be_asked_about_may_have_been_paid() -> None:
    made = books(in_memory())
    await made.aclose()
    requests = {0: request("a"), 1: request(None)}
    found = await made.not_taken(requests)
    for number, outcome in found.items():
        assert outcome.request is requests[number]
        assert outcome.state is S.UNKNOWN
        assert isinstance(outcome.error, JournalError)


# A journal that fails


async def test_a_job_that_no_file_can_take_is_in_the_log_with_all_that_is_needed_to_wait_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = in_memory()
    made = books(store)
    account = account_of(made, store)
    await account.reserve()
    await account.sending(0)
    assert made._writer is not None
    made._writer.close()
    await account.told(a_job(), 0)
    (line,) = (record.message for record in caplog.records if record.levelname == "ERROR")
    assert line == (
        f"{made.stopped_by}. The job of 'a' is accepted and billed: {a_job().model_dump_json()}"
        " Keep this line: the journal is in memory only."
    )


async def test_whatever_fails_to_be_written_stops_the_batch_and_says_why() -> None:
    for step in ("told", "ended", "saved"):
        store = in_memory()
        made = books(store)
        account = account_of(made, store)
        await account.reserve()
        await account.sending(0)
        assert made._writer is not None
        made._writer.close()
        match step:
            case "told":
                await account.told(None, 1)
            case "ended":
                await account.ended(S.COMPLETED, held=0, result=a_result())
            case _:
                await account.saved(a_result())
        assert made.is_stopped
        assert isinstance(made.stopped_by, JournalError), step


# Money


async def test_a_price_that_the_service_has_raised_is_in_the_journal_once() -> None:
    store = in_memory()
    made = books(store)
    made.keep_price()
    assert store.price_usd is None, "it is the one that the batch began with"
    account = account_of(made, store)
    await account.reserve()
    await account.sending(0)
    await account.told(a_job(), 0)
    await account.ended(S.COMPLETED, held=0, result=a_result(cost_usd=0.4))
    assert store.price_usd == made.budget.price_usd == 0.4
    with store.transaction():
        store.set_price(0.7)
    made.keep_price()
    assert store.price_usd == 0.7, "it is written only when it changes"


async def test_money_is_held_for_each_post_that_may_have_been_accepted() -> None:
    store = in_memory()
    made = books(store, budget_usd=1.0)
    account = account_of(made, store)
    await account.reserve()
    await account.sending(0)
    await account.told(None, 1)
    await account.sending(1)
    assert made.budget.committed_usd == pytest.approx(2 * PRICE)
    await account.told(a_job(), 1)
    await account.ended(S.COMPLETED, held=1, result=a_result())
    assert made.budget.committed_usd == pytest.approx(2 * PRICE)
    assert entry_of(store).posts == 2


async def test_a_journal_is_closed_when_the_last_answer_has_come_home() -> None:
    store = in_memory()
    made = books(store)
    accounts = [account_of(made, store, id) for id in "abc"]
    for account in accounts:
        await account.reserve()
        await account.sending(0)
    accounts[2].withdrawn(0)
    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(made.aclose)
        await anyio.sleep(1)
        await accounts[0].told(a_job(1), 0)
        await anyio.sleep(1)
        await accounts[1].told(a_job(2), 0)
    assert anyio.current_time() - started == pytest.approx(2.0)
    assert [entry_of(store, id).state for id in "abc"] == [S.ACCEPTED, S.ACCEPTED, S.PENDING]


@pytest.mark.parametrize(
    ("state", "posts", "in_doubt"),
    [(S.PENDING, 0, 0), (S.PENDING, 2, 2), (S.FAILED, 1, 1), (S.ACCEPTED, 1, 0), (S.ACCEPTED, 3, 2)],
)
async def test_of_a_row_the_posts_beside_its_job_are_in_doubt(
    state: OutcomeState, posts: int, in_doubt: int
) -> None:
    store = in_memory()
    row(store, "a", state, posts=posts, job=None if state is S.PENDING else a_job())
    account = Account(books(store), "a", lambda _: None)
    assert (account.in_doubt, account.is_on_the_wire, account.is_in_doubt) == (0, False, False)
    account.opened(entry_of(store))
    assert (account.in_doubt, account.is_in_doubt) == (in_doubt, False)


async def test_a_journal_does_not_wait_for_ever_for_an_answer() -> None:
    store = in_memory()
    made = books(store)
    account = account_of(made, store)
    await account.reserve()
    await account.sending(0)
    started = anyio.current_time()
    await made.aclose()
    assert anyio.current_time() - started == pytest.approx(20.0)
    assert entry_of(store).state is S.SENDING
