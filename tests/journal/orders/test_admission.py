"""The bounds of orders: what is counted, and what the errors say."""

from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap import BudgetExceededError, LimitExceededError, ServiceStoppedError, SwapError
from segmind_swap._journal.orders.admission import check_admission
from segmind_swap._journal.orders.facts import set_halt
from segmind_swap._protocols.orders import Halt, OrderLimits

from ...support.journal_rows import in_memory, ordered

NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


def test_without_bounds_any_order_is_admitted() -> None:
    store = in_memory()
    for number in range(20):
        ordered(store, str(number), owner="ann")
    check_admission(store, "ann", OrderLimits(), NOW)


@pytest.mark.parametrize("limit", ["max_queued", "max_per_owner"])
def test_a_bound_is_named_with_its_value(limit: str) -> None:
    store = in_memory()
    for number in range(3):
        ordered(store, str(number), owner="ann")
    check_admission(store, "ann", OrderLimits(**{limit: 4}), NOW)
    with pytest.raises(LimitExceededError, match=rf"^3 swaps .* \({limit} is 3\)$") as caught:
        check_admission(store, "ann", OrderLimits(**{limit: 3}), NOW)
    assert (caught.value.limit, caught.value.maximum) == (limit, 3)


def test_a_halt_is_told_with_its_reason_and_its_seconds() -> None:
    store = in_memory()
    set_halt(store, Halt(reason=SwapError("no credits are left"), until=NOW + timedelta(seconds=60)))
    with pytest.raises(ServiceStoppedError, match="no credits are left") as caught:
        check_admission(store, None, OrderLimits(), NOW)
    assert caught.value.seconds == 60.0
    check_admission(store, None, OrderLimits(), NOW + timedelta(seconds=61))


def test_a_day_has_room_for_what_its_budget_pays_to_the_cent() -> None:
    store = in_memory()
    with store.transaction():
        store.facts.set_spent(NOW.date(), 300_000)
    for id in ("a", "b"):
        ordered(store, id)
    check_admission(store, None, OrderLimits(daily_budget_usd=0.6, price_usd=0.1), NOW)
    with pytest.raises(BudgetExceededError, match=r"\$0.50 of 2026-11-30 .* begins at 2026-12-01T00:00Z"):
        check_admission(store, None, OrderLimits(daily_budget_usd=0.59, price_usd=0.1), NOW)
    tomorrow = NOW + timedelta(hours=1)
    check_admission(store, None, OrderLimits(daily_budget_usd=0.3, price_usd=0.1), tomorrow)
    with pytest.raises(BudgetExceededError):
        check_admission(store, None, OrderLimits(daily_budget_usd=0.29, price_usd=0.1), tomorrow)
