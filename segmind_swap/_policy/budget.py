"""The money of a batch or a client: spent, or perhaps still to be paid. Integers of a millionth of a dollar.

Every POST that may have been accepted counts, until the POST was provably refused. A FAILED run counts as
paid, unless the user says that failed runs are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

import anyio

from .._errors import BudgetExceededError

if TYPE_CHECKING:
    from .daily_budget import DailyBudget

MICRO = 1_000_000


def micro_of(usd: float) -> int:
    """Dollars to micro-dollars, rounded up: a millionth too much is safe, a millionth too little is not."""
    return int((Decimal(str(usd)) * MICRO).to_integral_value(ROUND_CEILING))


def micro_limit(usd: float) -> int:
    """A limit in dollars as micro-dollars, rounded down."""
    return int(Decimal(str(usd)) * MICRO)


def affordable_posts(budget_usd: float, *, committed_usd: float, price_usd: float) -> int:
    """How many more POSTs a budget allows. Computed in micro-dollars, as a `Budget` computes."""
    return max(0, micro_limit(budget_usd) - micro_of(committed_usd)) // micro_of(price_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The money of earlier runs.

    Attributes:
        settled_micro_usd: The cost of finished swaps.
        unsettled_posts: How many other POSTs count as paid: each at the price of a swap.
    """

    settled_micro_usd: int = 0
    unsettled_posts: int = 0

    def usd(self, price_usd: float) -> float:
        """The sum in USD, if each unsettled POST costs `price_usd`."""
        return (self.settled_micro_usd + self.unsettled_posts * micro_of(price_usd)) / MICRO


class Budget:
    """Reserves the price of each POST before it is sent. Belongs to one event loop.

    Attributes:
        failed_runs_are_free: Whether the price of a FAILED job is given back.
        daily: The budget of a day, which must have room, too; None for no such budget.
    """

    def __init__(
        self,
        limit_usd: float | None,
        *,
        price_usd: float,
        spent: Spent,
        failed_runs_are_free: bool = False,
        name: str = "the budget",
        daily: DailyBudget | None = None,
    ) -> None:
        """Makes a budget of which `spent` is committed. Without `limit_usd`, it has no limit.

        Errors call the budget by `name`.
        """
        self.failed_runs_are_free: bool = failed_runs_are_free
        self.daily: DailyBudget | None = daily
        self._name = name
        self._limit = None if limit_usd is None else micro_limit(limit_usd)
        self._price = micro_of(price_usd)
        self._settled = spent.settled_micro_usd
        self._unsettled_posts = spent.unsettled_posts
        self._in_progress = 0
        self._changed = anyio.Event()

    @property
    def price_usd(self) -> float:
        """The assumed cost of a swap in USD: the price that was set, or the highest reported cost."""
        return self._price / MICRO

    @property
    def price_micro_usd(self) -> int:
        """The same price in micro-dollars."""
        return self._price

    @property
    def committed_usd(self) -> float:
        """The money that is spent or may have to be paid, in USD."""
        return self._committed / MICRO

    @property
    def _committed(self) -> int:
        return self._settled + self._unsettled_posts * self._price

    @property
    def has_room(self) -> bool:
        """Whether one more POST may be sent."""
        return self._has_room_in_all and (self.daily is None or self.daily.has_room(self._price))

    @property
    def _has_room_in_all(self) -> bool:
        return self._limit is None or self._committed + self._price <= self._limit

    async def reserve(self) -> None:
        """Commits the price of one POST. Waits while POSTs in progress may still give their price back.

        A new day ends the wait for the budget of a day.

        Raises:
            BudgetExceededError: there is no room, and no POST in progress can give its price back.
        """
        await self.wait_for_room()
        self.reserve_at_once()

    async def wait_for_room(self) -> None:
        """As `reserve`, with the same error, but commits nothing."""
        while not self.has_room and self._in_progress:
            with anyio.move_on_after(None if self.daily is None else self.daily.seconds_left):
                await self._changed.wait()
        self._check_room()

    def reserve_at_once(self) -> None:
        """As `reserve`, but without waiting."""
        self._check_room()
        if self.daily is not None:
            self.daily.reserve()
        self._unsettled_posts += 1
        self._in_progress += 1

    def _check_room(self) -> None:
        if not self._has_room_in_all:
            assert self._limit is not None  # noqa: S101 - without a limit there is room
            raise BudgetExceededError(
                f"{self._name} of ${self._limit / MICRO:.2f} has no room for another swap at"
                f" ${self.price_usd:.4f}: ${self.committed_usd:.2f} is spent or may have to be paid",
                budget_usd=self._limit / MICRO,
                committed_usd=self.committed_usd,
            )
        if self.daily is not None:
            self.daily.check(self._price)

    def adopt(self) -> None:
        """Counts a POST of an earlier run as in progress. Its price is committed already."""
        self._in_progress += 1

    def release(self) -> None:
        """Gives a price back: a POST in progress was provably not accepted, or its failed run is free."""
        self._unsettled_posts -= 1
        self._end()

    def keep(self) -> None:
        """Ends a POST in progress that may have to be paid: its price stays committed."""
        self._end()

    def settle(self, cost_usd: float | None) -> None:
        """Settles a POST in progress whose swap is done.

        A cost above the price becomes the new price, also of the POSTs that are not settled.
        """
        self.raise_price(cost_usd)
        self._unsettled_posts -= 1
        self._settled += self._price
        self._end()

    def raise_price(self, cost_usd: float | None) -> None:
        """Makes a reported cost above the price the new price. A lower cost, and None, change nothing."""
        self._price = max(self._price, micro_of(cost_usd or 0))

    def _end(self) -> None:
        self._in_progress -= 1
        # Without room, and with other POSTs in progress, each task that waits would go on waiting.
        if self._has_room_in_all or not self._in_progress:
            self._changed.set()
            self._changed = anyio.Event()
