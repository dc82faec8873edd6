"""The contract of orders finds a store that breaks a rule of money: each has one mistake here."""

from collections.abc import Callable

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap._journal.facts import Facts
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget import Reservations
from segmind_swap._journal.orders import rows
from segmind_swap._journal.orders.orders import SqliteOrders
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._journal.store import Store
from segmind_swap._protocols.ledger import Ledger
from segmind_swap._protocols.orders import Order
from segmind_swap.testing.contracts import OrdersContract

from .test_contracts import _Contract, changed, failures, journal

S = OutcomeState


class _Orders(OrdersContract):
    patience = 5.0
    set_clock = _Contract.set_clock

    async def crash(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        await ledger._writer.aclose()


def test_the_orders_of_this_package_break_no_rule() -> None:
    assert failures(_Orders(), journal) == set()


def _cancels_anything(self: OrderRows, id: str) -> Order | None:
    order = self.current(id)
    if order is not None:
        self._store._db.execute(
            "UPDATE swaps SET state = 'abandoned' WHERE number = ?", (order.entry.number,)
        )
    return self.current(id)


def _forgets_the_order_of_a_row(self: Store, number: int, what: str) -> Exception:
    return self.error(what)


@pytest.mark.parametrize(
    ("owner", "name", "mistake", "found_by"),
    [
        (rows, "check_admission", lambda *_: None, "while_the_service_is_halted"),
        (rows, "UNFINISHED", tuple(S), "gets_another_version"),
        (rows, "UNFINISHED", (), "is_joined_and_not_paid_again"),
        (OrderRows, "current", lambda self, id: None, "is_joined_whatever_its_state"),
        (OrderRows, "cancel", _cancels_anything, "that_was_claimed_is_not_cancelled"),
        (OrderRows, "reject", lambda self, order, error: None, "is_rejected"),
        (OrderRows, "spooled", lambda self: set(), "files_of_orders"),
        (OrderRows, "last_change", lambda self: 0, "each_state_of_an_order"),
        (Store, "_refusal", _forgets_the_order_of_a_row, "a_cancelled_order_is_never_claimed"),
        (Store, "end_sending", lambda self: None, "orders_outlive_a_crash"),
        (Facts, "spent_micro_usd", lambda self, day: 0, "the_money_of_a_day"),
        (SqliteLedger, "_with_money", lambda self, step: step, "the_money_of_a_day"),
        (Reservations, "refuse", lambda self, entry, *, in_doubt: None, "the_money_of_a_day"),
        (SqliteLedger, "resume", lambda self, entry: None, "waited_for_again"),
        (SqliteOrders, "keep_endings", lambda self, endings: None, "halt_and_endings"),
    ],
)
def test_orders_with_a_mistake_are_found_out(
    owner: type, name: str, mistake: Callable[..., object], found_by: str
) -> None:
    only = type("Only", (_Orders,), {})
    for test in dir(_Orders):
        if test.startswith("test_") and found_by not in test:
            setattr(only, test, lambda self, make, backend, **case: None)
    with changed(owner, name, mistake):
        assert failures(only(), lambda: Journal(":memory:"))
