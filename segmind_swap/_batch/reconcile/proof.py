"""What must be known before a swap that the history does not list may be paid a second time.

An entry that is missing proves nothing: the history may be late, may be cut, may be that of another key, or
may not list runs of workflows at all. Each of these must be excluded by something that was seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from ..._api.account.history import HistoryEntry, HistoryState
from ..._protocols.entry import Entry
from .listing import Listing
from .matching import EARLY, LATE

LEAST_AGE = timedelta(hours=2)
"""Twice the hour for which older documents say that the record of a job is kept."""


class Proof:
    """What the listing shows about itself, by the jobs of the ledger that are in it."""

    def __init__(
        self,
        listing: Listing,
        others: Sequence[Entry],
        owners: Mapping[HistoryEntry, set[int]],
        *,
        since: date,
        now: datetime,
    ) -> None:
        """Asks nothing.

        Args:
            listing: The entries that were read.
            others: The rows that are not unknown.
            owners: The rows that have the job of each entry.
            since: The first day that was asked for.
            now: The time.
        """
        self._listing = listing
        self._since = since
        self._now = now
        seen = {number for entry in owners for number in owners[entry]}
        # A copy has the job of another row, which another key may have sent.
        self._listed_rows = [
            row for row in others if row.number in seen and row.job is not None and not row.is_copy
        ]
        running = {
            number for entry in owners if entry.state is HistoryState.RUNNING for number in owners[entry]
        }
        self._shows_running = any(
            row.number in running and row.state.is_waitable for row in self._listed_rows
        )

    def missing(self, row: Entry) -> tuple[str, ...]:
        """The conditions that do not hold for a row that is not listed, each in words; empty if all hold."""
        last = row.posts[-1].at
        tags = {post.key_tag for post in row.posts}
        problems = {
            f"not every page of the history was read: {self._listing.incomplete}": bool(
                self._listing.incomplete
            ),
            f"the submit, of {_day(row.posts[0].at)}, is older than what the history was asked for": (
                row.posts[0].at.date() <= self._since
            ),
            "no job of this journal that was accepted later, with the same key, is in the history": (
                not self._has_later_job(last, tags)
            ),
            "no job of this journal is in the history while it still runs: the history may be late": (
                not self._shows_running
            ),
            f"the submit is not more than {LEAST_AGE / timedelta(hours=1):g} hours ago": (
                not self._now - last > LEAST_AGE
            ),
            "a request of its minute is listed without what was sent: it may be this swap's": (
                self._has_blank(row)
            ),
        }
        return tuple(text for text, is_missing in problems.items() if is_missing)

    def _has_later_job(self, last: datetime, tags: Collection[str]) -> bool:
        if "" in tags:
            return False
        return any(
            row.job is not None
            and row.job.submitted_at > last
            and bool(row.posts)
            and {row.posts[-1].key_tag} == set(tags)
            for row in self._listed_rows
        )

    def _has_blank(self, row: Entry) -> bool:
        return any(
            at is None or any(-EARLY <= at - post.at <= LATE for post in row.posts)
            for at in self._listing.blank
        )


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
