"""The table of the orders, its indexes, and the trigger that keeps the states of the orders."""

from __future__ import annotations

from ..._outcome import OutcomeState

S = OutcomeState
UNFINISHED = tuple(state for state in S if state.is_under_way)
"""An order in one of these states has neither a picture nor an end."""


def listed(*states: OutcomeState) -> str:
    """States as a list in SQL."""
    return f"({', '.join(repr(str(state)) for state in states)})"


ORDERS = (
    """CREATE TABLE orders (
    number INTEGER PRIMARY KEY,
    swap INTEGER NOT NULL,
    key TEXT NOT NULL,
    owner TEXT,
    reference TEXT NOT NULL,
    scene TEXT NOT NULL,
    ordered_at REAL NOT NULL,
    state TEXT NOT NULL,
    is_sent INTEGER NOT NULL DEFAULT 0,
    change INTEGER NOT NULL
)""",
    "CREATE INDEX orders_of_key ON orders (key)",
    "CREATE INDEX orders_of_swap ON orders (swap)",
    "CREATE UNIQUE INDEX order_changes ON orders (change)",
    "CREATE INDEX orders_of_owner ON orders (owner, ordered_at) WHERE owner IS NOT NULL",
    "CREATE INDEX order_states ON orders (state)",
    """CREATE TRIGGER order_follows_its_swap AFTER UPDATE OF state ON swaps
WHEN EXISTS (SELECT 1 FROM orders WHERE swap = NEW.number)
BEGIN
    UPDATE orders SET state = NEW.state, is_sent = is_sent OR NEW.state = 'sending',
        change = (SELECT max(change) FROM orders) + 1
    WHERE number = (SELECT max(number) FROM orders WHERE swap = NEW.number);
END""",
)
"""The statements that make the table. `swap` is the number of a row of `swaps`, and `change` the number of
the last change of the order. Of the orders of one row, the last one has the state of the row, whoever changes
that. The orders before keep the state in which they have ended. `is_sent` is 1 after a POST was claimed."""
