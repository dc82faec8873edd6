"""What the account's history says of the unknown swaps of a journal, as values that users get."""

from __future__ import annotations

from enum import StrEnum

from ..._models import SwapJob, Value


class HistoryVerdict(StrEnum):
    """What the account's history says of an unknown swap."""

    FOUND = "found"
    """One request of the history is this swap's: the service accepted and billed the swap."""
    SEVERAL = "several"
    """More requests than swaps fit: the swap may have been accepted, and billed, more than once."""
    UNCLEAR = "unclear"
    """Something in the history may be this swap's, and nobody can tell: a person decides."""
    NOT_LISTED = "not listed"
    """No request of the history fits. That proves nothing by itself: a person decides."""


class ReconciledSwap(Value):
    """An unknown swap, and what the history says of the swap.

    Attributes:
        id: The id of the swap.
        verdict: What the history says.
        reason: The facts behind the verdict, in words.
        job: The job that was, or would be, adopted; None if there is none.
        request_ids: The request ids that may be this swap's.
        possible_duplicates: How many other POSTs of this swap may have been accepted, and billed, too.
        adopted: Whether the journal has the job now: the next run waits for it, which is free.
        missing_proof: The conditions for another submit that do not hold, in words; empty if all hold. Only
            a swap that is not listed can be submitted again.
        pictures_are_kept: Whether the swap can be submitted again from the journal at all. A service does not
            keep uploaded pictures after they are sent. Only the application can pay for such a swap again:
            it enqueues the swap with the same id and pictures, and `pay_again`.
        resubmitted: Whether the next run submits, and pays, the swap again.
    """

    id: str
    verdict: HistoryVerdict
    reason: str
    job: SwapJob | None = None
    request_ids: tuple[str, ...] = ()
    possible_duplicates: int = 0
    adopted: bool = False
    missing_proof: tuple[str, ...] = ()
    pictures_are_kept: bool = True
    resubmitted: bool = False

    @property
    def may_resubmit(self) -> bool:
        """Whether everything but a person's word is there to submit the swap again."""
        return self.verdict is HistoryVerdict.NOT_LISTED and not self.missing_proof


class Reconciliation(Value):
    """The unknown swaps of a journal, compared with the history of the account.

    Attributes:
        swaps: Each swap that was unknown, in the order of the journal.
        pages: How many pages of the history were read; 0 if nothing was unknown.
        incomplete: Why not every page of the window was read, in words; empty if every page was.
        applied: Whether the journal was changed, or would have been if there were something to change.
    """

    swaps: tuple[ReconciledSwap, ...] = ()
    pages: int = 0
    incomplete: str = ""
    applied: bool = False

    @property
    def undecided(self) -> tuple[ReconciledSwap, ...]:
        """The swaps that are still unknown."""
        return tuple(swap for swap in self.swaps if not (swap.adopted or swap.resubmitted))

    @property
    def may_resubmit(self) -> int:
        """How many swaps could be submitted again: what `resubmit_missing` must say."""
        return sum(swap.may_resubmit for swap in self.swaps)
