"""Reads the pages of the account's history, and keeps only what may be this ledger's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from ..._api.account.history import HistoryEntry, HistoryPage, history_request, read_history
from ..._api.account.identity import JobNames
from ..._errors import SwapError
from ..._swap.free_calls import request_until_answered
from .matching import Pair

if TYPE_CHECKING:
    from ..._swap.session import Session

MAX_PAGES = 500
"""A service that never ends its pages must not be read for ever: 50,000 requests in 31 days are a lot."""


@dataclass(slots=True, kw_only=True)
class Listing:
    """What the history lists, as far as it was read. Requests of others are not kept.

    Attributes:
        entries: The entries with the two pictures of an unknown swap, or with a job of this ledger.
        blank: The times of other entries that do not show what was sent; None for an entry without a time.
        pages: How many pages were read.
        incomplete: Why not every page was read, in words; empty if every page was.
    """

    entries: list[HistoryEntry] = field(default_factory=list)
    blank: list[datetime | None] = field(default_factory=list)
    pages: int = 0
    incomplete: str = ""


async def read_listing(session: Session, *, since: date, pairs: Collection[Pair], known: JobNames) -> Listing:
    """Reads every page of the history from a day until now. Free.

    The pages are complete only if an empty page ends them, or if a page that repeats earlier ones comes after
    as many entries as the server counts. A service that ignores the number of the page is thus noticed.

    Args:
        session: The session.
        since: The first day.
        pairs: The URLs of the pictures of the unknown swaps.
        known: The names of all jobs of the ledger.

    Raises:
        SwapError: the first page could not be read.
    """
    listing = Listing()
    seen: set[object] = set()
    rows = 0
    for number in range(1, MAX_PAGES + 1):
        try:
            page = await _page(session, number, since)
        except SwapError as exc:
            if number == 1:
                raise
            listing.incomplete = f"page {number} could not be read: {exc}"
            return listing
        listing.pages = number
        fresh = [entry for entry in page.entries if _key(entry) not in seen]
        seen.update(map(_key, fresh))
        if page.unreadable or page.is_cut:
            listing.incomplete = f"page {number} has elements that cannot be read"
        if not fresh and not page.unreadable:
            if page.length == 0 and (page.total is None or rows >= page.total):
                return listing
            listing.incomplete = listing.incomplete or _unfinished(page, number, rows)
            return listing
        rows += page.length
        _keep(listing, fresh, pairs, known)
    listing.incomplete = f"the history has more than {MAX_PAGES} pages"
    return listing


def _unfinished(page: HistoryPage, number: int, rows: int) -> str:
    """Why the pages may go on after a page without a new entry; empty if the server's count denies it."""
    if page.total is not None and rows >= page.total:
        return ""
    if page.length == 0:
        return f"page {number} is empty after {rows} entries, and the history counts {page.total}"
    return f"page {number} repeats the pages before: the history may have more than it shows"


async def _page(session: Session, number: int, since: date) -> HistoryPage:
    service = session.http.service
    request = history_request(service, page=number, since=since)
    return read_history(service, await request_until_answered(session, request))


def _key(entry: HistoryEntry) -> object:
    # A request with several outputs is listed several times.
    return (entry.ids, entry.outputs) if entry.ids else (entry.urls, entry.at, entry.outputs)


def _keep(
    listing: Listing, fresh: Collection[HistoryEntry], pairs: Collection[Pair], known: JobNames
) -> None:
    for entry in fresh:
        if entry.urls in pairs or known.has_any(entry.ids, entry.names):
            listing.entries.append(entry)
        elif not entry.has_body:
            listing.blank.append(entry.at)
