"""What a gate learns of the rate limit outlives the batch. Minutes and hours here cost nothing."""

import logging
from typing import Any

import anyio
import pytest

from segmind_swap import Journal, LearnedRate, Rate, RateLimit
from segmind_swap._api.account.key_tag import key_tag
from segmind_swap._batch.rate.memory import remembered_rate
from segmind_swap._config import WORKFLOW, RetryPolicy
from segmind_swap._http.gate import LocalGate
from segmind_swap._journal.money.budget_only import BudgetOnlyLedger
from segmind_swap._protocols.gate import RateKeeper

from ...support.batches import KEY, client_of, emulator, states, swaps_of


class Gate(LocalGate):
    """A gate whose belief is what the test says, and which notes what it is told to believe."""

    def __init__(self) -> None:
        super().__init__(RateLimit(), RetryPolicy())
        self.belief = Rate()
        self.changes = 0
        self.told: list[tuple[Rate, float, bool]] = []

    @property
    def rate_changes(self) -> int:
        return self.changes

    def rate(self) -> Rate:
        return self.belief

    def believe(self, learned: Rate, *, age: float, is_guess: bool = False) -> None:
        self.told.append((learned, age, is_guess))
        self.belief, self.changes = learned, self.changes + 1

    def learn(self, **belief: Any) -> None:
        self.belief, self.changes = Rate(**belief), self.changes + 1


class Ledger(BudgetOnlyLedger):
    """A ledger that keeps the rate in a list, with the moment of each."""

    def __init__(self, learned: LearnedRate | Exception | None = None) -> None:
        self.kept: list[tuple[float, Rate]] = []
        self.learned = learned
        self.began = anyio.current_time()

    async def learned_rate(self) -> Any:
        if isinstance(self.learned, Exception):
            raise self.learned
        return self.learned

    def keep_rate(self, rate: Rate) -> None:
        self.kept.append((round(anyio.current_time() - self.began), rate))

    @property
    def rates(self) -> list[float | None]:
        return [rate.per_minute for _, rate in self.kept]


@pytest.mark.parametrize(("is_same_key", "is_guess"), [(True, False), (False, True), (None, True)])
async def test_the_gate_is_told_what_was_kept_and_of_another_key_as_a_guess(
    is_same_key: bool | None, is_guess: bool
) -> None:
    gate, learned = Gate(), LearnedRate(rate=Rate(per_minute=60), age=100.0, is_same_key=is_same_key)
    ledger = Ledger(learned)
    async with remembered_rate(gate, ledger):
        await anyio.sleep(1000)
    assert gate.told == [(learned.rate, 100.0, is_guess)]
    assert ledger.kept == [], "nothing was learned besides, so the belief keeps its age"


async def test_each_change_is_kept_within_seconds_and_changes_in_between_together() -> None:
    gate, ledger = Gate(), Ledger()
    async with remembered_rate(gate, ledger):
        await anyio.sleep(7)
        for per_minute in (30.0, 40.0, 50.0):
            gate.learn(per_minute=per_minute)
        await anyio.sleep(8)
        assert ledger.kept == [(10, Rate(per_minute=50))]
        gate.belief = Rate(per_minute=50, next_try_in=3.0)
        await anyio.sleep(10)
        assert ledger.rates == [50.0], "the same belief"
        gate.belief = Rate(per_minute=50, count_polls=True, count_polls_for=600.0)
        await anyio.sleep(6)
        assert len(ledger.kept) == 2


async def test_a_belief_that_does_not_change_is_kept_again_because_its_age_counts() -> None:
    gate, ledger = Gate(), Ledger()
    async with remembered_rate(gate, ledger):
        gate.learn(per_minute=60)
        await anyio.sleep(3600)
        assert 5 <= len(ledger.kept) <= 8
    assert ledger.kept[-1][0] == 3600, "the end of the batch"


async def test_an_unknown_limit_is_not_kept_and_a_confirmed_belief_is_kept_at_the_end() -> None:
    gate = Gate()
    ledger = Ledger(LearnedRate(rate=Rate(per_minute=60), age=50_000.0, is_same_key=True))
    async with remembered_rate(gate, ledger):
        gate.belief = Rate(limited_ago=1.0)
        await anyio.sleep(20)
        assert ledger.kept == []
        gate.belief = Rate(per_minute=60, limited_ago=2.0)
    assert ledger.rates == [60.0], "a 429 has shown that the earlier belief still holds"


async def test_what_is_cancelled_keeps_what_was_learned() -> None:
    gate, ledger = Gate(), Ledger()
    with anyio.move_on_after(3):
        async with remembered_rate(gate, ledger):
            gate.learn(per_minute=60)
            await anyio.sleep_forever()
    assert ledger.kept == [(3, Rate(per_minute=60))]


async def test_no_failure_of_the_ledger_or_the_gate_ends_the_batch(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Ledger):
        def keep_rate(self, rate: Rate) -> None:
            raise OSError("no space")

    gate, ledger = Gate(), Broken(RuntimeError("no row"))
    with caplog.at_level(logging.ERROR):
        async with remembered_rate(gate, ledger):
            gate.learn(per_minute=60)
            await anyio.sleep(7)
    assert "could not be used" in caplog.text
    assert caplog.text.count("could not be kept") == 2


async def test_a_gate_without_a_belief_of_its_own_is_left_alone() -> None:
    class Plain:
        counts_polls = False

    ledger = Ledger(LearnedRate(rate=Rate(per_minute=60), age=1.0, is_same_key=True))
    assert not isinstance(Plain(), RateKeeper)
    async with remembered_rate(Plain(), ledger):  # type: ignore[arg-type]
        await anyio.sleep(1000)
    assert ledger.kept == []


async def test_the_next_run_of_a_batch_starts_at_the_rate_that_the_first_has_learned() -> None:
    service, journal = emulator(rate_limit=60), Journal(":memory:")
    async with client_of(service, max_in_flight=200) as client:
        async with client.swap_many(swaps_of(150), journal=journal, concurrency=200) as outcomes:
            async for _ in outcomes:
                if client.rate.per_minute is not None:
                    break
        found = client.rate
        assert found.per_minute == pytest.approx(60, abs=3)
    summary = journal.summary()
    assert summary.learned_rate is not None
    assert summary.learned_rate.rate.per_minute == found.per_minute
    assert summary.learned_rate.is_same_key is None, "a reader of the journal has no key"

    refused = limited(service)
    assert refused >= 1
    async with (
        client_of(service, max_in_flight=200) as client,
        client.swap_many(swaps_of(150), journal=journal, concurrency=200) as outcomes,
    ):
        await anext(outcomes)
        assert client.rate.per_minute == pytest.approx(found.per_minute, rel=0.1)
        assert not client.rate.is_guess
        async for _ in outcomes:
            pass
    assert limited(service) - refused <= 3
    assert service.paid_twice() == []


async def test_two_batches_of_one_client_keep_the_same_belief_in_both_journals() -> None:
    service, journals = emulator(rate_limit=60), [Journal(":memory:"), Journal(":memory:")]
    async with client_of(service, max_in_flight=200) as client, anyio.create_task_group() as group:

        async def run(number: int) -> None:
            await client.swap_all(
                swaps_of(80), journal=journals[number], concurrency=100, budget_usd=100.0 + number
            )

        for number in (0, 1):
            group.start_soon(run, number)
    learned = [journal.summary().learned_rate for journal in journals]
    assert all(one is not None and one.rate.per_minute is not None for one in learned)


async def test_a_limit_that_the_user_has_set_is_not_exceeded_whatever_was_learned() -> None:
    service, journal = emulator(), Journal(":memory:")
    ledger = await journal.open(
        origin="http://127.0.0.1",
        workflow=WORKFLOW,
        price_usd=0.15,
        budget_usd=None,
        tag_of_key=lambda salt: key_tag(KEY, salt),
    )
    ledger.keep_rate(Rate(per_minute=600.0))
    await ledger.aclose()
    limit = RateLimit(requests_per_minute=30)
    async with client_of(service, rate_limit=limit, max_in_flight=30) as client:
        began = anyio.current_time()
        outcomes = await client.swap_all(swaps_of(20), journal=journal, concurrency=30)
        assert states(outcomes) == {"completed": 20}
        assert anyio.current_time() - began >= 19 * 2.0 + 70.0
        assert (client.rate.per_minute, client.rate.trying) == (30.0, 30.0)


def limited(service: Any) -> int:
    return sum(call.status == 429 for call in service.calls)
