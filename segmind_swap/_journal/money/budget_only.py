"""The ledger of a batch without a journal: it keeps only the money."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from itertools import count

from ..._models import Rate, SwapJob, SwapResult
from ..._outcome import OutcomeState, SwapOutcome
from ..._policy.budget import Budget, Spent
from ..._policy.daily_budget import Clock, DailyBudget, utc_now
from ..._protocols.entry import Entry, EntryConflict, NewEntry, NewVersion
from .budget import Claims, Reservations


class BudgetOnlyLedger:
    """A `Ledger` that keeps only the money: for a batch without a journal."""

    name = ""
    keeps_entries = False

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._reservations = Reservations(budget)
        self._claims = Claims()
        self._numbers = count(1)

    @property
    def price_usd(self) -> float:
        """What a swap is taken to cost, in USD."""
        return self._budget.price_usd

    @property
    def committed_usd(self) -> float:
        """What is spent or may have to be paid, in USD."""
        return self._budget.committed_usd

    async def expect(self, ids: Collection[str]) -> None:
        """Nothing: no reader sees this ledger."""

    async def take(self, swap: NewEntry) -> Entry:
        """A new entry for each input."""
        return Entry(
            number=next(self._numbers),
            id=swap.id,
            fingerprint=swap.fingerprint,
            reference=swap.reference,
            scene=swap.scene,
            state=OutcomeState.PENDING,
            run=1,
        )

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """No entry, because this ledger stores no entries."""
        return {}

    async def versions(self, ids: Collection[str] | None = None) -> AsyncGenerator[Entry, None]:
        """No entry, because this ledger stores no entries."""
        async for entry in self.resumable():
            yield entry

    async def begin_versions(self, versions: Sequence[NewVersion]) -> Sequence[Entry]:
        """Refuses every redo, because this ledger stores no entries."""
        if versions:
            raise EntryConflict("a redo needs the journal of the batch")
        return ()

    async def find_paid(self, fingerprint: str) -> None:
        """No entry, because this ledger stores no entries."""

    async def resumable(self) -> AsyncGenerator[Entry, None]:
        """No entry: there was no earlier run."""
        entries: tuple[Entry, ...] = ()
        for entry in entries:
            yield entry

    def resume(self, entry: Entry) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.adopt(entry, entry.in_doubt + 1)

    async def reopen(self, entry: Entry) -> Entry:
        """The entry itself: a new entry is never FAILED or REJECTED."""
        return entry

    async def reserve(self, entry: Entry) -> None:
        """As in the protocol `Ledger`."""
        await self._reservations.reserve(entry)

    async def claim(self, entry: Entry, *, in_doubt: int, urls: tuple[str, str]) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.ensure(entry, in_doubt + 1)
        self._reservations.claim(entry)
        self._claims.add(entry)

    async def accept(self, entry: Entry, job: SwapJob, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        self._claims.resolve(entry)

    async def refuse(self, entry: Entry, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.refuse(entry, in_doubt=in_doubt)
        self._claims.resolve(entry)

    def withdraw(self, entry: Entry, *, in_doubt: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.refuse(entry, in_doubt=in_doubt)
        self._claims.resolve(entry)

    async def finish(self, entry: Entry, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.settle(
            entry,
            unsettled_posts=unsettled_posts,
            result=outcome.result,
            has_failed=outcome.state is OutcomeState.FAILED,
        )

    async def copy(self, entry: Entry, result: SwapResult) -> None:
        """As in the protocol `Ledger`."""

    async def save(self, entry: Entry, result: SwapResult) -> None:
        """As in the protocol `Ledger`."""

    def release(self, entry: Entry, *, unsettled_posts: int) -> None:
        """As in the protocol `Ledger`."""
        self._reservations.settle(entry, unsettled_posts=unsettled_posts)

    async def learned_rate(self) -> None:
        """Nothing, because nothing outlives the batch."""

    def keep_rate(self, rate: Rate) -> None:
        """Keeps nothing."""

    async def aclose(self) -> None:
        """Waits until all claims are resolved, for at most 20 s."""
        await self._claims.wait()


class BudgetOnly:
    """The `LedgerSource` of a batch without a journal."""

    marks = None

    def __init__(self) -> None:
        self.clock: Clock = utc_now

    async def open(
        self,
        *,
        origin: str,
        workflow: str,
        price_usd: float,
        budget_usd: float | None,
        failed_runs_are_free: bool,
        tag_of_key: Callable[[bytes], str],
        daily_budget_usd: float | None = None,
    ) -> BudgetOnlyLedger:
        """A ledger that keeps only the money of this batch."""
        daily = (
            None if daily_budget_usd is None else DailyBudget(daily_budget_usd, spent=Spent(), now=self.clock)
        )
        budget = Budget(
            budget_usd,
            price_usd=price_usd,
            spent=Spent(),
            failed_runs_are_free=failed_runs_are_free,
            daily=daily,
        )
        return BudgetOnlyLedger(budget)

    async def look(self, *, origin: str | None = None, workflow: str | None = None) -> None:
        """None, because this source stores no entries."""
