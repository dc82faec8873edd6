"""The rules for the entries of a `Ledger` that outlive the batch."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from segmind_swap import (
    JournalError,
    OutcomeState,
    OutputError,
    SubmissionUnknownError,
)

from ...._models import Rate
from ...._protocols.entry import EntryConflict
from ...._protocols.ledger import LedgerSource
from .._values import (
    ANSWER,
    ORIGIN,
    PRICE_USD,
    SHORT,
    URLS,
    WORKFLOW,
    a_job,
    a_swap,
    accepted,
    an_outcome,
    claim,
    claimed,
    open_ledger,
)
from .money import MoneyContract


class EntriesContract(MoneyContract):
    """The rules for a `Ledger` whose entries outlive the batch."""

    def test_an_id_is_taken_once_a_run(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                assert ledger.keeps_entries
                await ledger.take(a_swap("Größe"))
                for again in ("Größe", "GRÖSSE", "Gro\u0308ße", "Grö\u200dße"):
                    with pytest.raises(EntryConflict):
                        await ledger.take(a_swap(again))
                assert set(await ledger.find(["Größe", "other"])) == {"Größe"}

        self.run(test, backend)

    def test_the_next_run_finds_the_entry_for_the_same_pictures_only(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                before = await ledger.take(a_swap())
            async with self.opened(source) as ledger:
                with pytest.raises(EntryConflict, match="other pictures"):
                    await ledger.take(a_swap(pictures="q"))
                assert (await ledger.take(a_swap())).number == before.number

        self.run(test, backend)

    def test_an_intent_outlives_a_crash_as_unknown(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            ledger = await open_ledger(source)
            await claimed(ledger)
            assert (await self._found(ledger)).state is OutcomeState.SENDING
            await self.crash(ledger)
            async with self.opened(source) as ledger:
                found = await ledger.take(a_swap())
                assert (found.state, found.billable_posts) == (OutcomeState.UNKNOWN, 1)
                assert isinstance(found.error, SubmissionUnknownError)
                assert ledger.committed_usd == pytest.approx(PRICE_USD)

        self.run(test, backend)

    def test_a_swap_between_two_posts_is_sent_again_after_a_crash_only_without_doubt(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await open_ledger(source)
            for id, in_doubt in (("clear", 0), ("doubtful", 1)):
                entry = await claimed(ledger, id)
                await ledger.refuse(entry, in_doubt=in_doubt)
            await self.crash(ledger)
            async with self.opened(source) as ledger:
                found = await ledger.find(["clear", "doubtful"])
                assert found["clear"].state is OutcomeState.PENDING
                assert (found["clear"].billable_posts, found["doubtful"].billable_posts) == (0, 1)
                assert found["doubtful"].state is OutcomeState.UNKNOWN

        self.run(test, backend)

    def test_inputs_that_were_expected_and_not_taken_leave_nothing_to_the_next_run(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await ledger.expect(["a", "b", "c"])
                await accepted(ledger, "a", a_job())
                committed_usd = ledger.committed_usd
            async with self.opened(source) as ledger:
                await ledger.expect([])
                assert ledger.committed_usd == pytest.approx(committed_usd)
                assert set(await ledger.find(["a", "b", "c"])) == {"a"}
                async with aclosing(ledger.resumable()) as entries:
                    assert [entry.id async for entry in entries] == ["a"]
                assert (await ledger.take(a_swap("b"))).state is OutcomeState.PENDING

        self.run(test, backend)

    def test_a_withdrawn_intent_leaves_the_state_before_it(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await claimed(ledger)
                ledger.withdraw(entry, in_doubt=0)
                found = await self._found(ledger)
                assert (found.state, found.billable_posts) == (OutcomeState.PENDING, 0)
                await ledger.claim(entry, in_doubt=0, urls=URLS)
                await ledger.refuse(entry, in_doubt=1)
                await ledger.claim(entry, in_doubt=1, urls=URLS)
                ledger.withdraw(entry, in_doubt=1)
                found = await self._found(ledger)
                assert (found.state, found.billable_posts) == (OutcomeState.SENDING, 1)

        self.run(test, backend)

    def test_accepted_jobs_are_resumed_in_the_next_run_oldest_first_with_their_money(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                async with aclosing(ledger.resumable()) as entries:
                    assert [entry async for entry in entries] == []
                await accepted(ledger, "late", a_job(9))
                await accepted(ledger, "early", a_job(3, possible_duplicates=1), in_doubt=1)
                committed_usd = ledger.committed_usd
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(committed_usd)
                async with aclosing(ledger.resumable()) as entries:
                    resumed = [entry async for entry in entries]
                assert [entry.id for entry in resumed] == ["early", "late"]
                assert [entry.job for entry in resumed] == [a_job(3, possible_duplicates=1), a_job(9)]
                assert [entry.in_doubt for entry in resumed] == [1, 0]
                early, late = resumed
                await ledger.finish(early, an_outcome(OutcomeState.FAILED, job=early.job), unsettled_posts=0)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                ledger.release(late, unsettled_posts=1)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)

        self.run(test, backend)

    def test_a_swap_that_waits_for_money_may_get_that_of_a_resumed_job(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await accepted(ledger, "a", a_job())
            async with self.opened(source, budget_usd=0.2, failed_runs_are_free=True) as ledger:
                async with aclosing(ledger.resumable()) as entries:
                    (resumed,) = [entry async for entry in entries]
                new = await ledger.take(a_swap("b"))
                async with anyio.create_task_group() as group:
                    group.start_soon(ledger.reserve, new)
                    await anyio.sleep(SHORT)
                    await ledger.finish(
                        resumed, an_outcome(OutcomeState.FAILED, job=resumed.job), unsettled_posts=0
                    )
                assert ledger.committed_usd == pytest.approx(PRICE_USD)

        self.run(test, backend)

    @pytest.mark.parametrize(
        ("state", "unsettled_posts"),
        [
            (OutcomeState.COMPLETED, 0),
            (OutcomeState.FAILED, 0),
            (OutcomeState.UNREADABLE, 1),
            (OutcomeState.EXPIRED, 1),
            (OutcomeState.UNKNOWN, 1),
            (OutcomeState.REJECTED, 0),
        ],
    )
    def test_an_end_is_in_the_next_run_with_its_money_and_allows_no_further_post(
        self, source: LedgerSource, backend: str, state: OutcomeState, unsettled_posts: int
    ) -> None:
        has_job = state not in {OutcomeState.UNKNOWN, OutcomeState.REJECTED}
        outcome = an_outcome(state, job=a_job() if has_job else None)

        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await claimed(ledger)
                if has_job:
                    await ledger.accept(entry, a_job(), in_doubt=0)
                else:
                    await ledger.refuse(entry, in_doubt=unsettled_posts)
                await ledger.finish(entry, outcome, unsettled_posts=unsettled_posts)
                committed_usd = ledger.committed_usd
            async with self.opened(source) as ledger:
                found = await ledger.take(a_swap())
                assert (found.state, found.result) == (state, outcome.result)
                assert str(found.error) == str(outcome.error)
                assert found.outcome().state is state
                assert ledger.committed_usd == pytest.approx(committed_usd)
                await ledger.reserve(found)
                with pytest.raises(JournalError):
                    await ledger.claim(found, in_doubt=found.in_doubt, urls=URLS)

        self.run(test, backend)

    @pytest.mark.parametrize("state", [OutcomeState.FAILED, OutcomeState.REJECTED])
    def test_a_reopened_entry_is_submitted_again_without_its_old_job(
        self, source: LedgerSource, backend: str, state: OutcomeState
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await claimed(ledger)
                if state is OutcomeState.FAILED:
                    await ledger.accept(entry, a_job(), in_doubt=0)
                else:
                    await ledger.refuse(entry, in_doubt=0)
                await ledger.finish(entry, an_outcome(state), unsettled_posts=0)
            async with self.opened(source) as ledger:
                reopened = await ledger.reopen(await ledger.take(a_swap()))
                assert (reopened.state, reopened.job, reopened.in_doubt) == (OutcomeState.PENDING, None, 0)
                await claim(ledger, reopened)
                await ledger.accept(reopened, a_job(2), in_doubt=0)
                assert (await self._found(ledger)).job == a_job(2)

        self.run(test, backend)

    def test_a_reopened_entry_keeps_the_money_of_its_failed_runs_and_starts_without_doubt(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            for run in range(3):
                async with self.opened(source) as ledger:
                    assert ledger.committed_usd == pytest.approx(2 * run * PRICE_USD)
                    entry = await ledger.take(a_swap())
                    if run:
                        entry = await ledger.reopen(entry)
                    assert (entry.billable_posts, entry.in_doubt, entry.job) == (0, 0, None)
                    assert (entry.failed_runs, entry.closed_posts) == (run, run)
                    await claim(ledger, entry, in_doubt=1)
                    await ledger.accept(entry, a_job(run), in_doubt=1)
                    outcome = an_outcome(OutcomeState.FAILED, job=a_job(run))
                    await ledger.finish(entry, outcome, unsettled_posts=1)
                    assert ledger.committed_usd == pytest.approx(2 * (run + 1) * PRICE_USD)
            async with self.opened(source, failed_runs_are_free=True) as ledger:
                assert ledger.committed_usd == pytest.approx(3 * PRICE_USD), "the POSTs in doubt are not free"
                entry = await ledger.reopen(await ledger.take(a_swap()))
                await claim(ledger, entry)
                await ledger.refuse(entry, in_doubt=0)
                await ledger.finish(entry, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                assert ledger.committed_usd == pytest.approx(3 * PRICE_USD)
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(6 * PRICE_USD)

        self.run(test, backend)

    def test_an_unreadable_job_is_resumed_with_its_answer_until_it_is_completed(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await accepted(ledger, "a", a_job())
                await ledger.finish(
                    entry, an_outcome(OutcomeState.UNREADABLE, job=a_job()), unsettled_posts=1
                )
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
            async with self.opened(source) as ledger:
                assert (await ledger.take(a_swap())).state is OutcomeState.UNREADABLE
                async with aclosing(ledger.resumable()) as entries:
                    (resumed,) = [entry async for entry in entries]
                assert (resumed.state, resumed.job, resumed.answer) == (
                    OutcomeState.UNREADABLE,
                    a_job(),
                    ANSWER,
                )
                assert isinstance(resumed.error, OutputError)
                assert resumed.error.body == ANSWER
                for state in (OutcomeState.EXPIRED, OutcomeState.FAILED):
                    with pytest.raises(JournalError):
                        await ledger.finish(resumed, an_outcome(state, job=a_job()), unsettled_posts=1)
                with pytest.raises(JournalError):
                    await ledger.reopen(resumed)
                await ledger.finish(resumed, an_outcome(OutcomeState.UNREADABLE), unsettled_posts=1)
                await ledger.finish(resumed, an_outcome(OutcomeState.COMPLETED), unsettled_posts=0)
                assert (await self._found(ledger)).state is OutcomeState.COMPLETED

        self.run(test, backend)

    def test_a_completed_swap_is_saved(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await accepted(ledger, "a", a_job())
                outcome = an_outcome(OutcomeState.COMPLETED)
                await ledger.finish(entry, outcome, unsettled_posts=0)
                assert outcome.result is not None
                saved = outcome.result.model_copy(update={"path": "a.png"})
                await ledger.save(entry, saved)
                found = await self._found(ledger)
                assert (found.state, found.billable_posts) == (OutcomeState.SAVED, 1)
                assert found.result is not None
                assert str(found.result.path) == "a.png"
                assert ledger.committed_usd == pytest.approx(PRICE_USD)

        self.run(test, backend)

    def test_the_price_of_earlier_runs_stays(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source, price_usd=0.3):
                pass
            async with self.opened(source, price_usd=0.2) as ledger:
                assert ledger.price_usd == pytest.approx(0.3)

        self.run(test, backend)

    def test_the_rate_that_was_learned_outlives_a_crash_and_is_compared_by_the_key(
        self, source: LedgerSource, backend: str
    ) -> None:
        learned = Rate(per_minute=61.5, count_polls=True, count_polls_for=300.0, reason="found by a 429")

        async def test() -> None:
            ledger = await open_ledger(source)
            assert await ledger.learned_rate() is None
            for rate in (Rate(per_minute=30.0), learned):
                ledger.keep_rate(rate)
            await accepted(ledger, "a", a_job())  # what was kept before is then kept, too
            await self.crash(ledger)
            async with self.opened(source) as ledger:
                kept = await ledger.learned_rate()
                assert kept is not None
                assert (kept.rate, kept.is_same_key) == (learned, True)
                assert 0.0 <= kept.age < self.patience
            ledger = await open_ledger(source, tag_of_key=lambda salt: f"another tag under {salt.hex()}")
            kept = await ledger.learned_rate()
            await ledger.aclose()
            assert kept is not None
            assert (kept.rate, kept.is_same_key) == (learned, False)

        self.run(test, backend)

    def test_a_ledger_belongs_to_one_service_and_workflow(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source):
                pass
            for origin, workflow in (("https://other.example", WORKFLOW), (ORIGIN, "other-v2")):
                with pytest.raises(JournalError):
                    await open_ledger(source, origin=origin, workflow=workflow)

        self.run(test, backend)

    def test_a_ledger_can_be_looked_at_while_a_batch_uses_it(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await ledger.take(a_swap())
                view = await source.look()
                assert view is not None
                assert view.name == ledger.name
                assert (await view.find(["a"]))["a"].state is OutcomeState.PENDING
                await view.aclose()
                await ledger.take(a_swap("b"))

        self.run(test, backend)
