"""The trigger: each step of a row is a change of its last order, whoever makes the step."""

from segmind_swap import Journal, OutcomeState
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._journal.orders.tables import listed
from segmind_swap._journal.store import Store

from ...support.journal_rows import a_job, begun, in_memory, ordered, taken

S = OutcomeState


def _orders(store: Store) -> list[tuple[object, ...]]:
    """Key, state, whether a POST was claimed, and last change of each order."""
    return [
        tuple(row) for row in store.query("SELECT key, state, is_sent, change FROM orders ORDER BY number")
    ]


def test_states_are_a_list_in_sql() -> None:
    assert listed(S.PENDING, S.SENDING) == "('pending', 'sending')"


def test_a_step_changes_the_last_order_of_its_row_and_no_other() -> None:
    store = in_memory()
    first, second = ordered(store, "a"), ordered(store, "b")
    with store.transaction():
        store.step(first.entry.number, S.SENDING, billable_posts=1)
    assert _orders(store) == [("a", "sending", 1, 3), ("b", "pending", 0, 2)]
    with store.transaction():
        store.step(first.entry.number, S.ACCEPTED, job=a_job())
        store.step(first.entry.number, S.FAILED, billable_posts=0, failed_runs=1)
        store.step(second.entry.number, S.REJECTED)
    ordered(store, "a", pay_again=True)
    assert [row[:3] for row in _orders(store)] == [
        ("a", "failed", 1),
        ("b", "rejected", 0),
        ("a", "pending", 0),
    ]
    with store.transaction():
        store.step(first.entry.number, S.SENDING, billable_posts=1)
    assert [row[:3] for row in _orders(store)] == [
        ("a", "failed", 1),
        ("b", "rejected", 0),
        ("a", "sending", 1),
    ]
    changes = [row[3] for row in _orders(store)]
    assert len(set(changes)) == 3
    assert OrderRows(store).last_change() == changes[2]


def test_a_row_without_an_order_changes_nothing() -> None:
    store = in_memory()
    ordered(store, "a")
    number = taken(store, "b").number
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
    assert OrderRows(store).last_change() == 1


def test_a_step_of_a_person_is_a_change_too() -> None:
    journal = Journal(":memory:")
    store = begun(journal.open_writer())
    order = ordered(store, "a")
    with store.transaction():
        store.step(order.entry.number, S.SENDING, billable_posts=1)
    store.close()
    journal.abandon("a")
    store = journal.open_writer()
    assert _orders(store) == [("a", "abandoned", 1, 4)], "unknown, because its batch has ended; then given up"
    store.close()
