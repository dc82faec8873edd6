"""`Orders`: the swaps that an application asks a service for, in the same store as the service's ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .._config import PRICE_USD
from .._errors import SwapError
from .._outcome import OutcomeState
from .entry import Entry, NewEntry
from .ledger import LedgerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A swap that an application asks for.

    Attributes:
        swap: The id, the fingerprint and the names of the pictures, as the ledger gets them.
        owner: For whom the swap is made, as the application names the owner; None for nobody.
        pictures: Where the reference and the scene are: the URL of each, or the name of a spooled file.
    """

    swap: NewEntry
    owner: str | None
    pictures: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """What bounds the orders of one service. None for no bound.

    Attributes:
        price_usd: What a swap is taken to cost, in USD. If the ledger knows a higher price, that one counts.
        daily_budget_usd: What the POSTs of one UTC day may cost, in USD. Orders that are not sent yet count
            as POSTs of the current day.
        max_queued: How many orders may be waiting to be sent.
        max_per_owner: How many orders of one owner may be PENDING, SENDING or ACCEPTED.
        max_per_owner_a_day: How many orders of one owner may be added in a UTC day. Orders that ended free
            do not count: REJECTED ones, and those that were cancelled.
    """

    price_usd: float = PRICE_USD
    daily_budget_usd: float | None = None
    max_queued: int | None = None
    max_per_owner: int | None = None
    max_per_owner_a_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, with the entry of the ledger that it is about.

    Attributes:
        number: Identifies the order. Each payment that is asked for is an order of its own.
        change: Counts the changes of all orders of a store: the number of the last change of this order. A
            change is a new order, or a new state of its entry.
        owner: For whom the swap is made; None for nobody.
        pictures: Where the reference and the scene are: the URL of each, or the name of a spooled file.
        ordered_at: When the order was added, in UTC.
        entry: The entry of the ledger: one version of one swap.
    """

    number: int
    change: int
    owner: str | None
    pictures: tuple[str, str]
    ordered_at: datetime
    entry: Entry

    @property
    def id(self) -> str:
        """The id of the swap, as the first order of the swap wrote it."""
        return self.entry.id

    @property
    def state(self) -> OutcomeState:
        """The state of the entry."""
        return self.entry.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why a service submits nothing, for every process that uses its store.

    Attributes:
        reason: The error that stopped the service.
        until: When the service tries again by itself, in UTC; None if a person must resume it.
    """

    reason: SwapError
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """How many swaps in a row have ended so, over all processes that have run the service.

    Attributes:
        futile: Swaps that may be charged and brought no picture.
        failed: Swaps that failed.
    """

    futile: int = 0
    failed: int = 0


class Orders(Protocol):
    """The orders of a service. Any process may use them, also while another process submits.

    There is one current order for each id, the latest. The effect of an awaited method is durable. Every
    method raises `JournalError` if the store cannot be used. A cancelled call may have been carried out.
    """

    @property
    def name(self) -> str:
        """The name of the store in messages: for a journal, its path."""
        ...

    async def add(
        self, order: NewOrder, *, limits: OrderLimits, pay_again: bool = False
    ) -> tuple[Order, bool]:
        """Adds an order, with a PENDING entry in the ledger, in one step. Or finds the order of the id.

        An id that is known is joined, whatever the state of its order: nothing is written, and no limit
        counts. Two calls at once, in one process or in two, add one order.

        An id whose entry a batch has made gets an order for its current entry. If that entry is PENDING, the
        order is an added one, with all limits: it will be sent and paid. Otherwise the id is joined.

        Args:
            order: The order.
            limits: The bounds. Only a call that would add an order is refused because of them.
            pay_again: Whether an order that has ended may be followed by another one, which is paid again:
                a swap that is done gets another version, any other entry becomes PENDING again, and what it
                may have cost stays counted. A PENDING, SENDING or ACCEPTED order is joined all the same. A
                COMPLETED order has ended here: its picture is still saved, because `unfinished` returns it.

        Returns:
            The current order of the id, and whether this call has added it.

        Raises:
            EntryConflict: the id belongs to other pictures.
            BudgetExceededError, LimitExceededError: a bound of `limits` is reached.
            ServiceStoppedError: the service is halted, and the call would add an order.
        """
        ...

    async def find(self, ids: Collection[str]) -> Mapping[str, Order]:
        """The current orders by id. The mapping has no key for an id without an order."""
        ...

    async def changed_after(self, change: int) -> Sequence[Order]:
        """The current orders with a later change than `change`, in the order of their changes; some at most.

        Of an order that changed several times, only the last change is returned. If the result is not empty,
        there may be more: ask again after its last change.
        """
        ...

    async def last_change(self) -> int:
        """The number of the last change of any order; 0 if there was none."""
        ...

    async def unfinished(self, *, with_completed: bool = True) -> Sequence[Order]:
        """The orders in the states PENDING, ACCEPTED and COMPLETED: what is left to be done.

        ACCEPTED orders come first, oldest first, because the service forgets jobs in that order. Then come
        COMPLETED orders, then PENDING ones, each in the order in which they were added. A COMPLETED order may
        have been followed by another order of its id: its picture is paid, and must still be saved.

        Args:
            with_completed: Whether COMPLETED orders are returned. A service that saves no pictures has
                nothing left to do for them.
        """
        ...

    async def cancel(self, id: str) -> Order | None:
        """Makes the entry of a PENDING order ABANDONED, with a `SwapCancelledError`. No POST of it is sent.

        An order in any other state is not changed. A claim that comes at the same time is refused, or comes
        first: then the order stays as it is.

        Returns:
            The current order of the id; None if there is none.
        """
        ...

    async def reject(self, order: Order, error: SwapError) -> None:
        """Makes the entry of a PENDING order REJECTED. Does nothing in any other state.

        If an earlier POST of the entry may have been accepted, the entry becomes UNKNOWN: it may be paid.
        """
        ...

    async def give_up(self, order: Order, error: SwapError) -> None:
        """Records why the picture of a COMPLETED order is not saved. Does nothing in any other state."""
        ...

    async def spooled(self) -> Collection[str]:
        """The `pictures` of all orders that are PENDING or SENDING: the files that are still needed."""
        ...

    async def settled_pictures(self, names: Collection[str]) -> Collection[str]:
        """Those of `names` that belong to orders, and to none that is PENDING or SENDING.

        They are not needed any more. A name that belongs to no order may be of one that is added right now.
        """
        ...

    async def halt(self) -> Halt | None:
        """Why the service submits nothing; None if it may submit, and after the time of `until`."""
        ...

    async def set_halt(self, halt: Halt | None) -> None:
        """Stores why the service submits nothing, in place of what was stored. None resumes the service."""
        ...

    async def endings(self) -> Endings:
        """What `keep_endings` has kept last, in any process."""
        ...

    def keep_endings(self, endings: Endings) -> None:
        """Keeps, in the background, how the last swaps have ended. A failure is logged."""
        ...

    async def aclose(self) -> None:
        """Closes the connection of this process."""
        ...


class OrderSource(LedgerSource, Protocol):
    """Opens the ledger of a service, and its orders. A `Journal` is such a source."""

    async def open_orders(self, *, origin: str, workflow: str) -> Orders:
        """Opens the orders, and makes the store if there is none. Any number of processes may do so at once.

        Args:
            origin: The origin of the API, such as `https://api.segmind.com`.
            workflow: The id of the workflow.

        Raises:
            JournalError: the store cannot be used, or is of another service.
        """
        ...
