"""What a batch has spent, and what it may still have to pay. Integers of a millionth of a dollar.

Every POST that may have been accepted counts, until it was provably refused or its swap FAILED.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import anyio

from .._errors import BudgetExceededError

MICRO = 1_000_000


def micro_of(usd: float) -> int:
    """Rounded up: a millionth too much is safe, one too little is not."""
    return int((Decimal(str(usd)) * MICRO).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What earlier runs have left behind.

    Attributes:
        settled_micro_usd: What finished swaps cost.
        held: How many other POSTs may have been accepted.
    """

    settled_micro_usd: int = 0
    held: int = 0

    def usd(self, price_usd: float) -> float:
        """All of it, at a price."""
        return (self.settled_micro_usd + self.held * micro_of(price_usd)) / MICRO


class Budget:
    """Reserves the price of each POST before it is sent. Belongs to one event loop."""

    def __init__(self, limit_usd: float | None, *, price_usd: float, spent: Spent) -> None:
        self._limit = None if limit_usd is None else int(Decimal(str(limit_usd)) * MICRO)
        self._price = micro_of(price_usd)
        self._settled = spent.settled_micro_usd
        self._held = spent.held
        self._under_way = 0
        self._changed = anyio.Event()

    @property
    def price_usd(self) -> float:
        """What one swap is taken to cost: what was set, or more if the service told more."""
        return self._price / MICRO

    @property
    def committed_usd(self) -> float:
        """What is spent, or may have to be paid."""
        return self._committed / MICRO

    @property
    def _committed(self) -> int:
        return self._settled + self._held * self._price

    @property
    def has_room(self) -> bool:
        """Whether one more POST may be sent."""
        return self._limit is None or self._committed + self._price <= self._limit

    async def reserve(self) -> None:
        """Holds the price of one POST; waits while swaps under way may yet give theirs back.

        Raises:
            BudgetExceededError: there is no room, and none will come.
        """
        while not self.has_room and self._under_way:
            await self._changed.wait()
        self.reserve_at_once()

    def reserve_at_once(self) -> None:
        """As `reserve`, for a POST that cannot wait."""
        if not self.has_room:
            assert self._limit is not None  # noqa: S101 - without a limit there is room
            raise BudgetExceededError(
                f"the budget of ${self._limit / MICRO:.2f} has no room for another swap at"
                f" ${self.price_usd:.4f}: ${self.committed_usd:.2f} is spent or may have to be paid",
                budget_usd=self._limit / MICRO,
                committed_usd=self.committed_usd,
            )
        self._held += 1
        self._under_way += 1

    def adopt(self) -> None:
        """A POST of an earlier run, which is held already, is under way again."""
        self._under_way += 1

    def release(self) -> None:
        """A POST under way was provably not accepted, or its swap FAILED."""
        self._held -= 1
        self._end()

    def keep(self) -> None:
        """A POST is no longer under way, and may have to be paid."""
        self._end()

    def settle(self, cost_usd: float | None) -> None:
        """A swap under way is done. A cost above the price raises the price of all that are not settled."""
        cost = self._price if cost_usd is None else max(self._price, micro_of(cost_usd))
        self._price = cost
        self._held -= 1
        self._settled += cost
        self._end()

    def _end(self) -> None:
        self._under_way -= 1
        self._changed.set()
        self._changed = anyio.Event()
