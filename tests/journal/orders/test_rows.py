"""The rows of orders. The contract of orders tests what they do; here is how."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from segmind_swap import Journal, JournalError, LimitExceededError, OutcomeState, SwapCancelledError
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._protocols.orders import OrderLimits

from ...support.journal_rows import a_job, a_result, an_order, at, in_memory, ordered

S = OutcomeState
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_refused_order_leaves_no_row_behind() -> None:
    """A refused step of a group is not rolled back alone: it must not have written anything."""
    store = in_memory()
    rows = OrderRows(store)
    with store.transaction():
        with pytest.raises(LimitExceededError):
            rows.add(an_order("a"), limits=OrderLimits(max_queued=0), pay_again=False, now=NOW)
        rows.add(an_order("b"), limits=OrderLimits(), pay_again=False, now=NOW)
    assert [entry.id for entry in store.entries()] == ["b"]
    assert rows.current("a") is None


def test_names_that_are_no_unicode_are_kept_in_a_form_that_can_be_stored() -> None:
    store = in_memory()
    order = ordered(store, "a", owner="ann\udcff")
    assert order.owner == "ann\\udcff"
    limits = OrderLimits(max_per_owner=1)
    with store.transaction(), pytest.raises(LimitExceededError):
        OrderRows(store).add(an_order("b", owner="ann\udcff"), limits=limits, pay_again=False, now=NOW)


def test_a_download_that_is_given_up_is_a_change_that_names_its_error() -> None:
    store = in_memory()
    rows = OrderRows(store)
    order = ordered(store, "a")
    with store.transaction():
        rows.give_up(order, SwapCancelledError("too early"))
        assert rows.current("a") == order
        store.step(order.entry.number, S.SENDING, billable_posts=1)
        store.step(order.entry.number, S.COMPLETED, job=a_job(), result=a_result())
        before = rows.last_change()
        rows.give_up(order, SwapCancelledError("the link has expired"))
    found = rows.current("a")
    assert found is not None
    assert (found.state, str(found.entry.error), found.change) == (
        S.COMPLETED,
        "the link has expired",
        before + 1,
    )
    assert found.entry.result == a_result()


def test_the_time_of_an_order_is_that_of_its_call() -> None:
    store = in_memory()
    with store.transaction():
        order, _ = OrderRows(store).add(an_order("a"), limits=OrderLimits(), pay_again=False, now=NOW)
    assert order.ordered_at == NOW


async def test_an_unknown_swap_is_not_submitted_again_without_its_pictures(tmp_path: Path) -> None:
    """It would become REJECTED, and the job that it may have would not be looked for any more."""
    store = at(tmp_path / "swaps.db")
    number = ordered(store, "a").entry.number
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
        store.step(number, S.UNKNOWN)
    store.close()
    journal = Journal(tmp_path / "swaps.db")
    with pytest.raises(JournalError, match="'a' came with uploaded pictures, which are not kept"):
        journal.resubmit("a")
    amendment = await journal.amend(origin=BASE_URL, workflow=WORKFLOW)
    (entry,) = await amendment.entries()
    assert set(await amendment.without_pictures()) == {number}
    with pytest.raises(JournalError, match="'a' came with uploaded pictures, which are not kept"):
        await amendment.resubmit(entry)
    await amendment.aclose()
    assert [outcome.state for outcome in journal.outcomes()] == [S.UNKNOWN]
    summary = journal.summary()
    assert (summary.unknown, summary.without_pictures, summary.orders) == (("a",), ("a",), 1)


def test_a_swap_whose_pictures_have_urls_can_be_submitted_again() -> None:
    store = in_memory()
    rows = OrderRows(store)
    order = replace(an_order("a"), pictures=("https://a.example/r.png", "https://a.example/s.png"))
    with store.transaction():
        added, _ = rows.add(order, limits=OrderLimits(), pay_again=False, now=NOW)
        store.step(added.entry.number, S.SENDING, billable_posts=1)
        store.step(added.entry.number, S.UNKNOWN)
    rows.check_resubmit(added.entry)
    assert rows.without_pictures() == {}
    with pytest.raises(JournalError, match="came with uploaded pictures"):
        rows.check_resubmit(ordered(store, "b").entry)
