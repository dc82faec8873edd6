"""Checks a poll URL that a person gives for the job of a row."""

from __future__ import annotations

from ..._api.account.identity import JobNames, parts_of
from ..._api.origins import Service
from ..._api.text import shorten
from ..._errors import JournalError
from ..._models import SwapJob
from ..._protocols.entry import Entry
from ..store import Store


def check_poll_url(store: Store, poll_url: str) -> None:
    """Refuses a poll URL that no run of the journal could poll.

    Raises:
        JournalError: the text is no URL, or belongs to another service than the journal.
    """
    origin = store.facts.get("origin")
    problem = None if origin is None else Service(origin, allow_http=True).poll_url_problem(poll_url)
    if problem is not None:
        raise JournalError(f"the poll URL {shorten(poll_url)!r} cannot be used: {problem}", path=store.path)


def check_is_free(store: Store, entry: Entry, job: SwapJob) -> None:
    """Refuses a job that another row has or had: the row would get its picture, and its own would be lost.

    Raises:
        JournalError: another swap, or another version of the swap, has the job.
    """
    # The same job may be known by another URL: then its request id is a part of this one.
    parts = parts_of(job.poll_url or "")
    for other in store.versions.all():
        jobs = [known for known in (other.job, *other.past_jobs) if known is not None]
        is_named = JobNames.of_entry(other).has(job) or any(known.request_id in parts for known in jobs)
        if is_named and other.number != entry.number:
            raise JournalError(
                f"the poll URL {shorten(job.name)!r} is that of the job of {other.id!r}, version"
                f" {other.version}: give the URL of the job that version {entry.version} of {entry.id!r} has",
                path=store.path,
            )
