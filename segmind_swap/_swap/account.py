"""One swap's entry in a ledger: the record of its submits, and its money."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from .._errors import BudgetExceededError, JournalError, SwapError
from .._models import SwapJob, SwapResult
from .._outcome import SwapOutcome
from .._protocols import Entry, Ledger


class SwapAccount:
    """The `SubmitRecord` of one swap, and the money of its POSTs.

    Attributes:
        entry: The swap's entry.
        in_doubt: How many POSTs may have been accepted, besides the POST of the swap's job.
        is_posting: Whether a POST is claimed, and its end is not recorded.
    """

    def __init__(self, ledger: Ledger, entry: Entry, *, on_failure: Callable[[SwapError], None]) -> None:
        """Does not change the ledger.

        Args:
            ledger: The ledger.
            entry: The entry that `Ledger.take`, `Ledger.reopen` or `Ledger.resumable` has returned.
            on_failure: Called with the error when the ledger fails or the budget has no room. The batch must
                then submit nothing more.
        """
        self.entry = entry
        self.in_doubt: int = entry.in_doubt
        self.is_posting: bool = False
        self._ledger = ledger
        self._on_failure = on_failure

    @property
    def is_in_doubt(self) -> bool:
        """Whether a POST of this run may have been accepted."""
        return self.in_doubt > self.entry.in_doubt

    async def reserve(self) -> None:
        """Commits the price of one POST.

        Raises:
            BudgetExceededError: there is no room in the budget.
            JournalError: the ledger failed.
        """
        await self._ledger.reserve(self.entry)

    async def intend(self, in_doubt: int) -> None:
        """Records the intent to POST, with its money.

        Raises:
            BudgetExceededError, JournalError: the POST must not be sent.
        """
        try:
            await self._ledger.claim(self.entry, in_doubt=in_doubt)
        except (BudgetExceededError, JournalError) as exc:
            self._on_failure(exc)
            raise
        self.is_posting = True

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how the POST ended. If the ledger fails now, `on_failure` gets the error."""
        self.in_doubt = in_doubt
        try:
            if job is not None:
                await self._ledger.accept(self.entry, job, in_doubt=in_doubt)
            else:
                await self._ledger.refuse(self.entry, in_doubt=in_doubt)
        except JournalError as exc:
            self._on_failure(exc)
        finally:
            self.is_posting = False

    def withdrawn(self, in_doubt: int) -> None:
        """Withdraws the intent: the POST never left."""
        self._ledger.withdraw(self.entry, in_doubt=in_doubt)
        self.is_posting = False

    async def finish(self, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        """Records how the swap ended. If the ledger fails now, the batch stops, and the outcome stays.

        Args:
            outcome: The outcome.
            unsettled_posts: How many POSTs may still have to be paid, besides the POST of a result.
        """
        try:
            # A swap that has ended must not be reported as not started because the batch stops now.
            with anyio.CancelScope(shield=True):
                await self._ledger.finish(self.entry, outcome, unsettled_posts=unsettled_posts)
        except JournalError as exc:
            self._on_failure(exc)

    async def save(self, result: SwapResult) -> None:
        """Records the file of the picture. If the ledger fails now, the batch stops."""
        try:
            await self._ledger.save(self.entry, result)
        except JournalError as exc:
            self._on_failure(exc)

    def release(self, *, accepted: bool = False) -> None:
        """Ends this process's work on the swap. Gives back the price of POSTs that were not sent.

        Args:
            accepted: Whether the swap has a job, which may still have to be paid.
        """
        self._ledger.release(self.entry, unsettled_posts=self.in_doubt + self.is_posting + accepted)
