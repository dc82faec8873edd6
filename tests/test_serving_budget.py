"""The budget of a day, end to end: what is over waits until the day ends, by UTC, and is sent then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from segmind_swap import BudgetExceededError, Journal, OutcomeState

from .support.batches import emulator
from .support.services import enqueue, served, until

S = OutcomeState


def clock_from(start: datetime) -> Callable[[], datetime]:
    """A clock that goes with the virtual time."""
    began = anyio.current_time()
    return lambda: start + timedelta(seconds=anyio.current_time() - began)


async def test_a_cost_above_the_price_stops_the_service_until_the_next_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = emulator(price_usd=0.2, metrics=True)
    journal = Journal(":memory:")
    clock = clock_from(datetime(2026, 11, 30, 23, 55, tzinfo=UTC))
    journal._opening.clock = clock
    monkeypatch.setattr("segmind_swap._service.worker.utc_now", clock)
    options = {"daily_budget_usd": 0.5, "price_usd": 0.01}
    async with served(machine, journal, client={"max_in_flight": 1}, **options) as service:
        for number in range(4):
            await enqueue(service, number, owner="anna")
        await service.result("s1")
        await anyio.sleep(20)
        assert [(await service.status(f"s{number}")).state for number in (2, 3)] == [S.PENDING, S.PENDING]
        with pytest.raises(BudgetExceededError) as caught:
            await enqueue(service, 9)
        assert caught.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
        assert service.halted_by is None, "no person and no other process needs to know"
        assert (await until(service, "s2", S.ACCEPTED)).change
        assert clock() > datetime(2026, 12, 1, tzinfo=UTC)
        await service.result("s3")
    assert len(machine.ledger) == 4
    days = [charge.accepted_at for charge in machine.ledger]
    assert days[2] - days[1] > 100, "the first two on one day, and two on the next"


async def test_unknown_and_failed_swaps_count_and_a_restart_does_not_forget_them() -> None:
    from segmind_swap.emulator import Fault

    machine = emulator(faults=[Fault(on="submit", cut="after-body")])
    journal = Journal(":memory:")
    for number in range(2):
        async with served(machine, journal, daily_budget_usd=0.5, price_usd=0.2) as service:
            await enqueue(service, number)
            await until(service, f"s{number}", S.UNKNOWN)
    async with served(machine, journal, daily_budget_usd=0.5, price_usd=0.2) as service:
        with pytest.raises(BudgetExceededError):
            await enqueue(service, 2)
        assert (await enqueue(service, 0)).state is S.UNKNOWN
    assert machine.count("submit") == 2
