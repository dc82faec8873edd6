"""The money of the entries of a ledger: what each entry costs, and the prices that are committed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import anyio

from ..._concurrency import GRACE
from ..._models import SwapResult
from ..._outcome import OutcomeState, SwapVersion
from ..._policy.budget import Budget, Spent, micro_of
from ..._policy.daily_budget import DailyBudget
from ..._protocols.entry import Entry

_CLEANUP = 5.0


def spent_on(
    state: OutcomeState,
    *,
    posts: int,
    failed_runs: int,
    closed_posts: int,
    cost_usd: float | None,
    price_usd: float,
    failed_runs_are_free: bool,
) -> Spent:
    """The money of one entry, as a budget counts it.

    Args:
        state: The state of the entry.
        posts: How many POSTs of the current attempt may have been accepted.
        failed_runs: How many jobs FAILED.
        closed_posts: How many other POSTs of earlier attempts count as paid.
        cost_usd: The cost in USD that the service reported; None if it reported none.
        price_usd: What a swap is taken to cost, in USD.
        failed_runs_are_free: Whether FAILED jobs cost nothing.
    """
    is_paid = state.is_done and posts > 0  # else it is a copy of a result that another entry has
    cost = max(micro_of(price_usd), micro_of(cost_usd or 0)) if is_paid else 0
    unsettled = posts - is_paid + closed_posts + (0 if failed_runs_are_free else failed_runs)
    return Spent(settled_micro_usd=cost, unsettled_posts=unsettled)


def version_of(
    entry: Entry, *, is_current: bool, price_usd: float, failed_runs_are_free: bool
) -> SwapVersion:
    """An entry with its money: what is certainly charged, and what may be charged at most."""
    cost_usd = None if entry.result is None else entry.result.cost_usd
    spent = spent_on(
        entry.state,
        posts=entry.billable_posts,
        failed_runs=entry.failed_runs,
        closed_posts=entry.closed_posts,
        cost_usd=cost_usd,
        price_usd=price_usd,
        failed_runs_are_free=failed_runs_are_free,
    )
    # A job is billed when it is accepted. Whether a job that FAILED is billed is not published, and the job
    # of an UNKNOWN swap may be one that the service only named.
    is_billed = entry.job is not None and entry.state not in {OutcomeState.FAILED, OutcomeState.UNKNOWN}
    certain_usd = price_usd if cost_usd is None else cost_usd
    is_billed = (entry.state.is_done or is_billed) and not entry.is_copy
    # An earlier job is certain only as far as its attempt is closed: a person may have mistaken its poll URL.
    earlier = min(max(0, len(entry.past_jobs) - entry.failed_runs), entry.closed_posts)
    return SwapVersion(
        outcome=entry.outcome(),
        is_current=is_current,
        certain_usd=(certain_usd if is_billed else 0.0) + earlier * price_usd,
        at_most_usd=spent.usd(price_usd),
    )


@dataclass(slots=True)
class _Held:
    """What one entry holds: how many prices, and the days of those that are of a claimed POST."""

    prices: int = 0
    days: list[date | None] = field(default_factory=list)


class Reservations:
    """Counts, for each entry, the POSTs whose price is committed in a budget, and their days."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held: dict[int, _Held] = {}

    async def reserve(self, entry: Entry) -> None:
        """Commits the price of one POST.

        Raises:
            BudgetExceededError: there is no room, and no POST in progress can give its price back.
        """
        await self._budget.reserve()
        self._of(entry).prices += 1
        # Mark this swap's in-doubt POSTs as in progress only after `reserve()`. Earlier, `reserve()` would
        # wait for money that only this swap can release: a deadlock.
        self.adopt(entry, entry.in_doubt)

    def adopt(self, entry: Entry, posts: int) -> None:
        """Counts POSTs of earlier runs as in progress. Their prices are committed already."""
        for _ in range(posts):
            self._budget.adopt()
        if posts:
            held = self._of(entry)
            held.prices += posts
            known: list[date | None] = [post.at.date() for post in entry.posts[-posts:]]
            held.days[:0] = [*[None] * (posts - len(known)), *known]

    def ensure(self, entry: Entry, posts: int) -> None:
        """Commits the price of one more POST, unless the price of `posts` POSTs is committed already.

        Raises:
            BudgetExceededError: there is no room.
        """
        if self._of(entry).prices < posts:
            self._budget.reserve_at_once()
            self._of(entry).prices += 1

    def claim(self, entry: Entry) -> None:
        """Makes a reserved price that of a POST of this day.

        Raises:
            BudgetExceededError: the POSTs of this day leave no room. The price stays reserved.
        """
        daily = self._budget.daily
        if daily is not None:
            daily.check_claim(self._budget.price_micro_usd)
            self._of(entry).days.append(daily.claim())

    def refuse(self, entry: Entry, *, in_doubt: int) -> None:
        """Takes back the claims of all POSTs but the `in_doubt` that may have been accepted.

        Their prices stay reserved for the next POST of the entry.
        """
        days = self._of(entry).days
        while self._budget.daily is not None and len(days) > in_doubt:
            self._budget.daily.unclaim(days.pop())

    def settle(
        self,
        entry: Entry,
        *,
        unsettled_posts: int,
        result: SwapResult | None = None,
        has_failed: bool = False,
    ) -> None:
        """Ends the reservations of an entry.

        A result settles one POST. `unsettled_posts` POSTs stay committed, and so does the POST of a job that
        has failed, unless failed runs are free. The price of the other POSTs is given back.
        """
        held = self._held.pop(entry.number, None) or _Held()
        reserved = held.prices
        if has_failed and not self._budget.failed_runs_are_free:
            unsettled_posts += 1
        if result is not None:
            self._budget.settle(result.cost_usd)
            reserved -= 1
        for _ in range(min(reserved, unsettled_posts)):
            self._budget.keep()
        for _ in range(reserved - unsettled_posts):
            self._budget.release()
        if self._budget.daily is not None:
            self._settle_day(self._budget.daily, held, unsettled_posts, has_result=result is not None)

    def _settle_day(self, daily: DailyBudget, held: _Held, unsettled_posts: int, *, has_result: bool) -> None:
        """Ends the reservations of an entry in the budget of a day. The last POST is that of the job."""
        days = held.days
        unclaimed = held.prices - len(days)
        while unclaimed and len(days) < unsettled_posts + has_result:
            # The caller says that more POSTs may have to be paid than were claimed: they count today.
            days.append(daily.claim())
            unclaimed -= 1
        if has_result and days:
            daily.settle(days.pop(), self._budget.price_micro_usd)
        for day in days[unsettled_posts:]:
            daily.release(day)
        for _ in range(unclaimed):
            daily.unreserve()

    def _of(self, entry: Entry) -> _Held:
        return self._held.setdefault(entry.number, _Held())


class Claims:
    """The open claims: intents to POST whose end is not recorded yet."""

    def __init__(self) -> None:
        self._entries: set[int] = set()
        self._all_resolved = anyio.Event()

    def add(self, entry: Entry) -> None:
        """Begins a claim: the intent of its POST was recorded."""
        self._entries.add(entry.number)

    def resolve(self, entry: Entry) -> None:
        """Ends a claim: the end of its POST was recorded."""
        self._entries.discard(entry.number)
        if not self._entries:
            self._all_resolved.set()
            self._all_resolved = anyio.Event()

    @property
    def are_open(self) -> bool:
        """Whether the end of a POST is not recorded yet."""
        return bool(self._entries)

    async def wait(self) -> None:
        """Waits until no claim is open, at most as long as a detached submit may take."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE + _CLEANUP):
            while self._entries:
                await self._all_resolved.wait()
