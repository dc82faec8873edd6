"""`Entry`: one swap of a ledger, or another version of a swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .._errors import SwapError
from .._models import SwapJob, SwapRequest, SwapResult
from .._outcome import OutcomeState, SwapOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A swap that a batch is about to make.

    Attributes:
        id: The caller's name for the swap. It may be empty where a ledger keeps only the money.
        fingerprint: Identifies which pictures are swapped.
        reference: The name of the reference in reports.
        scene: The name of the scene in reports.
    """

    id: str
    fingerprint: str
    reference: str
    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version of a swap that a redo is about to make.

    Attributes:
        id: The caller's name for the swap.
        after: The version that is made again. The new version is `after + 1`.
        fingerprint: Identifies which pictures are swapped. With another reference than that of the input, it
            is not the fingerprint of the input.
        reference: The name of the reference in reports.
        scene: The name of the scene in reports.
    """

    id: str
    after: int
    fingerprint: str
    reference: str
    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST that a swap was about to send, as the ledger has recorded it before.

    Attributes:
        at: When the intent was recorded, by this machine's clock, in UTC.
        reference_url: The URL of the reference, as it was sent.
        scene_url: The URL of the scene, as it was sent.
        key_tag: The tag of the API key that was used; empty if the ledger was not told.
    """

    at: datetime
    reference_url: str
    scene_url: str
    key_tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of one swap of a ledger.

    A new swap has the version 1. A redo makes the next version, which has its own state, pictures, job, money
    and result. The *current* version of an id is the latest that is COMPLETED or SAVED; if there is none, it
    is the version 1.

    Attributes:
        number: Identifies the entry in its ledger.
        version: Counts the versions of the id, from 1.
        first: The input of the id, if the entry is a later version; None for the version 1.
        fingerprint: Identifies which pictures are swapped.
        run: The last run of the batch that took the entry.
        billable_posts: How many POSTs of this attempt may have been accepted, the POST of its job included.
        failed_runs: How many jobs of the swap FAILED. They count as paid, unless failed runs are free.
        closed_posts: How many other POSTs of earlier attempts count as paid.
        answer: The answer to a poll of an UNREADABLE job, without the key, at most 1 MiB.
        posts: The POSTs of this attempt, the last one last. POSTs that were refused may be among them.
        past_jobs: The jobs of earlier attempts, and jobs that a person has replaced by another one.
    """

    number: int
    id: str
    fingerprint: str
    reference: str
    scene: str
    state: OutcomeState
    run: int
    billable_posts: int = 0
    failed_runs: int = 0
    closed_posts: int = 0
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: SwapError | None = None
    answer: bytes | None = field(default=None, repr=False)
    version: int = 1
    first: NewEntry | None = None
    posts: tuple[Post, ...] = field(default=(), repr=False)
    past_jobs: tuple[SwapJob, ...] = field(default=(), repr=False)

    @property
    def input(self) -> NewEntry:
        """The input of the id, which all its versions share: an input is compared with this one."""
        return self.first or NewEntry(
            id=self.id, fingerprint=self.fingerprint, reference=self.reference, scene=self.scene
        )

    @property
    def original_id(self) -> str:
        """The id of the swap that was paid for: of a copy, the id of the other swap; else the own id."""
        copy_of = None if self.result is None else self.result.copy_of
        return self.id if copy_of is None else copy_of

    @property
    def is_copy(self) -> bool:
        """Whether the result, and with it the job, is that of another swap with the same pictures."""
        return self.result is not None and self.result.copy_of is not None

    @property
    def in_doubt(self) -> int:
        """How many POSTs of this attempt may have been accepted, besides the POST of the job.

        If a PENDING entry has a job, the POST of that job is in doubt, too. A FAILED job is none of them.
        """
        has_job = self.job is not None and self.state not in {OutcomeState.PENDING, OutcomeState.FAILED}
        return max(0, self.billable_posts - has_job)

    def outcome(self, request: SwapRequest | None = None) -> SwapOutcome:
        """The outcome of the swap, as the ledger has recorded it.

        Without `request`, the outcome's request has the names of the pictures: paths, URLs or descriptions.
        """
        if request is None:
            request = SwapRequest(
                id=self.id, reference_character_image=self.reference, character_image=self.scene
            )
        return SwapOutcome(
            request=request,
            state=self.state,
            version=self.version,
            job=self.job,
            result=self.result,
            error=self.error,
        )

    def conflict(self, ledger: str) -> str:
        """The message for an input with the id of this entry and with other pictures."""
        return (
            f"the journal {ledger} knows the id {self.id!r} with other pictures ({self.input.reference} into"
            f" {self.input.scene}): give this swap another id, or use another journal"
        )


class EntryConflict(Exception):  # noqa: N818 - the batch makes the typed error of it
    """An input cannot use an entry: the id was taken in this run, or belongs to other pictures."""


class EntryCancelled(EntryConflict):
    """The order of an entry was cancelled before its POST was claimed."""
