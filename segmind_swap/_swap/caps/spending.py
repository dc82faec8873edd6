"""The money of a client: what its POSTs may cost, over its whole life."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..._config import PRICE_USD
from ..._models import SwapJob
from ..._policy.budget import Budget, Spent
from ..._protocols.submit_record import SubmitRecord
from .jobs import JOBS_REMEMBERED, identity_of


class Spending:
    """Commits the price of each POST of a client before the POST is sent. Belongs to one event loop.

    The price of a POST that was provably not accepted is given back. All other prices stay committed: those
    of jobs, of POSTs in doubt, and of failed runs. A POST is in progress until its end is known. Whoever
    needs money waits for POSTs in progress, which may give theirs back, and not for jobs, which never do.
    """

    def __init__(self, budget_usd: float | None = None, *, price_usd: float = PRICE_USD) -> None:
        self._budget = Budget(budget_usd, price_usd=price_usd, spent=Spent(), name="the client's budget")
        # The accepted jobs whose cost is not known. A job that is forgotten stays committed at the price.
        self._unsettled: OrderedDict[str, None] = OrderedDict()

    @property
    def committed_usd(self) -> float:
        """What the POSTs of the client have cost, or may cost, in USD."""
        return self._budget.committed_usd

    async def wait_for_room(self) -> None:
        """Waits until one more POST could be sent. Commits nothing.

        Raises:
            BudgetExceededError: there is no room, and no POST in progress can give its price back.
        """
        await self._budget.wait_for_room()

    async def reserve(self) -> None:
        """Commits the price of one POST. Waits while POSTs in progress may give their price back.

        Raises:
            BudgetExceededError: there is no room, and no POST in progress can give its price back.
        """
        await self._budget.reserve()

    def reserve_at_once(self) -> None:
        """As `reserve`, but without waiting."""
        self._budget.reserve_at_once()

    def end(self, prices: int, *, kept: int) -> None:
        """Ends POSTs in progress: `kept` of their `prices` stay committed, the others are given back."""
        for _ in range(kept):
            self._budget.keep()
        for _ in range(prices - kept):
            self._budget.release()

    def give_back(self) -> None:
        """Gives back a price that was kept: its POST was provably not accepted, as is known only now."""
        self._budget.adopt()
        self._budget.release()

    def accepted(self, job: str) -> None:
        """Remembers a job, by its identity, until its cost is known."""
        self._unsettled[job] = None
        if len(self._unsettled) > JOBS_REMEMBERED:
            self._unsettled.popitem(last=False)

    def ended(self, job: str, *, is_done: bool, cost_usd: float | None) -> None:
        """Settles a job that is done at its cost. A job that ended otherwise stays committed at the price.

        A cost above the price becomes the price, also of a job that another client has paid for.
        """
        is_own = job in self._unsettled
        self._unsettled.pop(job, None)
        if is_own and is_done:
            self._budget.adopt()
            self._budget.settle(cost_usd)
        else:
            self._budget.raise_price(cost_usd)


class PaidRecord:
    """The record of one submit, around the record of its caller: no POST without its price.

    Attributes:
        is_over: Whether the submit has ended for its caller. A POST may still be on the wire.
        is_continued: As in the protocol, of the record of the caller.
    """

    def __init__(self, spending: Spending, record: SubmitRecord, *, in_doubt: int) -> None:
        """Begins with one committed price.

        Args:
            spending: The money of the client.
            record: The record of the caller.
            in_doubt: How many POSTs of the swap may have been accepted before. They are not of this submit.
        """
        self.is_over: bool = False
        self.is_continued: bool = record.is_continued
        self._spending = spending
        self._record = record
        self._earlier = self._in_doubt = in_doubt
        self._prices = 1
        self._is_posting = False
        self._has_job = False

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        """Commits the price of the POST, and records the intent.

        Raises:
            BudgetExceededError: the client's budget has no room for another POST.
            Exception: of the caller's record.
        """
        if in_doubt - self._earlier >= self._prices:
            self._spending.reserve_at_once()
            self._prices += 1
        self._is_posting = True
        await self._record.intend(in_doubt, urls)

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Counts what the POST may cost, and records its end."""
        self._posted(may_cost=job is not None or in_doubt > self._in_doubt)
        self._in_doubt = in_doubt
        if job is not None and not self._has_job:
            self._has_job = True
            self._spending.accepted(identity_of(job))
        await self._record.resolved(job, in_doubt)

    def withdrawn(self, in_doubt: int) -> None:
        """Records that the POST never left."""
        self._posted(may_cost=False)
        self._record.withdrawn(in_doubt)

    def _posted(self, *, may_cost: bool) -> None:
        """Ends a POST. After the end of its submit, its price was kept, because nobody knew how it ends."""
        if self._is_posting and self.is_over and not may_cost:
            self._spending.give_back()
        self._is_posting = False

    def end(self) -> None:
        """Ends the submit for its caller: keeps the price of each POST that may have been accepted."""
        self.is_over = True
        kept = self._in_doubt - self._earlier + self._has_job + self._is_posting
        self._spending.end(self._prices, kept=kept)


@asynccontextmanager
async def paid(spending: Spending, record: SubmitRecord, *, in_doubt: int) -> AsyncIterator[PaidRecord]:
    """Makes the record of one submit, around the caller's, and ends it with the block.

    Raises:
        BudgetExceededError: the client's budget has no room, and no POST in progress can give money back.
    """
    await spending.reserve()
    paid_record = PaidRecord(spending, record, in_doubt=in_doubt)
    try:
        yield paid_record
    finally:
        paid_record.end()
