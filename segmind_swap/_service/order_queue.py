"""`OrderQueue`: which order the batch of a service takes next, and when an order comes again."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from .._api.ids import canonical_id
from .._batch.inputs import BegunInputs, InputSource
from .._errors import ConfigurationError, ImageError, JournalError, NoResultsError, ResponseError
from .._models import SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._policy.futility import EndingCounter
from .._protocols.entry import Entry, EntryConflict, NewEntry
from .._protocols.ledger import Ledger
from .._protocols.orders import Order, Orders
from .halting import Halting
from .spool import Spool
from .update import is_final

if TYPE_CHECKING:
    from .._swap.uploads import Uploads

_FIRST_DELAY = 60.0
"""Seconds before a step that failed is tried again: 1, 2, 4 … minutes."""
_ATTEMPTS = 6
"""How often the picture of a finished swap is fetched again, and how often an upload is tried again."""
_MAX_DELAY = 1800.0
_SHORT_DELAY = 1.0
_OF_THE_ORDER = (ImageError, ConfigurationError, JournalError, ResponseError)
"""Errors before anything was sent: of a picture, of the file to save to, of other pictures, of an upload."""


@dataclass(frozen=True, slots=True)
class _Taken:
    order: Order
    request: SwapRequest


class OrderEntries:
    """The entries of the orders that a batch has taken. Each is the entry of its order, in its state of now.

    Args:
        ledger: The ledger.
        taken: The orders that the batch has taken, by canonical id.
    """

    def __init__(self, ledger: Ledger, taken: Mapping[str, _Taken]) -> None:
        self._ledger = ledger
        self._taken = taken

    async def expect(self, ids: Collection[str]) -> None:
        """Nothing: nobody knows how many orders will come."""

    async def take(self, swap: NewEntry) -> Entry:
        """The entry of the order of this id.

        Raises:
            EntryConflict: a picture of the order was changed, or there is no such order.
            JournalError: the ledger failed.
        """
        entry = (await self.find([swap.id])).get(swap.id)
        if entry is None:
            raise EntryConflict(f"the journal has no order of {swap.id!r} any more")
        if entry.fingerprint != swap.fingerprint:
            raise EntryConflict(f"a picture of {swap.id!r} was changed after it was enqueued")
        return entry

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries of the orders of these ids."""
        numbers = {
            taken.order.entry.number: id
            for id in ids
            if (taken := self._taken.get(canonical_id(id))) is not None
        }
        found = {}
        async with aclosing(self._ledger.versions(list(numbers.values()))) as entries:
            async for entry in entries:
                if entry.number in numbers:
                    found[numbers[entry.number]] = entry
        return found

    def input_of(self, entry: Entry) -> NewEntry:
        """The input of the order: its pictures are not in the spool any more once its job is accepted."""
        taken = self._taken[canonical_id(entry.id)]
        return NewEntry(
            id=entry.id,
            fingerprint=entry.fingerprint,
            reference=_text(taken.request.reference_character_image),
            scene=_text(taken.request.character_image),
        )

    async def resumable(self) -> AsyncGenerator[Entry, None]:
        """No entry: the orders come as inputs, and each waits for its own job."""
        nothing: tuple[Entry, ...] = ()
        for entry in nothing:
            yield entry


def _text(picture: object) -> str:
    return picture if isinstance(picture, str) else ""


class OrderQueue(InputSource):
    """The inputs of one run of a service. They do not end by themselves.

    Accepted and finished orders come first, and also while the service is halted, because they are paid. Of
    two orders with one id, the second is not given before the first has ended.

    Attributes:
        closed: Set when the batch takes nothing more.

    Args:
        orders: The orders.
        spool: The pictures.
        halting: Whether an order that is not sent yet may be given.
        are_saved: Whether the service saves pictures.
        max_futile: After how many swaps in a row that may be charged and brought no picture to stop.
        max_failed: After how many failed swaps in a row to stop.
        refused_last: Whether orders of which a POST was refused come after all others. The last run was
            stopped by a refusal that may be about its input, which must not stop each run before the others.
    """

    def __init__(
        self,
        orders: Orders,
        spool: Spool,
        halting: Halting,
        *,
        are_saved: bool,
        max_futile: int | None,
        max_failed: int | None,
        refused_last: bool = False,
    ) -> None:
        self.closed = anyio.Event()
        self._orders = orders
        self._spool = spool
        self._halting = halting
        self._are_saved = are_saved
        self._bounds = max_futile, max_failed
        self._counter = EndingCounter(max_futile=max_futile, max_failed=max_failed)
        self._refused_last = refused_last
        self._was_halted_for_good = False
        self._taken: dict[str, _Taken] = {}
        # Orders that can be given now: paid ones, and those that are not sent yet.
        self._paid: OrderedDict[int, Order] = OrderedDict()
        self._new: OrderedDict[int, Order] = OrderedDict()
        # Orders that come again later, and orders of an id of which another order is taken.
        self._later: dict[int, tuple[float, Order]] = {}
        self._blocked: dict[str, dict[int, Order]] = {}
        # How often an order has come again in one state.
        self._attempts: dict[int, tuple[OutcomeState, int]] = {}
        self._changed = anyio.Event()

    async def begin(self, ledger: Ledger, uploads: Uploads) -> BegunInputs:
        """Reads what is left to be done. The process has the lock now."""
        await self._halting.refresh()
        await self._read_endings()
        reached = self._counter.reached()
        if reached is not None and not self._halting.needs_a_person:
            # The process that reached the bound was killed before it could say so. Or the last swaps ended
            # while the service was halted for a reason that ends by itself.
            await self._halting.halt(reached, seconds=None)
        orders = await self._orders.unfinished(with_completed=self._are_saved)
        if self._refused_last:
            orders = sorted(orders, key=lambda order: len(order.entry.posts) > 0)
        for order in orders:
            self.notice(order)
        return BegunInputs(
            requests=self._requests(),
            entries=OrderEntries(ledger, self._taken),
            count_ending=self._count_ending,
            are_continued=True,
            rejects_for_good=True,
        )

    def notice(self, order: Order) -> None:
        """Takes an order that is new or has another state. Ignores an older state than the known one."""
        key, number = canonical_id(order.id), order.number
        taken = self._taken.get(key)
        if taken is not None and taken.order.number == number:
            return
        known = self._known(key, number)
        if known is not None and known.change > order.change:
            return
        if not self._is_unfinished(order):
            self._forget(order)
        elif taken is not None:
            self._blocked.setdefault(key, {})[number] = order
        elif number in self._later:
            self._later[number] = self._later[number][0], order
        else:
            self._make_ready(order)
        self.wake()

    def wake(self) -> None:
        """Lets the queue look again at what may be given."""
        self._changed.set()
        self._changed = anyio.Event()

    def _known(self, key: str, number: int) -> Order | None:
        """The order of this number that waits to be given; None if there is none."""
        later = self._later.get(number)
        of_key = self._blocked.get(key, {})
        return self._paid.get(number) or self._new.get(number) or of_key.get(number) or (later and later[1])

    def _is_unfinished(self, order: Order) -> bool:
        if order.state is OutcomeState.COMPLETED:
            return not is_final(order, are_saved=self._are_saved)
        return order.state in {OutcomeState.PENDING, OutcomeState.ACCEPTED}

    def _make_ready(self, order: Order) -> None:
        is_new = order.state is OutcomeState.PENDING
        ready, other = (self._new, self._paid) if is_new else (self._paid, self._new)
        other.pop(order.number, None)
        ready[order.number] = order

    def _forget(self, order: Order) -> None:
        number = order.number
        for orders in (self._paid, self._new, self._attempts, self._later):
            orders.pop(number, None)
        self._blocked.get(canonical_id(order.id), {}).pop(number, None)

    async def _requests(self) -> AsyncGenerator[SwapRequest, None]:
        try:
            while True:
                order = await self._next()
                reference, scene = map(self._spool.image_of, order.pictures)
                request = SwapRequest(id=order.id, reference_character_image=reference, character_image=scene)
                self._taken[canonical_id(order.id)] = _Taken(order, request)
                yield request
        finally:
            self.closed.set()

    async def _next(self) -> Order:
        """Waits for an order that can be given."""
        while True:
            changed = self._changed
            await self._check_halt()
            order = self._ready_order()
            if order is not None:
                return order
            with anyio.CancelScope(deadline=self._next_look()):
                await changed.wait()

    async def _check_halt(self) -> None:
        halting = self._halting
        await halting.end_if_over()
        if halting.needs_a_person:
            self._was_halted_for_good = True
        elif self._was_halted_for_good and halting.reason is None:
            # A person has resumed the service, here or in another process.
            self._was_halted_for_good = False
            await self._read_endings()

    async def _read_endings(self) -> None:
        max_futile, max_failed = self._bounds
        endings = await self._orders.endings()
        self._counter = EndingCounter(max_futile=max_futile, max_failed=max_failed, endings=endings)

    def _count_ending(self, outcome: SwapOutcome) -> NoResultsError | None:
        problem = self._counter.add_outcome(outcome)
        self._orders.keep_endings(self._counter.endings)
        return problem

    def _ready_order(self) -> Order | None:
        now = anyio.current_time()
        for number in [number for number, (due, _) in self._later.items() if due <= now]:
            self._make_ready(self._later.pop(number)[1])
        ready = [self._paid, self._new] if self._halting.may_submit else [self._paid]
        for orders in ready:
            while orders:
                number, order = orders.popitem(last=False)
                key = canonical_id(order.id)
                if key not in self._taken:
                    return order
                self._blocked.setdefault(key, {})[number] = order
        return None

    def _next_look(self) -> float:
        times = [due for due, _ in self._later.values()]
        if self._new and not self._halting.may_submit:
            times.append(self._halting.submits_at)
        return min(times, default=math.inf)

    async def ended(self, outcome: SwapOutcome, *, is_closing: Callable[[], bool]) -> None:
        """Takes the outcome of an order that the batch had taken. The order may come again.

        Raises:
            JournalError: the orders cannot be used.
        """
        taken = self._taken.pop(canonical_id(outcome.request.id or ""))
        order = taken.order
        error = outcome.error
        if outcome.state is OutcomeState.ACCEPTED:
            # The job was not done in time, or could not be polled. It is paid: the service waits again.
            self._try_again(order, outcome.state)
        elif outcome.state is OutcomeState.COMPLETED and error is not None:
            if not self._try_again(order, outcome.state, attempts=_ATTEMPTS):
                await self._orders.give_up(order, error)
        elif outcome.state in {OutcomeState.PENDING, OutcomeState.REJECTED}:
            await self._not_sent(order, outcome, is_closing=is_closing())
        else:
            self._attempts.pop(order.number, None)
        for blocked in self._blocked.pop(canonical_id(order.id), {}).values():
            self.notice(blocked)
        self.wake()

    async def _not_sent(self, order: Order, outcome: SwapOutcome, *, is_closing: bool) -> None:
        """Nothing was sent for an order. The order comes again, unless its pictures cannot be used."""
        now = (await self._orders.find([order.id])).get(order.id)
        if now is None or now.number != order.number or now.state is not OutcomeState.PENDING:
            # It was cancelled, or its refusal is recorded.
            self._attempts.pop(order.number, None)
            return
        error = outcome.error
        # An answer of the upload service that cannot be read says nothing of the picture.
        attempts = _ATTEMPTS if isinstance(error, ResponseError) else 0
        if not isinstance(error, _OF_THE_ORDER) or is_closing:
            self._come_again(now, _SHORT_DELAY)
        elif not self._try_again(now, OutcomeState.PENDING, attempts=attempts):
            await self._orders.reject(now, error)

    def _try_again(self, order: Order, state: OutcomeState, *, attempts: float = math.inf) -> bool:
        """Lets an order come again later, each time after a longer pause. False if it came often enough."""
        before, count = self._attempts.pop(order.number, (state, 0))
        count = count if before is state else 0
        if count >= attempts:
            return False
        self._attempts[order.number] = state, count + 1
        self._come_again(order, min(_MAX_DELAY, math.ldexp(_FIRST_DELAY, min(count, 10))))
        return True

    def _come_again(self, order: Order, delay: float) -> None:
        self._later[order.number] = anyio.current_time() + delay, order
