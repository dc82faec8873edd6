"""The ledgers of one machine: the state between two POSTs, what is rescued, and when a journal is closed."""

import anyio
import pytest

from segmind_swap import JournalError, OutcomeState, SwapOutcome
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget_only import BudgetOnlyLedger
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._protocols.entry import Entry, NewEntry

from ..support.journal_rows import URLS, a_job, a_result, in_memory, taken

S = OutcomeState
PRICE = 0.15


def ledger_of(store: Store, *, budget_usd: float | None = None) -> SqliteLedger:
    return SqliteLedger(Writer(store), Budget(budget_usd, price_usd=PRICE, spent=Spent()))


def entry_of(store: Store, id: str = "a") -> Entry:
    entry = store.entry_of(id)
    assert entry is not None
    return entry


def completed(entry: Entry, *, cost_usd: float | None = None) -> SwapOutcome:
    request = entry.outcome().request
    return SwapOutcome(request=request, state=S.COMPLETED, result=a_result(cost_usd=cost_usd))


async def claimed(ledger: SqliteLedger, store: Store, id: str = "a") -> Entry:
    """A new entry whose POST is on its way."""
    entry = taken(store, id)
    await ledger.reserve(entry)
    await ledger.claim(entry, in_doubt=0, urls=URLS)
    return entry


async def test_an_intent_that_is_withdrawn_leaves_the_swap_to_be_sent() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    entry = await claimed(ledger, store)
    assert (entry_of(store).state, entry_of(store).billable_posts) == (S.SENDING, 1)
    ledger.withdraw(entry, in_doubt=0)
    assert (entry_of(store).state, entry_of(store).billable_posts) == (S.PENDING, 0)


async def test_an_intent_that_is_withdrawn_after_a_post_in_doubt_leaves_the_swap_in_doubt() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    entry = await claimed(ledger, store)
    await ledger.refuse(entry, in_doubt=1)
    await ledger.claim(entry, in_doubt=1, urls=URLS)
    assert entry_of(store).billable_posts == 2
    ledger.withdraw(entry, in_doubt=1)
    assert (entry_of(store).state, entry_of(store).billable_posts) == (S.SENDING, 1)


async def test_a_batch_without_a_journal_has_no_name_and_no_entries() -> None:
    ledger = BudgetOnlyLedger(Budget(None, price_usd=PRICE, spent=Spent()))
    first, second = [
        await ledger.take(NewEntry(id="a", fingerprint="p", reference="hero.png", scene="street.png"))
        for _ in range(2)
    ]
    assert first.number != second.number, "the same id is no conflict"
    assert (ledger.name, ledger.keeps_entries, await ledger.find(["a"])) == ("", False, {})
    assert await ledger.reopen(first) is first
    await ledger.aclose()


async def test_a_job_that_no_file_can_take_is_in_the_log_with_all_that_is_needed_to_wait_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = in_memory()
    ledger = ledger_of(store)
    entry = await claimed(ledger, store)
    ledger._writer.close()
    with pytest.raises(JournalError) as caught:
        await ledger.accept(entry, a_job(), in_doubt=0)
    (line,) = (record.message for record in caplog.records if record.levelname == "ERROR")
    assert line == (
        f"{caught.value}. The job of 'a' is accepted and billed: {a_job().model_dump_json()}"
        " Keep this line: the journal is in memory only."
    )


async def test_a_price_that_the_service_has_raised_is_in_the_journal_once() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    first, second = await claimed(ledger, store, "a"), await claimed(ledger, store, "b")
    assert store.facts.price_usd is None, "the price is the one that the batch began with"
    await ledger.accept(first, a_job(), in_doubt=0)
    await ledger.finish(first, completed(first, cost_usd=0.4), unsettled_posts=0)
    assert store.facts.price_usd == ledger.price_usd == 0.4
    with store.transaction():
        store.facts.set_price(0.7)
    await ledger.accept(second, a_job(2), in_doubt=0)
    await ledger.finish(second, completed(second, cost_usd=0.4), unsettled_posts=0)
    assert store.facts.price_usd == 0.7, "the price is written only when it changes"


async def test_money_is_settled_although_the_journal_fails() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    entry = await claimed(ledger, store)
    await ledger.accept(entry, a_job(), in_doubt=0)
    ledger._writer.close()
    with pytest.raises(JournalError, match="is closed"):
        await ledger.finish(entry, completed(entry, cost_usd=0.4), unsettled_posts=0)
    assert ledger.committed_usd == pytest.approx(0.4)


async def test_a_journal_is_closed_when_the_last_response_has_come() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    entries = [await claimed(ledger, store, id) for id in "abc"]
    ledger.withdraw(entries[2], in_doubt=0)
    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(ledger.aclose)
        await anyio.sleep(1)
        await ledger.accept(entries[0], a_job(1), in_doubt=0)
        await anyio.sleep(1)
        await ledger.accept(entries[1], a_job(2), in_doubt=0)
    assert anyio.current_time() - started == pytest.approx(2.0)
    assert [entry_of(store, id).state for id in "abc"] == [S.ACCEPTED, S.ACCEPTED, S.PENDING]


async def test_a_journal_does_not_wait_for_ever_for_a_response() -> None:
    store = in_memory()
    ledger = ledger_of(store)
    await claimed(ledger, store)
    started = anyio.current_time()
    await ledger.aclose()
    assert anyio.current_time() - started == pytest.approx(20.0)
    assert entry_of(store).state is S.SENDING
