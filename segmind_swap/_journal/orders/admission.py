"""Whether one more order may be added: the halt of the service, and the bounds of its orders."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ..._errors import LimitExceededError, ServiceStoppedError
from ..._outcome import OutcomeState
from ..._policy.budget import micro_of
from ..._policy.daily_budget import check_day, midnight
from ..._protocols.orders import OrderLimits
from ..versions import storable
from .facts import halt_of
from .tables import UNFINISHED, listed

if TYPE_CHECKING:
    from ..store import Store

S = OutcomeState
_UNFINISHED = f"SELECT count(*) FROM orders WHERE owner = ? AND state IN {listed(*UNFINISHED)}"  # noqa: S608
_OF_A_DAY = (
    "SELECT count(*) FROM orders WHERE owner = ? AND ordered_at >= ?"
    " AND state <> 'rejected' AND NOT (state = 'abandoned' AND is_sent = 0)"
)


def check_admission(store: Store, owner: str | None, limits: OrderLimits, now: datetime) -> None:
    """Refuses an order that would be sent and paid.

    In one transaction with the insertion of the order: two processes cannot pass a bound together.

    Raises:
        ServiceStoppedError: the service is halted.
        LimitExceededError: there are too many orders.
        BudgetExceededError: the money of the day is spent, or needed for the orders that wait.
    """
    halt = halt_of(store, now)
    if halt is not None:
        raise ServiceStoppedError(
            f"no new swap is taken now, because the service has stopped: {halt.reason}",
            reason=halt.reason,
            seconds=None if halt.until is None else (halt.until - now).total_seconds(),
        )
    is_counted = limits.max_queued is not None or limits.daily_budget_usd is not None
    waiting = _count(store, "SELECT count(*) FROM orders WHERE state = 'pending'") if is_counted else 0
    _check("max_queued", limits.max_queued, waiting, "swaps wait to be sent: ask again later")
    if owner is not None:
        name = storable(owner)
        if limits.max_per_owner is not None:
            count = _count(store, _UNFINISHED, name)
            words = "swaps of this owner have not ended: ask again when one has"
            _check("max_per_owner", limits.max_per_owner, count, words)
        if limits.max_per_owner_a_day is not None:
            count = _count(store, _OF_A_DAY, name, midnight(now).timestamp())
            words = "swaps of this owner were taken today: ask again tomorrow, by UTC"
            _check("max_per_owner_a_day", limits.max_per_owner_a_day, count, words)
    if limits.daily_budget_usd is not None:
        price = micro_of(max(limits.price_usd, store.facts.price_usd or 0.0))
        spent = store.facts.spent_micro_usd(now.date())
        check_day(
            limits.daily_budget_usd,
            committed_micro_usd=spent + waiting * price,
            price_micro_usd=price,
            now=now,
        )


def _check(limit: str, maximum: int | None, count: int, words: str) -> None:
    if maximum is not None and count >= maximum:
        raise LimitExceededError(f"{count} {words} ({limit} is {maximum})", limit=limit, maximum=maximum)


def _count(store: Store, query: str, *values: object) -> int:
    (count,) = store.query(query, *values).fetchone()
    return int(count)
