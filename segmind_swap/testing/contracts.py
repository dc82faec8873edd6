"""The tests that any `Ledger`, any `Marks` and any `Gate` must pass, as classes to inherit from.

The test file of an implementation defines a subclass with a name `Test…`, and overrides the fixture that
makes the object. The protocols are in `segmind_swap._protocols`, and may change in any version. Needs the
extra ``segmind-swap[testing]``. Each test runs an event loop of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import anyio
import anyio.lowlevel
import pytest

from segmind_swap import (
    BudgetExceededError,
    JournalError,
    OutcomeState,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapFailedError,
    SwapJob,
    SwapOutcome,
    SwapRequest,
    SwapResult,
)

from .._models import Call, Rate
from .._protocols.entry import Entry, EntryConflict, NewEntry, NewVersion
from .._protocols.gate import Gate
from .._protocols.ledger import AmendableSource, Amendment, Ledger, LedgerSource
from .._protocols.marks import Mark, Marks, Verdict

ORIGIN = "https://api.segmind.com"
WORKFLOW = "contract-v1"
PRICE_USD = 0.15
URLS = ("https://inputs.example/hero.png", "https://inputs.example/street.png")
"""The URLs of the reference and of the scene of a POST."""
ANSWER = b'{"status": "COMPLETED", "image": "caf\xc3\xa9"}'
"""The body of an answer that the client could not read."""

_ACCEPTED_AT = datetime(2026, 11, 22, tzinfo=UTC)
_SHORT = 0.05
"""Seconds after which a task that can continue has continued."""


class _OnEachLoop:
    """Runs each test on the event loops of `backends`. The argument `backend` of a test is the event loop."""

    backends: ClassVar[tuple[str, ...]] = ("asyncio", "trio")
    patience: ClassVar[float] = 30.0
    """Seconds after which a test has failed: what never wakes up would hang."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrises each test by the event loops."""
        if "backend" in metafunc.fixturenames:
            metafunc.parametrize("backend", self.backends)

    def run(self, test: Callable[[], Awaitable[None]], backend: str) -> None:
        """Runs a test on an event loop of its own."""

        async def bounded() -> None:
            with anyio.fail_after(self.patience):
                await test()

        anyio.run(bounded, backend=backend)


def a_swap(id: str = "a", *, pictures: str = "p") -> NewEntry:
    """An input of a batch. `pictures` stands for the content of both pictures."""
    return NewEntry(id=id, fingerprint=pictures, reference="hero.png", scene="street.png")


def a_version(id: str = "a", *, after: int = 1, pictures: str = "p") -> NewVersion:
    """A version that a redo is about to make."""
    return NewVersion(id=id, after=after, fingerprint=pictures, reference="another.png", scene="street.png")


def a_job(number: int = 1, *, possible_duplicates: int = 0) -> SwapJob:
    """An accepted job. A job with a higher number was accepted later."""
    return SwapJob(
        poll_url=f"{ORIGIN}/workflows/request/{number}",
        request_id=str(number),
        workflow=WORKFLOW,
        submitted_at=_ACCEPTED_AT + timedelta(seconds=number),
        possible_duplicates=possible_duplicates,
    )


async def _open(
    source: LedgerSource,
    *,
    origin: str = ORIGIN,
    workflow: str = WORKFLOW,
    price_usd: float = PRICE_USD,
    budget_usd: float | None = None,
    failed_runs_are_free: bool = False,
    tag_of_key: Callable[[bytes], str] | None = None,
) -> Ledger:
    return await source.open(
        origin=origin,
        workflow=workflow,
        price_usd=price_usd,
        budget_usd=budget_usd,
        failed_runs_are_free=failed_runs_are_free,
        tag_of_key=tag_of_key or _tag_of_key,
    )


def _tag_of_key(salt: bytes) -> str:
    """The tag of the client's key: another tag for each salt."""
    return f"tag under {salt.hex()}"


async def _claim(ledger: Ledger, entry: Entry, *, in_doubt: int = 0) -> None:
    """Reserves and claims, with `in_doubt` POSTs before that were answered and may have been accepted."""
    await ledger.reserve(entry)
    for doubts in range(in_doubt):
        await ledger.claim(entry, in_doubt=doubts, urls=URLS)
        await ledger.refuse(entry, in_doubt=doubts + 1)
    await ledger.claim(entry, in_doubt=in_doubt, urls=URLS)


async def _claimed(ledger: Ledger, id: str = "a") -> Entry:
    """A new entry whose first POST is claimed."""
    entry = await ledger.take(a_swap(id))
    await _claim(ledger, entry)
    return entry


async def _accepted(ledger: Ledger, id: str, job: SwapJob, *, in_doubt: int = 0) -> Entry:
    """A new entry with an accepted job."""
    entry = await ledger.take(a_swap(id))
    await _claim(ledger, entry, in_doubt=in_doubt)
    await ledger.accept(entry, job, in_doubt=in_doubt)
    return entry


def an_outcome(
    state: OutcomeState, *, job: SwapJob | None = None, cost_usd: float | None = None
) -> SwapOutcome:
    """The outcome of a swap in `state`, with a result or an error that belongs to this state."""
    result = None
    error: SwapError | None = None
    if state is OutcomeState.COMPLETED:
        result = SwapResult(
            job=job or a_job(), url=f"{ORIGIN}/a.png", outputs=(), seconds=72.0, cost_usd=cost_usd
        )
    elif state is OutcomeState.UNKNOWN:
        error = SubmissionUnknownError("no answer came")
    elif state is OutcomeState.UNREADABLE:
        error = OutputError("there is no picture", body=ANSWER, job=job)
    else:
        error = SwapFailedError("it failed", reason="no face", job=job)
    request = SwapRequest(id="a", reference_character_image="hero.png", character_image="street.png")
    return SwapOutcome(request=request, state=state, job=job, result=result, error=error)


class MoneyContract(_OnEachLoop):
    """The rules about money, for every `Ledger`, also for a ledger that stores no entries."""

    @pytest.fixture
    def source(self) -> LedgerSource:
        """The source of the ledger, with a new ledger for each test. To be overridden."""
        raise NotImplementedError("override the fixture `source`")

    @asynccontextmanager
    async def opened(
        self,
        source: LedgerSource,
        *,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
    ) -> AsyncIterator[Ledger]:
        """Opens the ledger, as a batch does, and closes it at the end of the block."""
        ledger = await _open(
            source, budget_usd=budget_usd, price_usd=price_usd, failed_runs_are_free=failed_runs_are_free
        )
        try:
            yield ledger
        finally:
            await ledger.aclose()

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
                await _claim(ledger, entry)
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
                entry = await _claimed(ledger)
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
                await _claim(ledger, entry, in_doubt=1)
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
                entry = await _claimed(ledger)
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
                    entry = await _claimed(ledger, id)
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
                entry = await _accepted(ledger, "a", a_job(), in_doubt=1)
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
                entry = await _claimed(ledger)
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
                    await anyio.sleep(_SHORT)
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
                with anyio.move_on_after(_SHORT):
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
                entry = await _accepted(ledger, "a", a_job())
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
            ledger = await _open(source)
            entry = await _claimed(ledger)
            closed = anyio.Event()

            async def close() -> None:
                await ledger.aclose()
                closed.set()

            async with anyio.create_task_group() as group:
                group.start_soon(close)
                await anyio.sleep(_SHORT)
                assert not closed.is_set()
                await ledger.accept(entry, a_job(), in_doubt=0)

        self.run(test, backend)

    def test_the_rate_may_be_kept_at_any_time_and_commits_nothing(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                ledger.keep_rate(Rate(per_minute=60.0))
                entry = await _claimed(ledger)
                ledger.keep_rate(Rate())
                assert ledger.committed_usd == pytest.approx(PRICE_USD)
                await ledger.refuse(entry, in_doubt=0)
                ledger.release(entry, unsettled_posts=0)

        self.run(test, backend)


class LedgerContract(MoneyContract):
    """The rules for a `Ledger` whose entries outlive the batch."""

    async def crash(self, ledger: Ledger) -> None:
        """Closes the ledger as a killed process would: claims stay open. To be overridden."""
        pytest.skip("this test needs an override of `crash`")

    async def _found(self, ledger: Ledger, id: str = "a") -> Entry:
        return (await ledger.find([id]))[id]

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
            ledger = await _open(source)
            await _claimed(ledger)
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
            ledger = await _open(source)
            for id, in_doubt in (("clear", 0), ("doubtful", 1)):
                entry = await _claimed(ledger, id)
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
                await _accepted(ledger, "a", a_job())
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
                entry = await _claimed(ledger)
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
                await _accepted(ledger, "late", a_job(9))
                await _accepted(ledger, "early", a_job(3, possible_duplicates=1), in_doubt=1)
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
                await _accepted(ledger, "a", a_job())
            async with self.opened(source, budget_usd=0.2, failed_runs_are_free=True) as ledger:
                async with aclosing(ledger.resumable()) as entries:
                    (resumed,) = [entry async for entry in entries]
                new = await ledger.take(a_swap("b"))
                async with anyio.create_task_group() as group:
                    group.start_soon(ledger.reserve, new)
                    await anyio.sleep(_SHORT)
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
                entry = await _claimed(ledger)
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
                entry = await _claimed(ledger)
                if state is OutcomeState.FAILED:
                    await ledger.accept(entry, a_job(), in_doubt=0)
                else:
                    await ledger.refuse(entry, in_doubt=0)
                await ledger.finish(entry, an_outcome(state), unsettled_posts=0)
            async with self.opened(source) as ledger:
                reopened = await ledger.reopen(await ledger.take(a_swap()))
                assert (reopened.state, reopened.job, reopened.in_doubt) == (OutcomeState.PENDING, None, 0)
                await _claim(ledger, reopened)
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
                    await _claim(ledger, entry, in_doubt=1)
                    await ledger.accept(entry, a_job(run), in_doubt=1)
                    outcome = an_outcome(OutcomeState.FAILED, job=a_job(run))
                    await ledger.finish(entry, outcome, unsettled_posts=1)
                    assert ledger.committed_usd == pytest.approx(2 * (run + 1) * PRICE_USD)
            async with self.opened(source, failed_runs_are_free=True) as ledger:
                assert ledger.committed_usd == pytest.approx(3 * PRICE_USD), "the POSTs in doubt are not free"
                entry = await ledger.reopen(await ledger.take(a_swap()))
                await _claim(ledger, entry)
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
                entry = await _accepted(ledger, "a", a_job())
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
                entry = await _accepted(ledger, "a", a_job())
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

    def test_a_copy_has_the_result_of_another_entry_and_costs_nothing(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await _accepted(ledger, "a", a_job())
                result = an_outcome(OutcomeState.COMPLETED, cost_usd=0.2).result
                assert result is not None
                await ledger.finish(
                    entry, an_outcome(OutcomeState.COMPLETED, cost_usd=0.2), unsettled_posts=0
                )
                copied = result.model_copy(update={"copy_of": "a", "cost_usd": 0.0})
                copy = await ledger.take(a_swap("b"))
                await ledger.copy(copy, copied)
                await ledger.save(copy, copied.model_copy(update={"path": "b.png"}))
                assert ledger.committed_usd == pytest.approx(0.2)
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(0.2), "also of an earlier run"
                found = await self._found(ledger, "b")
                assert (found.state, found.billable_posts) == (OutcomeState.SAVED, 0)
                assert (found.id, found.original_id) == ("b", "a")
                assert found.result is not None
                assert (found.result.job, found.result.copy_of) == (result.job, "a")
                assert (await self._found(ledger, "a")).original_id == "a"

        self.run(test, backend)

    def test_a_copy_keeps_the_money_of_its_earlier_attempts(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await _accepted(ledger, "b", a_job(), in_doubt=1)
                await ledger.finish(entry, an_outcome(OutcomeState.FAILED, job=a_job()), unsettled_posts=1)
            async with self.opened(source) as ledger:
                entry = await ledger.reopen(await ledger.take(a_swap("b")))
                result = an_outcome(OutcomeState.COMPLETED, cost_usd=0.0).result
                assert result is not None
                await ledger.copy(entry, result.model_copy(update={"copy_of": "a"}))
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                assert (await self._found(ledger, "b")).closed_posts == 1

        self.run(test, backend)

    def test_only_a_pending_entry_becomes_a_copy(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                result = an_outcome(OutcomeState.COMPLETED).result
                assert result is not None
                for entry in (await _claimed(ledger, "a"), await _accepted(ledger, "b", a_job())):
                    with pytest.raises(JournalError):
                        await ledger.copy(entry, result.model_copy(update={"copy_of": "c"}))
                found = await ledger.find(["a", "b"])
                states = [found[id].state for id in ("a", "b")]
                assert states == [OutcomeState.SENDING, OutcomeState.ACCEPTED]
                await ledger.refuse(await self._found(ledger, "a"), in_doubt=0)

        self.run(test, backend)

    def test_the_entry_that_pays_for_pictures_is_found_by_its_fingerprint(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:

                async def paid() -> str | None:
                    found = await ledger.find_paid("p")
                    return None if found is None else found.id

                assert await paid() is None
                rejected = await _claimed(ledger, "rejected")
                assert await paid() == "rejected", "it is being sent"
                await ledger.refuse(rejected, in_doubt=0)
                await ledger.finish(rejected, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                await ledger.take(a_swap("pending"))
                failed = await _accepted(ledger, "failed", a_job())
                await ledger.finish(failed, an_outcome(OutcomeState.FAILED, job=a_job()), unsettled_posts=0)
                assert await paid() is None
                states = OutcomeState.EXPIRED, OutcomeState.UNKNOWN, OutcomeState.UNREADABLE
                for number, state in enumerate(states):
                    entry = await _accepted(ledger, state, a_job(number))
                    outcome = an_outcome(state, job=None if state is OutcomeState.UNKNOWN else a_job(number))
                    if state is OutcomeState.UNKNOWN:
                        entry = await _claimed(ledger, "in doubt")
                        await ledger.refuse(entry, in_doubt=1)
                    await ledger.finish(entry, outcome, unsettled_posts=1)
                await _accepted(ledger, "late", a_job(8))
                assert await paid() == OutcomeState.UNKNOWN, "its job is waited for"
                done = await _accepted(ledger, "done", a_job(9))
                await ledger.finish(done, an_outcome(OutcomeState.COMPLETED), unsettled_posts=0)
                assert await paid() == "done"
                result = an_outcome(OutcomeState.COMPLETED).result
                assert result is not None
                saved = result.model_copy(update={"path": "c.png", "copy_of": "done"})
                copy = await ledger.take(a_swap("copy"))
                await ledger.copy(copy, saved)
                assert await paid() == "done", "a copy comes after the entry that was paid for"
                await ledger.save(copy, saved)
                assert await paid() == "copy", "only the copy has a file"
                await ledger.save(done, result.model_copy(update={"path": "d.png"}))
                assert await paid() == "done"
                assert await ledger.find_paid("q") is None
                view = await source.look()
                assert view is not None
                seen = await view.find_paid("p")
                await view.aclose()
                assert seen is not None
                assert seen.id == "done"

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
            ledger = await _open(source)
            assert await ledger.learned_rate() is None
            for rate in (Rate(per_minute=30.0), learned):
                ledger.keep_rate(rate)
            await _accepted(ledger, "a", a_job())  # what was kept before is then kept, too
            await self.crash(ledger)
            async with self.opened(source) as ledger:
                kept = await ledger.learned_rate()
                assert kept is not None
                assert (kept.rate, kept.is_same_key) == (learned, True)
                assert 0.0 <= kept.age < self.patience
            ledger = await _open(source, tag_of_key=lambda salt: f"another tag under {salt.hex()}")
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
                    await _open(source, origin=origin, workflow=workflow)

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

    async def _saved(self, ledger: Ledger, *ids: str) -> None:
        """New entries that are done, each with its picture in a file."""
        for id in ids:
            await self._finished(ledger, await ledger.take(a_swap(id)), OutcomeState.SAVED)

    async def _finished(self, ledger: Ledger, entry: Entry, state: OutcomeState) -> None:
        """Submits an entry, which ends in `state`."""
        await _claim(ledger, entry)
        await ledger.accept(entry, a_job(entry.number), in_doubt=0)
        outcome = an_outcome(
            OutcomeState.COMPLETED if state is OutcomeState.SAVED else state, job=a_job(entry.number)
        )
        await ledger.finish(entry, outcome, unsettled_posts=0)
        if state is OutcomeState.SAVED and outcome.result is not None:
            await ledger.save(entry, outcome.result.model_copy(update={"path": f"{entry.id}.png"}))

    async def _versions(self, ledger: Ledger, *ids: str) -> list[tuple[str, int, OutcomeState]]:
        async with aclosing(ledger.versions(ids or None)) as entries:
            return [(entry.id, entry.version, entry.state) async for entry in entries]

    def test_new_versions_are_pending_in_the_next_run_and_cost_nothing_before_their_posts(
        self, source: LedgerSource, backend: str
    ) -> None:
        pending, saved = OutcomeState.PENDING, OutcomeState.SAVED

        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a", "b")
                begun = await ledger.begin_versions([a_version("B"), a_version("a")])
                assert [(entry.id, entry.version, entry.state) for entry in begun] == [
                    ("b", 2, pending),
                    ("a", 2, pending),
                ]
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                assert await self._versions(ledger) == [
                    ("a", 1, saved),
                    ("a", 2, pending),
                    ("b", 1, saved),
                    ("b", 2, pending),
                ]
                assert await self._versions(ledger, "B") == [("b", 1, saved), ("b", 2, pending)]
                found = await self._found(ledger)
                assert (found.version, found.state) == (1, saved), "a version is current only when it is done"

        self.run(test, backend)

    def test_the_same_redo_again_begins_no_version(self, source: LedgerSource, backend: str) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a")
                (begun,) = await ledger.begin_versions([a_version()])
                assert [entry.number for entry in await ledger.begin_versions([a_version()])] == [
                    begun.number
                ]
                await self._finished(ledger, begun, OutcomeState.FAILED)
            async with self.opened(source) as ledger:
                (again,) = await ledger.begin_versions([a_version()])
                assert (again.number, again.state) == (begun.number, OutcomeState.FAILED)
                assert len(await self._versions(ledger)) == 2

        self.run(test, backend)

    def test_a_redo_with_a_swap_that_cannot_be_redone_begins_no_version(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a")
                await self._finished(ledger, await ledger.take(a_swap("b")), OutcomeState.FAILED)
                for others in (["b"], ["none"], ["A"]):
                    with pytest.raises(EntryConflict):
                        await ledger.begin_versions([a_version("a"), *map(a_version, others)])
                with pytest.raises(EntryConflict):
                    await ledger.begin_versions([a_version(after=2)])
                assert len(await self._versions(ledger)) == 2

        self.run(test, backend)

    def test_a_version_that_is_done_is_current_and_all_versions_count_against_the_budget(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a")
                (second,) = await ledger.begin_versions([a_version(pictures="q")])
                await self._finished(ledger, second, OutcomeState.SAVED)
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                assert (await self._found(ledger)).version == 2
            async with self.opened(source, budget_usd=2.5 * PRICE_USD) as ledger:
                with pytest.raises(EntryConflict):
                    await ledger.take(a_swap(pictures="q"))
                taken = await ledger.take(a_swap())
                assert (taken.version, taken.state, taken.fingerprint) == (2, OutcomeState.SAVED, "q")
                assert taken.input == a_swap()
                assert (taken.outcome().version, taken.outcome().path is None) == (2, False)
                (third,) = await ledger.begin_versions([a_version(after=2)])
                with pytest.raises(BudgetExceededError):
                    await ledger.reserve(third)

        self.run(test, backend)

    def test_a_version_whose_intent_outlives_a_crash_is_unknown_and_stays_out_of_the_way(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await _open(source)
            await self._saved(ledger, "a")
            (second,) = await ledger.begin_versions([a_version()])
            await _claim(ledger, second)
            await self.crash(ledger)
            async with self.opened(source) as ledger:
                assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
                assert await self._versions(ledger) == [
                    ("a", 1, OutcomeState.SAVED),
                    ("a", 2, OutcomeState.UNKNOWN),
                ]
                assert (await ledger.take(a_swap())).version == 1
                with pytest.raises(EntryConflict):
                    await ledger.begin_versions([a_version(after=2)])

        self.run(test, backend)

    def test_the_job_of_a_version_is_resumed_in_the_next_run(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a")
                (second,) = await ledger.begin_versions([a_version()])
                await _claim(ledger, second)
                await ledger.accept(second, a_job(9), in_doubt=0)
            async with self.opened(source) as ledger:
                async with aclosing(ledger.resumable()) as entries:
                    (resumed,) = [entry async for entry in entries]
                assert (resumed.id, resumed.version, resumed.job) == ("a", 2, a_job(9))

        self.run(test, backend)

    def test_versions_can_be_looked_at_while_a_batch_uses_the_ledger(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                await self._saved(ledger, "a")
                await ledger.begin_versions([a_version()])
                view = await source.look()
                assert view is not None
                async with aclosing(view.versions()) as entries:
                    assert [entry.version async for entry in entries] == [1, 2]
                await view.aclose()
                with pytest.raises(JournalError):
                    await source.look(workflow="another")

        self.run(test, backend)


def a_mark(
    id: str = "a",
    *,
    picture: str = "a",
    decision: Verdict = Verdict.KEEP,
    seconds: float = 0.0,
    reasons: tuple[str, ...] = (),
) -> Mark:
    """A decision about a picture, some seconds after noon. `picture` is one hexadecimal digit."""
    return Mark(
        id=id,
        sha256=picture * 64,
        decision=decision,
        reasons=reasons,
        at=_ACCEPTED_AT + timedelta(seconds=seconds),
    )


class MarksContract(_OnEachLoop):
    """The rules for `Marks`: the decisions of people about pictures."""

    @pytest.fixture
    def marks(self) -> Marks:
        """Marks of a new ledger, without any mark. To be overridden."""
        raise NotImplementedError

    def test_new_marks_are_empty(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            assert list(await marks.read()) == []
            assert list(await marks.of("a")) == []
            assert list(await marks.put([])) == []

        self.run(test, backend)

    def test_a_mark_is_read_as_it_was_written(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            mark = a_mark("caf\xe9", decision=Verdict.REDO, reasons=("wrong person", "other"))
            assert list(await marks.put([mark])) == [mark]
            assert list(await marks.read()) == [mark]

        self.run(test, backend)

    def test_a_newer_mark_replaces_an_older_one_and_an_older_or_equal_one_replaces_none(
        self, marks: Marks, backend: str
    ) -> None:
        async def test() -> None:
            second = a_mark(decision=Verdict.DISCARD, seconds=2.0)
            await marks.put([a_mark(seconds=1.0)])
            assert list(await marks.put([second])) == [second]
            for late in (a_mark(seconds=1.5), a_mark(seconds=2.0), second):
                assert list(await marks.put([late])) == []
            assert list(await marks.read()) == [second]

        self.run(test, backend)

    def test_marks_of_one_call_follow_the_same_rule(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            newest = a_mark(decision=Verdict.REDO, seconds=3.0)
            await marks.put([a_mark(seconds=1.0), newest, a_mark(decision=Verdict.DISCARD, seconds=2.0)])
            assert list(await marks.read()) == [newest]

        self.run(test, backend)

    def test_each_picture_of_an_id_has_its_own_mark(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            first, second = a_mark(picture="1"), a_mark(picture="2", decision=Verdict.DISCARD)
            await marks.put([first, second, a_mark("b")])
            assert {mark.sha256: mark for mark in await marks.of("a")} == {"1" * 64: first, "2" * 64: second}
            assert len(await marks.read()) == 3

        self.run(test, backend)

    def test_each_version_of_an_id_has_its_own_mark_also_with_the_same_picture(
        self, marks: Marks, backend: str
    ) -> None:
        async def test() -> None:
            first = a_mark(decision=Verdict.DISCARD)
            second = a_mark(seconds=-1.0).model_copy(update={"version": 2})
            await marks.put([first])
            assert list(await marks.put([second])) == [second]
            assert {mark.version: mark for mark in await marks.of("a")} == {1: first, 2: second}

        self.run(test, backend)

    def test_a_decision_that_was_taken_back_stays_known(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            undone = a_mark(decision=Verdict.UNDECIDED, seconds=1.0)
            await marks.put([a_mark()])
            await marks.put([undone])
            await marks.put([a_mark(seconds=0.5)])
            assert list(await marks.read()) == [undone]

        self.run(test, backend)

    def test_ids_are_compared_in_their_canonical_form(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            await marks.put([a_mark("Caf\xe9")])
            newer = a_mark("cafe\u0301", seconds=1.0)
            assert list(await marks.put([newer])) == [newer]
            assert list(await marks.of("CAF\xc9")) == [newer]
            assert list(await marks.read()) == [newer]

        self.run(test, backend)


class AmendmentContract(_OnEachLoop):
    """The rules for a ledger that takes jobs from the account's history."""

    @pytest.fixture
    def source(self) -> LedgerSource:
        """A source that is also an `AmendableSource`, with a new ledger for each test. To be overridden."""
        raise NotImplementedError("override the fixture `source`")

    @asynccontextmanager
    async def amended(self, source: LedgerSource, *, workflow: str = WORKFLOW) -> AsyncIterator[Amendment]:
        """Opens the ledger for an amendment, and closes it at the end of the block."""
        amendable: AmendableSource = source  # type: ignore[assignment]
        amendment = await amendable.amend(origin=ORIGIN, workflow=workflow)
        try:
            yield amendment
        finally:
            await amendment.aclose()

    async def crash(self, ledger: Ledger) -> None:
        """Closes the ledger as a killed process would: claims stay open. To be overridden."""
        pytest.skip("this test needs an override of `crash`")

    async def _unknown(self, source: LedgerSource, *ids: str, in_doubt: int = 1) -> None:
        """Makes UNKNOWN entries, each with its POSTs in doubt."""
        ledger = await _open(source)
        for id in ids:
            entry = await ledger.take(a_swap(id))
            await _claim(ledger, entry, in_doubt=in_doubt - 1)
            await ledger.refuse(entry, in_doubt=in_doubt)
            await ledger.finish(entry, an_outcome(OutcomeState.UNKNOWN), unsettled_posts=in_doubt)
        await ledger.aclose()

    def test_an_entry_keeps_where_and_when_its_posts_went_and_the_tag_of_the_key(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            before = datetime.now(UTC) - timedelta(seconds=1)
            await self._unknown(source, "a", "b", in_doubt=2)
            async with self.amended(source) as amendment:
                first, second = await amendment.entries()
                assert [first.id, second.id] == ["a", "b"]
                assert [(post.reference_url, post.scene_url) for post in first.posts] == [URLS, URLS]
                assert all(before < post.at <= datetime.now(UTC) for post in first.posts)
                tags = {post.key_tag for entry in (first, second) for post in entry.posts}
                assert len(tags) == 1
                assert len(tags.pop()) >= len("tag under ") + 2 * 16, "the salt has 16 bytes at least"

        self.run(test, backend)

    def test_what_a_killed_batch_was_sending_is_unknown_and_can_be_adopted(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await _open(source)
            await _claimed(ledger)
            await self.crash(ledger)
            async with self.amended(source) as amendment:
                (entry,) = await amendment.entries()
                assert (entry.state, len(entry.posts)) == (OutcomeState.UNKNOWN, 1)
                await amendment.adopt(entry, a_job(7))

        self.run(test, backend)

    def test_a_post_without_doubt_before_it_replaces_the_posts_that_were_refused(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await _open(source)
            entry = await ledger.take(a_swap())
            await ledger.reserve(entry)
            for scene in ("one", "two"):
                await ledger.claim(entry, in_doubt=0, urls=("hero", scene))
                await ledger.refuse(entry, in_doubt=0)
            await ledger.claim(entry, in_doubt=0, urls=("hero", "three"))
            await ledger.accept(entry, a_job(), in_doubt=0)
            await ledger.aclose()
            async with self.amended(source) as amendment:
                (found,) = await amendment.entries()
                assert [post.scene_url for post in found.posts] == ["three"]

        self.run(test, backend)

    def test_a_job_of_the_history_is_adopted_and_resumed_with_the_money_that_was_in_doubt(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            await self._unknown(source, "a", in_doubt=2)
            async with self.amended(source) as amendment:
                (entry,) = await amendment.entries()
                await amendment.adopt(entry, a_job(7, possible_duplicates=1))
                with pytest.raises(JournalError):
                    await amendment.adopt(entry, a_job(8))
                with pytest.raises(JournalError):
                    await amendment.resubmit(entry)
            ledger = await _open(source)
            assert ledger.committed_usd == pytest.approx(2 * PRICE_USD)
            async with aclosing(ledger.resumable()) as entries:
                (resumed,) = [entry async for entry in entries]
            assert (resumed.job, resumed.in_doubt) == (a_job(7, possible_duplicates=1), 1)
            assert resumed.error is None
            ledger.release(resumed, unsettled_posts=2)
            await ledger.aclose()

        self.run(test, backend)

    def test_a_job_that_any_entry_has_or_had_is_never_adopted(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            await self._unknown(source, "a", "b")
            ledger = await _open(source)
            await _accepted(ledger, "c", a_job(3))
            failed = await _accepted(ledger, "d", a_job(4))
            await ledger.finish(failed, an_outcome(OutcomeState.FAILED, job=a_job(4)), unsettled_posts=0)
            await ledger.aclose()
            ledger = await _open(source)
            again = await ledger.reopen(await ledger.take(a_swap("d")))
            await _claim(ledger, again)
            await ledger.accept(again, a_job(5), in_doubt=0)
            await ledger.aclose()
            async with self.amended(source) as amendment:
                first, second, _, reopened = await amendment.entries()
                assert [job.request_id for job in reopened.past_jobs] == ["4"]
                await amendment.adopt(first, a_job(7))
                same_url = a_job(7).model_copy(update={"request_id": "another"})
                for taken in (a_job(3), a_job(4), a_job(5), a_job(7), same_url):
                    with pytest.raises(JournalError):
                        await amendment.adopt(second, taken)
                await amendment.adopt(second, a_job(8))

        self.run(test, backend)

    def test_each_version_is_an_entry_whose_job_is_never_that_of_another_version(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await _open(source)
            first = await _accepted(ledger, "a", a_job(3))
            done = an_outcome(OutcomeState.COMPLETED, job=a_job(3))
            await ledger.finish(first, done, unsettled_posts=0)
            (second,) = await ledger.begin_versions([a_version("a")])
            await _claim(ledger, second)
            await ledger.refuse(second, in_doubt=1)
            await ledger.finish(second, an_outcome(OutcomeState.UNKNOWN), unsettled_posts=1)
            await ledger.aclose()
            await self._unknown(source, "b")
            async with self.amended(source) as amendment:
                found = {(entry.id, entry.version): entry for entry in await amendment.entries()}
                assert {key: entry.state for key, entry in found.items()} == {
                    ("a", 1): OutcomeState.COMPLETED,
                    ("a", 2): OutcomeState.UNKNOWN,
                    ("b", 1): OutcomeState.UNKNOWN,
                }
                for unknown in (found["a", 2], found["b", 1]):
                    with pytest.raises(JournalError):
                        await amendment.adopt(unknown, a_job(3))
                await amendment.adopt(found["a", 2], a_job(7))
                with pytest.raises(JournalError):
                    await amendment.adopt(found["b", 1], a_job(7))

        self.run(test, backend)

    def test_an_entry_that_is_resubmitted_keeps_the_money_of_its_posts_in_doubt(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            await self._unknown(source, "a")
            async with self.amended(source) as amendment:
                (entry,) = await amendment.entries()
                await amendment.resubmit(entry)
                with pytest.raises(JournalError):
                    await amendment.adopt(entry, a_job(7))
            ledger = await _open(source)
            found = await ledger.take(a_swap())
            assert (found.state, found.in_doubt) == (OutcomeState.PENDING, 1)
            await ledger.aclose()

        self.run(test, backend)

    def test_an_entry_that_becomes_a_copy_keeps_the_job_that_it_had(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await _open(source)
            await _claim(ledger, entry := await ledger.take(a_swap("a")))
            await ledger.refuse(entry, in_doubt=1)
            named = SubmissionUnknownError("the answer named a job", job=a_job(3))
            unknown = an_outcome(OutcomeState.UNKNOWN).model_copy(update={"error": named})
            await ledger.finish(entry, unknown, unsettled_posts=1)
            await ledger.aclose()
            async with self.amended(source) as amendment:
                (entry,) = await amendment.entries()
                await amendment.resubmit(entry)
            ledger = await _open(source)
            result = an_outcome(OutcomeState.COMPLETED, job=a_job(4)).result
            assert result is not None
            entry = await ledger.take(a_swap("a"))
            await ledger.copy(entry, result.model_copy(update={"copy_of": "b", "cost_usd": 0.0}))
            await ledger.aclose()
            await self._unknown(source, "c")
            async with self.amended(source) as amendment:
                copy, other = await amendment.entries()
                assert copy.job is not None
                ids = copy.job.request_id, [job.request_id for job in copy.past_jobs]
                assert (ids, copy.closed_posts) == (("4", ["3"]), 1)
                with pytest.raises(JournalError):
                    await amendment.adopt(other, a_job(3))

        self.run(test, backend)

    def test_an_amendment_and_a_batch_exclude_each_other_and_another_service_is_refused(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            await self._unknown(source, "a")
            async with self.amended(source):
                with pytest.raises(JournalError):
                    await _open(source)
            ledger = await _open(source)
            with pytest.raises(JournalError):
                async with self.amended(source):
                    pass
            await ledger.aclose()
            with pytest.raises(JournalError, match="belongs to the workflow"):
                async with self.amended(source, workflow="another-v1"):
                    pass

        self.run(test, backend)


class GateContract(_OnEachLoop):
    """The rules for every `Gate`."""

    @pytest.fixture
    def new_gate(self) -> Callable[[], Gate]:
        """A function that makes an open gate on the calling event loop. To be overridden."""
        raise NotImplementedError("override the fixture `new_gate`")

    def test_an_open_gate_admits_at_once(self, new_gate: Callable[[], Gate], backend: str) -> None:
        async def test() -> None:
            gate = new_gate()
            for call in (Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS):
                assert gate.closed_for(call) == 0.0
                with anyio.fail_after(5):
                    admission = await gate.admit(call)
                assert admission.call is call
                gate.answered(admission)
                gate.release(admission)

        self.run(test, backend)

    @pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
    def test_a_429_closes_the_gate_for_calls_of_its_kind_as_long_as_the_server_asked(
        self, new_gate: Callable[[], Gate], backend: str, call: Call
    ) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(call)
            closed_for = gate.rate_limited(admission, 0.6)
            gate.release(admission)
            assert 0.5 < closed_for <= 5.0
            assert 0.0 < gate.closed_for(call) <= closed_for
            started = anyio.current_time()
            with anyio.fail_after(10):
                gate.release(await gate.admit(call))
            assert anyio.current_time() - started >= 0.5

        self.run(test, backend)

    def test_a_429_without_a_hint_closes_the_gate_for_half_a_second_at_least(
        self, new_gate: Callable[[], Gate], backend: str
    ) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            assert gate.rate_limited(admission, None) >= 0.45
            gate.release(admission)

        self.run(test, backend)

    def test_a_cancelled_wait_gives_the_turn_back(self, new_gate: Callable[[], Gate], backend: str) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            gate.rate_limited(admission, 0.6)
            gate.release(admission)
            with anyio.move_on_after(_SHORT) as scope:
                await gate.admit(Call.SUBMIT)
            assert scope.cancelled_caught
            with anyio.fail_after(10):
                gate.release(await gate.admit(Call.SUBMIT))

        self.run(test, backend)

    def test_many_that_wait_are_all_admitted_and_not_all_at_once(
        self, new_gate: Callable[[], Gate], backend: str
    ) -> None:
        in_flight = most = 0

        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            gate.rate_limited(admission, 0.5)
            gate.release(admission)

            async def request() -> None:
                nonlocal in_flight, most
                admitted = await gate.admit(Call.SUBMIT)
                in_flight += 1
                most = max(most, in_flight)
                await anyio.sleep(0.01)
                in_flight -= 1
                gate.answered(admitted)
                gate.release(admitted)

            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    for _ in range(12):
                        group.start_soon(request)

        self.run(test, backend)
        assert most < 12, "a gate that was closed admits only a few requests at once"
