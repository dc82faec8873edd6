"""`MoneyContract`: the rules about money for every `Ledger`."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from segmind_swap import (
    BudgetExceededError,
    OutcomeState,
)

from ...._models import Rate
from ...._protocols.ledger import LedgerSource
from .._values import (
    PRICE_USD,
    SHORT,
    URLS,
    a_job,
    a_swap,
    accepted,
    an_outcome,
    claim,
    claimed,
    open_ledger,
)
from .days import DaysContract


class MoneyContract(DaysContract):
    """The rules about money, for every `Ledger`, also for a ledger that stores no entries."""

    def test_nothing_is_committed_before_anything_is_reserved(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await ledger.take(a_swap())
                assert (entry.state, entry.billable_posts, entry.in_doubt) == (OutcomeState.PENDING, 0, 0)
                assert (ledger.committed_usd, ledger.price_usd) == (0.0, PRICE_USD)

        self.run(test, backend)

    def test_expected_inputs_commit_nothing_and_are_new_when_they_are_taken(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source, budget_usd=PRICE_USD) as ledger:
                await ledger.expect(["a", "b", "A"])
                assert ledger.committed_usd == 0.0
                assert await ledger.find(["a", "b"]) == {}
                entry = await ledger.take(a_swap("a"))
                assert (entry.state, entry.billable_posts) == (OutcomeState.PENDING, 0)
                await claim(ledger, entry)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                await ledger.accept(entry, a_job(), in_doubt=0)

        self.run(test, backend)

    def test_a_reserved_price_is_committed_until_the_swap_is_released(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await ledger.take(a_swap())
                await ledger.reserve(entry)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                ledger.release(entry, unsettled_posts=0)
                assert ledger.committed_usd == 0.0

        self.run(test, backend)

    def test_a_claim_uses_the_price_that_was_reserved(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await claimed(ledger)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                ledger.withdraw(entry, in_doubt=0)
                await ledger.claim(entry, in_doubt=0, urls=URLS)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                await ledger.accept(entry, a_job(), in_doubt=0)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)

        self.run(test, backend)

    def test_each_post_that_may_have_been_accepted_is_committed(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await ledger.take(a_swap())
                await claim(ledger, entry, in_doubt=1)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                await ledger.accept(entry, a_job(), in_doubt=1)
                await ledger.finish(entry, an_outcome(OutcomeState.COMPLETED), unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)

        self.run(test, backend)

    def test_a_refused_swap_gives_its_price_back_when_it_ends(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await claimed(ledger)
                await ledger.refuse(entry, in_doubt=0)
                assert ledger.committed_usd == pytest.approx(PRICE_USD), "the next POST needs it"
                await ledger.finish(entry, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                assert ledger.committed_usd == 0.0

        self.run(test, backend)

    def test_a_result_is_settled_at_its_cost_and_a_higher_cost_raises_the_price(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                for id, cost_usd, committed_usd in (("a", 0.05, PRICE_USD), ("b", 0.4, PRICE_USD + 0.4)):
                    entry = await claimed(ledger, id)
                    await ledger.accept(entry, a_job(), in_doubt=0)
                    await ledger.finish(
                        entry, an_outcome(OutcomeState.COMPLETED, cost_usd=cost_usd), unsettled_posts=0
                    )
                    assert ledger.committed_usd == pytest.approx(committed_usd)
                assert ledger.price_usd == pytest.approx(0.4)

        self.run(test, backend)

    @pytest.mark.parametrize("failed_runs_are_free", [False, True])
    def test_a_failed_run_stays_committed_unless_failed_runs_are_free(
        self, source: LedgerSource, backend: str, failed_runs_are_free: bool
    ) -> None:
        async def test() -> None:
            async with self.opened(source, failed_runs_are_free=failed_runs_are_free) as ledger:
                entry = await accepted(ledger, "a", a_job(), in_doubt=1)
                await ledger.finish(entry, an_outcome(OutcomeState.FAILED, job=a_job()), unsettled_posts=1)
                posts = 1 if failed_runs_are_free else 2
                assert ledger.committed_usd == pytest.approx(posts * PRICE_USD)

        self.run(test, backend)

    def test_a_swap_for_which_the_budget_has_no_room_is_refused_at_once(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source, budget_usd=0.1) as ledger:
                entry = await ledger.take(a_swap())
                with pytest.raises(BudgetExceededError) as caught:
                    await ledger.reserve(entry)
                assert caught.value.budget_usd == pytest.approx(0.1)
                assert ledger.committed_usd == 0.0

        self.run(test, backend)

    def test_a_second_post_for_which_the_budget_has_no_room_is_not_claimed(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source, budget_usd=0.2) as ledger:
                entry = await claimed(ledger)
                await ledger.refuse(entry, in_doubt=1)
                with pytest.raises(BudgetExceededError):
                    await ledger.claim(entry, in_doubt=1, urls=URLS)
                ledger.release(entry, unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)

        self.run(test, backend)

    def test_a_swap_waits_for_money_that_another_swap_may_give_back(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source, budget_usd=0.2) as ledger:
                first, second = await ledger.take(a_swap("a")), await ledger.take(a_swap("b"))
                await ledger.reserve(first)
                async with anyio.create_task_group() as group:
                    group.start_soon(ledger.reserve, second)
                    await anyio.sleep(SHORT)
                    assert ledger.committed_usd == pytest.approx(PRICE_USD)
                    ledger.release(first, unsettled_posts=0)
                assert ledger.committed_usd == pytest.approx(PRICE_USD), (
                    "the second swap has reserved the price"
                )
                ledger.release(second, unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(first)

        self.run(test, backend)

    def test_a_cancelled_reservation_commits_nothing(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source, budget_usd=0.2) as ledger:
                first, second = await ledger.take(a_swap("a")), await ledger.take(a_swap("b"))
                await ledger.reserve(first)
                with anyio.move_on_after(SHORT):
                    await ledger.reserve(second)
                ledger.release(second, unsettled_posts=0)
                ledger.release(first, unsettled_posts=0)
                assert ledger.committed_usd == 0.0

        self.run(test, backend)

    def test_nobody_is_known_to_pay_for_new_pictures_and_a_copy_commits_nothing(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                assert await ledger.find_paid("p") is None
                entry = await accepted(ledger, "a", a_job())
                outcome = an_outcome(OutcomeState.COMPLETED, cost_usd=0.2)
                await ledger.finish(entry, outcome, unsettled_posts=0)
                assert outcome.result is not None
                copy = await ledger.take(a_swap("b"))
                await ledger.copy(copy, outcome.result.model_copy(update={"copy_of": "a"}))
                ledger.release(copy, unsettled_posts=0)
                assert ledger.committed_usd == pytest.approx(0.2)

        self.run(test, backend)

    def test_a_ledger_closes_after_the_responses_of_open_claims(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await open_ledger(source)
            entry = await claimed(ledger)
            closed = anyio.Event()

            async def close() -> None:
                await ledger.aclose()
                closed.set()

            async with anyio.create_task_group() as group:
                group.start_soon(close)
                await anyio.sleep(SHORT)
                assert not closed.is_set()
                await ledger.accept(entry, a_job(), in_doubt=0)

        self.run(test, backend)

    def test_the_rate_may_be_kept_at_any_time_and_commits_nothing(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                ledger.keep_rate(Rate(per_minute=60.0))
                entry = await claimed(ledger)
                ledger.keep_rate(Rate())
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                await ledger.refuse(entry, in_doubt=0)
                ledger.release(entry, unsettled_posts=0)

        self.run(test, backend)
