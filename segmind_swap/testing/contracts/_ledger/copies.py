"""The rules for copies of results, and for whom is paid for pictures."""

from __future__ import annotations

import pytest

from segmind_swap import (
    JournalError,
    OutcomeState,
)

from ...._protocols.ledger import LedgerSource
from .._values import (
    PRICE_USD,
    a_job,
    a_swap,
    accepted,
    an_outcome,
    claimed,
)
from .entries import EntriesContract


class CopiesContract(EntriesContract):
    """The rules for copies of results in a `Ledger`."""

    def test_a_copy_has_the_result_of_another_entry_and_costs_nothing(
        self, source: LedgerSource, backend: str
    ) -> None:
        async def test() -> None:
            async with self.opened(source) as ledger:
                entry = await accepted(ledger, "a", a_job())
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
                entry = await accepted(ledger, "b", a_job(), in_doubt=1)
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
                for entry in (await claimed(ledger, "a"), await accepted(ledger, "b", a_job())):
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
                rejected = await claimed(ledger, "rejected")
                assert await paid() == "rejected", "it is being sent"
                await ledger.refuse(rejected, in_doubt=0)
                await ledger.finish(rejected, an_outcome(OutcomeState.REJECTED), unsettled_posts=0)
                await ledger.take(a_swap("pending"))
                failed = await accepted(ledger, "failed", a_job())
                await ledger.finish(failed, an_outcome(OutcomeState.FAILED, job=a_job()), unsettled_posts=0)
                assert await paid() is None
                states = OutcomeState.EXPIRED, OutcomeState.UNKNOWN, OutcomeState.UNREADABLE
                for number, state in enumerate(states):
                    entry = await accepted(ledger, state, a_job(number))
                    outcome = an_outcome(state, job=None if state is OutcomeState.UNKNOWN else a_job(number))
                    if state is OutcomeState.UNKNOWN:
                        entry = await claimed(ledger, "in doubt")
                        await ledger.refuse(entry, in_doubt=1)
                    await ledger.finish(entry, outcome, unsettled_posts=1)
                await accepted(ledger, "late", a_job(8))
                assert await paid() == OutcomeState.UNKNOWN, "its job is waited for"
                done = await accepted(ledger, "done", a_job(9))
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
