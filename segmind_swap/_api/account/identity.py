"""The names of a job, by which it is known again: its request id, its poll URL, the URLs of its outputs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from ..._models import SwapJob
from ..._protocols.entry import Entry

_PARTS_OF_URL = re.compile(r"[/?#&=;,]")
# A shorter part, such as the `1` of a version, says nothing.
_SHORTEST_PART = 6


@dataclass(frozen=True, slots=True)
class JobNames:
    """All names by which some jobs may be known.

    Attributes:
        ids: The request ids, and each part of a poll URL that may be one.
        urls: The poll URLs and the URLs of outputs, without percent-encoding.
    """

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()

    @classmethod
    def of_entry(cls, entry: Entry) -> JobNames:
        """The names of all jobs that an entry has, had, or may have by its error."""
        jobs = list(entry.past_jobs)
        outputs: list[str] = []
        if entry.job is not None:
            jobs.append(entry.job)
        if entry.result is not None:
            jobs.append(entry.result.job)
            outputs = [entry.result.url, *(item.data for item in entry.result.outputs)]
        error = entry.error
        if error is not None and error.job is not None:
            jobs.append(error.job)
        names = cls.of_jobs(jobs)
        told = getattr(error, "request_id", None)
        ids = names.ids | ({told} if isinstance(told, str) else frozenset())
        return cls(ids, names.urls | _urls_among(outputs))

    @classmethod
    def of_jobs(cls, jobs: Iterable[SwapJob]) -> JobNames:
        """The names of some jobs."""
        ids: set[str] = set()
        urls: set[str] = set()
        for job in jobs:
            if job.request_id:
                ids.add(job.request_id)
            if job.poll_url is not None:
                ids |= parts_of(job.poll_url)
                urls.add(unquote(job.poll_url))
            urls |= _urls_among(item.data for item in job.outputs)
        return cls(frozenset(ids), frozenset(urls))

    @classmethod
    def union(cls, several: Iterable[JobNames]) -> JobNames:
        """All names of several."""
        ids: set[str] = set()
        urls: set[str] = set()
        for names in several:
            ids |= names.ids
            urls |= names.urls
        return cls(frozenset(ids), frozenset(urls))

    def has_any(self, ids: Collection[str], urls: Collection[str]) -> bool:
        """Whether one of these request ids or URLs is among the names."""
        return any(id in self.ids for id in ids) or any(unquote(url) in self.urls for url in urls)

    def has(self, job: SwapJob) -> bool:
        """Whether a job is one of these."""
        ids = [] if job.request_id is None else [job.request_id]
        urls = [*_urls_among(item.data for item in job.outputs)]
        urls += [] if job.poll_url is None else [job.poll_url]
        return self.has_any(ids, urls)


def parts_of(url: str) -> frozenset[str]:
    """The parts of a URL that may be the id of a request."""
    path = unquote(url.partition("://")[2].partition("/")[2])
    return frozenset(part for part in _PARTS_OF_URL.split(path) if len(part) >= _SHORTEST_PART)


def _urls_among(texts: Iterable[str]) -> frozenset[str]:
    """The texts that are URLs. An output such as `ok` is no name of its job."""
    return frozenset(unquote(text) for text in texts if "://" in text)
