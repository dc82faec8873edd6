"""One swap's entry in a ledger: the record of its submits, and its money."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from .._api.text import shorten
from .._errors import BudgetExceededError, JournalError, SwapError
from .._models import SwapJob, SwapResult
from .._outcome import SwapOutcome
from .._protocols.entry import Entry
from .._protocols.ledger import Ledger

log = logging.getLogger("segmind_swap")


class SwapAccount:
    """The `SubmitRecord` of one swap, and the money of its POSTs.

    Attributes:
        entry: The swap's entry.
        in_doubt: How many POSTs may have been accepted, besides the POST of the swap's job.
        is_posting: Whether a POST is claimed, and its end is not recorded.
        is_continued: As in the protocol. The `Item` around the account knows better.
    """

    is_continued: bool = False

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

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        """Records the intent to POST, with its money.

        Raises:
            BudgetExceededError, JournalError: the POST must not be sent.
        """
        try:
            await self._ledger.claim(self.entry, in_doubt=in_doubt, urls=urls)
        except (BudgetExceededError, JournalError) as exc:
            self._on_failure(exc)
            raise
        self.is_posting = True

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how the POST ended. If the ledger fails now, `on_failure` gets the error."""
        self.in_doubt = in_doubt
        try:
            with self._failure_reported(job):
                if job is not None:
                    await self._ledger.accept(self.entry, job, in_doubt=in_doubt)
                else:
                    await self._ledger.refuse(self.entry, in_doubt=in_doubt)
        finally:
            self.is_posting = False

    def withdrawn(self, in_doubt: int) -> None:
        """Withdraws the intent: the POST never left."""
        with self._failure_reported():
            self._ledger.withdraw(self.entry, in_doubt=in_doubt)
        self.is_posting = False

    async def finish(self, outcome: SwapOutcome, *, unsettled_posts: int) -> None:
        """Records how the swap ended. If the ledger fails now, the batch stops, and the outcome stays.

        Args:
            outcome: The outcome.
            unsettled_posts: How many POSTs may still have to be paid, besides the POST of a result.
        """
        with self._failure_reported(outcome.job):
            # A swap that has ended must not be reported as not started because the batch stops now.
            with anyio.CancelScope(shield=True):
                await self._ledger.finish(self.entry, outcome, unsettled_posts=unsettled_posts)

    async def save(self, result: SwapResult) -> None:
        """Records the file of the picture. If the ledger fails now, the batch stops."""
        with self._failure_reported(result.job):
            await self._ledger.save(self.entry, result)

    def release(self, *, accepted: bool = False) -> None:
        """Ends this process's work on the swap. Gives back the price of POSTs that were not sent.

        Args:
            accepted: Whether the swap has a job, which may still have to be paid.
        """
        with self._failure_reported():
            self._ledger.release(self.entry, unsettled_posts=self.in_doubt + self.is_posting + accepted)

    @contextmanager
    def _failure_reported(self, job: SwapJob | None = None) -> Iterator[None]:
        """A ledger that fails stops the batch. The swap itself goes on: it may be paid.

        Args:
            job: The swap's job, if there is one.
        """
        try:
            yield
        except JournalError as exc:
            self._on_failure(exc)
        except Exception as exc:
            # A ledger with an error of its own may have kept nothing.
            paid = "" if job is None else f"; its job is accepted and billed: {job.model_dump_json()}"
            log.exception("the ledger raised for %r%s", self.entry.id, paid)
            cause = shorten(f"{type(exc).__name__}: {exc}")
            self._on_failure(
                JournalError(f"the ledger {self._ledger.name} failed: {cause}", path=self._ledger.name)
            )
