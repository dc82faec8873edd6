"""The rules for the versions of a swap in a `Ledger`."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from segmind_swap import (
    BudgetExceededError,
    JournalError,
    OutcomeState,
)

from ...._protocols.entry import Entry, EntryConflict
from ...._protocols.ledger import Ledger, LedgerSource
from .._values import (
    PRICE_USD,
    a_job,
    a_swap,
    a_version,
    an_outcome,
    claim,
    open_ledger,
)
from .entries import EntriesContract


class VersionsContract(EntriesContract):
    """The rules for the versions of a swap in a `Ledger`."""

    async def _saved(self, ledger: Ledger, *ids: str) -> None:
        """New entries that are done, each with its picture in a file."""
        for id in ids:
            await self._finished(ledger, await ledger.take(a_swap(id)), OutcomeState.SAVED)

    async def _finished(self, ledger: Ledger, entry: Entry, state: OutcomeState) -> None:
        """Submits an entry, which ends in `state`."""
        await claim(ledger, entry)
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
            ledger = await open_ledger(source)
            await self._saved(ledger, "a")
            (second,) = await ledger.begin_versions([a_version()])
            await claim(ledger, second)
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
                await claim(ledger, second)
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
