"""The rows of the orders: added, found, cancelled, and read by their changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..._api.ids import canonical_id
from ..._errors import JournalError, SubmissionUnknownError, SwapCancelledError, SwapError
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry, EntryConflict, NewVersion
from ..._protocols.orders import NewOrder, Order, OrderLimits
from ..versions import storable
from .admission import check_admission
from .tables import UNFINISHED, listed

if TYPE_CHECKING:
    from ..store import Store

S = OutcomeState
_ORDERS = (
    "SELECT swaps.*, orders.number AS order_number, orders.change, orders.owner,"
    " orders.reference AS order_reference, orders.scene AS order_scene, orders.ordered_at"
    " FROM orders JOIN swaps ON swaps.number = orders.swap"
)
_IS_CURRENT = "orders.number = (SELECT max(number) FROM orders AS other WHERE other.key = orders.key)"
_BY_URGENCY = (
    "CASE orders.state WHEN 'accepted' THEN 0 WHEN 'completed' THEN 1 ELSE 2 END,"
    " CASE orders.state WHEN 'accepted' THEN swaps.accepted_at END, orders.number"
)
_CHANGES = 500
"""How many changes are read at once, at most."""


class OrderRows:
    """The orders of a journal. Synchronous, inside the transactions of its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self, id: str) -> Order | None:
        """The latest order of an id; None if there is none."""
        of_key = "orders.number = (SELECT max(number) FROM orders WHERE key = ?)"
        found = self._orders(of_key, canonical_id(id))
        return found[0] if found else None

    def find(self, ids: Collection[str]) -> dict[str, Order]:
        """The current orders by id. The mapping has no key for an id without an order."""
        found = {id: self.current(id) for id in ids}
        return {id: order for id, order in found.items() if order is not None}

    def changed_after(self, change: int) -> list[Order]:
        """The first current orders with a later change, in the order of their changes."""
        later = f"orders.change > ? AND {_IS_CURRENT} ORDER BY orders.change LIMIT {_CHANGES}"
        return self._orders(later, change)

    def last_change(self) -> int:
        """The number of the last change of any order; 0 if there was none."""
        (change,) = self._store.query("SELECT max(change) FROM orders").fetchone()
        return change or 0

    def unfinished(self, *, with_completed: bool) -> list[Order]:
        """What is left to be done, the most urgent first."""
        states = listed(S.PENDING, S.ACCEPTED, *([S.COMPLETED] if with_completed else []))
        return self._orders(f"orders.state IN {states} ORDER BY {_BY_URGENCY}")

    def spooled(self) -> set[str]:
        """Where the pictures are that may still have to be sent."""
        states = listed(*(state for state in S if state.needs_pictures))
        rows = self._store.query(f"SELECT reference, scene FROM orders WHERE state IN {states}")  # noqa: S608
        return {picture for row in rows for picture in row}

    def settled_pictures(self, names: Collection[str]) -> set[str]:
        """Which of these pictures belong to orders, and to none that may still have to be sent."""
        given = json.dumps(sorted(names))
        among = "(SELECT value FROM json_each(?))"
        query = f"SELECT reference, scene FROM orders WHERE reference IN {among} OR scene IN {among}"  # noqa: S608
        known = {picture for row in self._store.query(query, given, given) for picture in row}
        return (known & set(names)) - self.spooled()

    def add(
        self, order: NewOrder, *, limits: OrderLimits, pay_again: bool, now: datetime
    ) -> tuple[Order, bool]:
        """Adds an order, or finds the order of its id. Writes only after everything was checked.

        Raises:
            EntryConflict: the id belongs to other pictures.
            BudgetExceededError, LimitExceededError, ServiceStoppedError: no order may be added.
        """
        known, latest = self.current(order.swap.id), self._store.versions.latest(order.swap.id)
        if latest is not None and latest.input.fingerprint != order.swap.fingerprint:
            raise EntryConflict(latest.conflict(self._store.path))
        if latest is None:
            check_admission(self._store, order.owner, limits, now)
            return self._insert(order, self._store.take(order.swap), now), True
        if pay_again and latest.state not in UNFINISHED:
            check_admission(self._store, order.owner, limits, now)
            return self._pay_again(order, latest, now), True
        if known is not None and (not pay_again or known.entry.number == latest.number):
            return known, False
        # A batch or a redo has made the row, and no order is about it yet.
        entry = latest if pay_again else self._store.find([order.swap.id])[order.swap.id]
        is_unsent = entry.state is S.PENDING
        if is_unsent:
            check_admission(self._store, order.owner, limits, now)
        return self._insert(order, entry, now), is_unsent

    def _pay_again(self, order: NewOrder, latest: Entry, now: datetime) -> Order:
        swap = order.swap
        if latest.state.is_done or latest.fingerprint != swap.fingerprint:
            new = NewVersion(
                id=swap.id,
                after=latest.version,
                fingerprint=swap.fingerprint,
                reference=swap.reference,
                scene=swap.scene,
            )
            (begun,) = self._store.versions.begin([new], run=self._store.run)
            return self._insert(order, begun, now)
        # The new order comes first: the step is a change of the last order of the row only.
        number = self._insert(order, replace(latest, state=S.PENDING), now).number
        self._store.step(latest.number, S.PENDING, manual=True)
        return self._numbered(number)

    def _insert(self, order: NewOrder, entry: Entry, now: datetime) -> Order:
        reference, scene = order.pictures
        inserted = self._store.query(
            "INSERT INTO orders (swap, key, owner, reference, scene, ordered_at, state, is_sent, change)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(change), 0) + 1 FROM orders))",
            entry.number,
            canonical_id(entry.id),
            None if order.owner is None else storable(order.owner),
            storable(reference),
            storable(scene),
            now.timestamp(),
            entry.state,
            entry.state is not S.PENDING,
        )
        assert inserted.lastrowid is not None  # noqa: S101 - the row was inserted just now
        return self._numbered(inserted.lastrowid)

    def cancel(self, id: str) -> Order | None:
        """Makes the entry of a PENDING order ABANDONED. Returns the current order of the id."""
        order = self.current(id)
        if order is None or order.state is not S.PENDING:
            return order
        error = SwapCancelledError(f"the swap {order.id!r} was cancelled before it was sent")
        self._store.step(order.entry.number, S.ABANDONED, error=error)
        return self._numbered(order.number)

    def reject(self, order: Order, error: SwapError) -> None:
        """Makes the entry of a PENDING order REJECTED, unless another order has followed.

        An entry with an earlier POST that may have been accepted becomes UNKNOWN: it may be paid.
        """
        current = self.current(order.id)
        if current is None or current.number != order.number or current.state is not S.PENDING:
            return
        posts = current.entry.in_doubt
        if posts:
            unknown = SubmissionUnknownError(
                f"the swap was not sent again ({error}); an earlier submit may have been accepted, and then"
                " is billed",
                possible_duplicates=posts,
            )
            self._store.step(order.entry.number, S.UNKNOWN, error=unknown)
        else:
            self._store.step(order.entry.number, S.REJECTED, error=error)

    def give_up(self, order: Order, error: SwapError) -> None:
        """Keeps the error of a COMPLETED order, unless its picture was saved meanwhile."""
        if self._store.entry(order.entry.number).state is S.COMPLETED:
            self._store.step(order.entry.number, S.COMPLETED, error=error)

    def without_pictures(self) -> dict[int, str]:
        """The UNKNOWN swaps that `check_resubmit` refuses, by the numbers of their rows: their ids."""
        query = (
            "SELECT swaps.number, swaps.id, orders.reference, orders.scene"
            " FROM orders JOIN swaps ON swaps.number = orders.swap WHERE swaps.state = ?"
            " AND orders.number = (SELECT max(number) FROM orders AS other WHERE other.swap = orders.swap)"
            " ORDER BY swaps.number"
        )
        rows = self._store.query(query, S.UNKNOWN)
        return {number: id for number, id, *pictures in rows if not all(map(_is_url, pictures))}

    def count(self) -> int:
        """How many orders there are; 0 for the journal of a batch."""
        (count,) = self._store.query("SELECT count(*) FROM orders").fetchone()
        return int(count)

    def check_resubmit(self, entry: Entry) -> None:
        """Refuses another submit of a swap whose order has ended, because its uploaded pictures are gone.

        Without them the swap would become REJECTED, and nobody would look for the job that it may have.

        Raises:
            JournalError: the swap has an order with an uploaded picture.
        """
        query = "SELECT reference, scene FROM orders WHERE swap = ? ORDER BY number DESC LIMIT 1"
        pictures = self._store.query(query, entry.number).fetchone() or ()
        if not all(map(_is_url, pictures)):
            raise JournalError(
                f"{entry.id!r} came with uploaded pictures, which are not kept after they are sent. Only the"
                " application can pay for it again, with the pictures. The swap stays as it is",
                path=self._store.path,
            )

    def _numbered(self, number: int) -> Order:
        return self._orders("orders.number = ?", number)[0]

    def _orders(self, condition: str, *values: object) -> list[Order]:
        rows = self._store.query(f"{_ORDERS} WHERE {condition}", *values).fetchall()
        return [self._order(row) for row in rows]

    def _order(self, row: sqlite3.Row) -> Order:
        return Order(
            number=row["order_number"],
            change=row["change"],
            owner=row["owner"],
            pictures=(row["order_reference"], row["order_scene"]),
            ordered_at=datetime.fromtimestamp(row["ordered_at"], UTC),
            entry=self._store.entry_of_row(row),
        )


def _is_url(picture: str) -> bool:
    """Whether a picture of an order has a URL. Else it was uploaded, and is the name of a spooled file."""
    return "://" in picture
