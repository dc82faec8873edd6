"""`AmendmentContract`: the rules for a ledger that takes jobs from the history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap import (
    JournalError,
    OutcomeState,
    SubmissionUnknownError,
)

from ...._protocols.ledger import AmendableSource, Amendment, LedgerSource
from .._values import (
    ORIGIN,
    PRICE_USD,
    URLS,
    WORKFLOW,
    a_job,
    a_swap,
    a_version,
    accepted,
    an_outcome,
    claim,
    claimed,
    open_ledger,
)
from .source import OfALedger


class AmendmentContract(OfALedger):
    """The rules for a ledger that takes jobs from the account's history.

    The source is also an `AmendableSource`.
    """

    @asynccontextmanager
    async def amended(self, source: LedgerSource, *, workflow: str = WORKFLOW) -> AsyncIterator[Amendment]:
        """Opens the ledger for an amendment, and closes it at the end of the block."""
        amendable: AmendableSource = source  # type: ignore[assignment]
        amendment = await amendable.amend(origin=ORIGIN, workflow=workflow)
        try:
            yield amendment
        finally:
            await amendment.aclose()

    async def _unknown(self, source: LedgerSource, *ids: str, in_doubt: int = 1) -> None:
        """Makes UNKNOWN entries, each with its POSTs in doubt."""
        ledger = await open_ledger(source)
        for id in ids:
            entry = await ledger.take(a_swap(id))
            await claim(ledger, entry, in_doubt=in_doubt - 1)
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
            ledger = await open_ledger(source)
            await claimed(ledger)
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
            ledger = await open_ledger(source)
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
            ledger = await open_ledger(source)
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
            ledger = await open_ledger(source)
            await accepted(ledger, "c", a_job(3))
            failed = await accepted(ledger, "d", a_job(4))
            await ledger.finish(failed, an_outcome(OutcomeState.FAILED, job=a_job(4)), unsettled_posts=0)
            await ledger.aclose()
            ledger = await open_ledger(source)
            again = await ledger.reopen(await ledger.take(a_swap("d")))
            await claim(ledger, again)
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
            ledger = await open_ledger(source)
            first = await accepted(ledger, "a", a_job(3))
            done = an_outcome(OutcomeState.COMPLETED, job=a_job(3))
            await ledger.finish(first, done, unsettled_posts=0)
            (second,) = await ledger.begin_versions([a_version("a")])
            await claim(ledger, second)
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
            ledger = await open_ledger(source)
            found = await ledger.take(a_swap())
            assert (found.state, found.in_doubt) == (OutcomeState.PENDING, 1)
            await ledger.aclose()

        self.run(test, backend)

    def test_an_entry_that_becomes_a_copy_keeps_the_job_that_it_had(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            ledger = await open_ledger(source)
            await claim(ledger, entry := await ledger.take(a_swap("a")))
            await ledger.refuse(entry, in_doubt=1)
            named = SubmissionUnknownError("the answer named a job", job=a_job(3))
            unknown = an_outcome(OutcomeState.UNKNOWN).model_copy(update={"error": named})
            await ledger.finish(entry, unknown, unsettled_posts=1)
            await ledger.aclose()
            async with self.amended(source) as amendment:
                (entry,) = await amendment.entries()
                await amendment.resubmit(entry)
            ledger = await open_ledger(source)
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
                    await open_ledger(source)
            ledger = await open_ledger(source)
            with pytest.raises(JournalError):
                async with self.amended(source):
                    pass
            await ledger.aclose()
            with pytest.raises(JournalError, match="belongs to the workflow"):
                async with self.amended(source, workflow="another-v1"):
                    pass

        self.run(test, backend)
