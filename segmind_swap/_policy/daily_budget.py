"""The money of the POSTs of one UTC day. At midnight, the whole budget is there again.

A POST belongs to the day of its claim. A price that is reserved and not claimed yet belongs to the current
day: its POST will be sent today, or on a later day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from .._errors import BudgetExceededError
from .budget import MICRO, Spent, micro_limit

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time by this machine's clock, in UTC."""
    return datetime.now(UTC)


def midnight(now: datetime) -> datetime:
    """The beginning of the UTC day."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def next_midnight(now: datetime) -> datetime:
    """The end of the UTC day: when a daily budget begins anew."""
    return midnight(now) + timedelta(days=1)


def check_day(limit_usd: float, *, committed_micro_usd: int, price_micro_usd: int, now: datetime) -> None:
    """Refuses one more POST for which the day has no room.

    Raises:
        BudgetExceededError: with the time at which the next day begins.
    """
    if committed_micro_usd + price_micro_usd > micro_limit(limit_usd):
        ends = next_midnight(now)
        raise BudgetExceededError(
            f"the budget of ${limit_usd:.2f} a day has no room for another swap at"
            f" ${price_micro_usd / MICRO:.4f}: ${committed_micro_usd / MICRO:.2f} of {now.date()} is spent,"
            " may have to be paid, or is needed for swaps that wait. The next day begins at"
            f" {ends:%Y-%m-%dT%H:%MZ}",
            budget_usd=limit_usd,
            committed_usd=committed_micro_usd / MICRO,
            resets_at=ends,
        )


class DailyBudget:
    """Counts the prices of the current day. Belongs to one event loop.

    The caller keeps the day of each claimed POST, and tells that day when a price is given back: money of an
    earlier day does not make room in this one.

    Attributes:
        limit_usd: The most that the POSTs of a day may cost, in USD.
        now: The clock, in UTC.
    """

    def __init__(self, limit_usd: float, *, spent: Spent, now: Clock = utc_now) -> None:
        """Begins in the middle of a day.

        Args:
            limit_usd: The most that the POSTs of a day may cost, in USD.
            spent: The money of the POSTs that were claimed earlier in this day.
            now: The clock, in UTC.
        """
        self.limit_usd = limit_usd
        self.now = now
        self._day = now().date()
        self._settled = spent.settled_micro_usd
        self._posts = spent.unsettled_posts
        self._reserved = 0

    @property
    def day(self) -> date:
        """The current day. A clock that is set back does not begin a day again."""
        today = self.now().date()
        if today > self._day:
            self._day, self._settled, self._posts = today, 0, 0
        return self._day

    @property
    def seconds_left(self) -> float:
        """Seconds until the next day begins."""
        now = self.now()
        return (next_midnight(now) - now).total_seconds()

    def spent_micro_usd(self, price_micro_usd: int) -> tuple[date, int]:
        """The current day, and the money of its claimed POSTs. Prices that are only reserved do not count."""
        return self.day, self._settled + self._posts * price_micro_usd

    def has_room(self, price_micro_usd: int) -> bool:
        """Whether one more POST may be sent in this day."""
        return self._committed(price_micro_usd) + price_micro_usd <= micro_limit(self.limit_usd)

    def check(self, price_micro_usd: int) -> None:
        """Refuses one more POST for which the day has no room.

        Raises:
            BudgetExceededError: with the time at which the next day begins.
        """
        committed = self._committed(price_micro_usd)
        check_day(
            self.limit_usd, committed_micro_usd=committed, price_micro_usd=price_micro_usd, now=self.now()
        )

    def _committed(self, price_micro_usd: int) -> int:
        _, spent = self.spent_micro_usd(price_micro_usd)
        return spent + self._reserved * price_micro_usd

    def reserve(self) -> None:
        """Commits the price of a POST that is not claimed yet."""
        self._reserved += 1

    def unreserve(self) -> None:
        """Gives back a price that was reserved and not claimed."""
        self._reserved -= 1

    def check_claim(self, price_micro_usd: int) -> None:
        """Refuses to make a reserved price that of a POST of this day, if the POSTs of the day leave no room.

        That happens to a price of an earlier day: its POST was refused after midnight, and reserves again.

        Raises:
            BudgetExceededError: with the time at which the next day begins.
        """
        _, spent = self.spent_micro_usd(price_micro_usd)
        check_day(self.limit_usd, committed_micro_usd=spent, price_micro_usd=price_micro_usd, now=self.now())

    def claim(self) -> date:
        """Makes a reserved price that of a POST of this day. Returns the day."""
        self._reserved -= 1
        day = self.day
        self._posts += 1
        return day

    def unclaim(self, day: date | None) -> None:
        """Makes the price of a claimed POST a reserved one again: the POST was refused, or never left."""
        self.release(day)
        self._reserved += 1

    def release(self, day: date | None) -> None:
        """Gives back the price of a claimed POST, to the day of its claim; None for an unknown day."""
        if day == self.day:
            self._posts -= 1

    def settle(self, day: date | None, cost_micro_usd: int) -> None:
        """Settles a claimed POST whose swap is done, at its cost."""
        if day == self.day:
            self._posts -= 1
            self._settled += cost_micro_usd
