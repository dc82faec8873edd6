"""Which entry of the account's history is which unknown swap's: pure rules, without any I/O.

The history knows no ids of ours. A swap is known again by its two input URLs and the time of its POST. These
rules keep money and pictures apart:

- An entry whose job any row has, or had, is never adopted.
- One entry goes to one row.
- Where k unknown rows share both URLs and fewer than k free entries are listed, a person decides.
- Where an entry may be another row's, because a POST of that row is in doubt, too, a person decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ..._api.account.history import HistoryEntry, HistoryState, same_url
from ..._api.account.identity import JobNames
from ..._protocols.entry import Entry, Post
from .report import HistoryVerdict

EARLY = timedelta(minutes=1)
"""How long before the intent an entry may be: two clocks differ."""

LATE = timedelta(minutes=4)
"""How long after the intent an entry may be: a POST may take three minutes, and two clocks differ."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An unknown row, and what is listed for it.

    Attributes:
        row: The row.
        verdict: What the history says.
        reason: The facts behind the verdict.
        listed: The entries that may be the row's. With FOUND, exactly one.
    """

    row: Entry
    verdict: HistoryVerdict
    reason: str
    listed: tuple[HistoryEntry, ...] = ()


def pairs_of(row: Entry) -> set[Pair]:
    """The URLs of the reference and of the scene, for each POST of a row, as `same_url` writes them."""
    return {_pair(post) for post in row.posts}


def _pair(post: Post) -> Pair:
    return same_url(post.reference_url), same_url(post.scene_url)


def fits(row: Entry, listed: HistoryEntry) -> bool:
    """Whether an entry has the URLs of a POST of the row, and its minute."""
    at = listed.at
    return at is not None and any(
        _pair(post) == listed.urls and -EARLY <= at - post.at <= LATE for post in row.posts
    )


def merged(listed: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """The entries by request: a request with several outputs may be listed several times."""
    by_id: defaultdict[str, list[HistoryEntry]] = defaultdict(list)
    nameless: list[HistoryEntry] = []
    for entry in listed:
        if entry.request_id is None:
            nameless.append(entry)
        else:
            by_id[entry.request_id].append(entry)
    return [*map(_joined, by_id.values()), *nameless]


def _joined(entries: Sequence[HistoryEntry]) -> HistoryEntry:
    if len(entries) == 1:
        return entries[0]
    best = next((entry for entry in entries if entry.state is HistoryState.DONE), entries[0])
    urls = {entry.urls for entry in entries if entry.urls is not None}
    return replace(
        best,
        ids=tuple(dict.fromkeys(id for entry in entries for id in entry.ids)),
        # Two requests under one id: neither can be told from the other.
        urls=urls.pop() if len(urls) == 1 else None,
        has_body=any(entry.has_body for entry in entries),
        at=min((entry.at for entry in entries if entry.at is not None), default=None),
        outputs=next((entry.outputs for entry in (best, *entries) if entry.outputs), ()),
        poll_url=next((entry.poll_url for entry in entries if entry.poll_url), None),
        other_poll_url=next((entry.other_poll_url for entry in entries if entry.other_poll_url), None),
    )


def owners_of(listed: Iterable[HistoryEntry], names: Mapping[int, JobNames]) -> dict[HistoryEntry, set[int]]:
    """The numbers of the rows that have, or had, the job of each entry. An entry without an owner is free."""
    by_id: defaultdict[str, set[int]] = defaultdict(set)
    by_url: defaultdict[str, set[int]] = defaultdict(set)
    for number, known in names.items():
        for id in known.ids:
            by_id[id].add(number)
        for url in known.urls:
            by_url[url].add(number)
    return {
        entry: set().union(
            *(by_id.get(id, ()) for id in entry.ids),
            *(by_url.get(same_url(url), ()) for url in entry.names),
        )
        for entry in listed
    }


def match(unknown: Sequence[Entry], others: Sequence[Entry], listed: Iterable[HistoryEntry]) -> list[Match]:
    """A verdict for each unknown row, in the order of the rows.

    Args:
        unknown: The UNKNOWN rows.
        others: All other rows of the ledger.
        listed: The entries of the history.
    """
    entries = merged(listed)
    names = {row.number: JobNames.of_entry(row) for row in (*unknown, *others)}
    owners = owners_of(entries, names)
    found: dict[int, Match] = {}
    for group in _groups(unknown):
        pairs = set().union(*(pairs_of(row) for row in group))
        same_pictures = [entry for entry in entries if entry.urls in pairs]
        competing = [row for row in others if pairs & pairs_of(row)]
        for answer in _of_group(group, competing, same_pictures, owners):
            found[answer.row.number] = answer
    return [found[row.number] for row in unknown]


def _groups(rows: Sequence[Entry]) -> list[list[Entry]]:
    """The rows in groups: two rows that share both URLs are in one group."""
    groups: list[tuple[set[Pair], list[Entry]]] = []
    group_of: dict[Pair, int] = {}
    for row in rows:
        pairs = pairs_of(row)
        known = sorted({group_of[pair] for pair in pairs if pair in group_of})
        if known:
            target = known[0]
        else:
            target = len(groups)
            groups.append((set(), []))
        for other in known[1:]:
            groups[target][0].update(groups[other][0])
            groups[target][1].extend(groups[other][1])
            groups[other] = (set(), [])
        groups[target][0].update(pairs)
        groups[target][1].append(row)
        group_of.update(dict.fromkeys(groups[target][0], target))
    return [members for _, members in groups if members]


def _of_group(
    rows: Sequence[Entry],
    competing: Sequence[Entry],
    listed: Sequence[HistoryEntry],
    owners: Mapping[HistoryEntry, set[int]],
) -> list[Match]:
    """The verdicts of rows that share both URLs."""
    answers: list[Match] = []
    open_rows: list[Entry] = []
    for row in rows:
        if not row.posts:
            answers.append(_unclear(row, "the journal does not know the URLs of its pictures"))
            continue
        past = JobNames.of_jobs(row.past_jobs)
        named = tuple(
            entry
            for entry in listed
            if row.number in owners[entry] and not past.has_any(entry.ids, entry.names)
        )
        if not named:
            open_rows.append(row)
        elif len(named) == 1 and owners[named[0]] == {row.number} and named[0].urls in pairs_of(row):
            answers.append(_found(row, named[0], "the service had named this request when it was submitted"))
        else:
            reason = "the service had named a request, which is not listed as this swap's alone"
            answers.append(_unclear(row, reason, named))
    free = [entry for entry in listed if not owners[entry]]
    return answers + _of_open_rows(open_rows, competing, free, listed, owners)


def _of_open_rows(
    rows: Sequence[Entry],
    competing: Sequence[Entry],
    free: Sequence[HistoryEntry],
    listed: Sequence[HistoryEntry],
    owners: Mapping[HistoryEntry, set[int]],
) -> list[Match]:
    if not rows:
        return []
    k = len(rows)
    undated = tuple(entry for entry in free if entry.at is None)
    if undated:
        return [
            _unclear(
                row, "requests with its two pictures are listed without the minute of their submit", undated
            )
            for row in rows
        ]
    timed = [entry for entry in free if any(fits(row, entry) for row in rows)]
    if not timed:
        if free:
            reason = "a request with its two pictures is listed, but of another time"
            return [_unclear(row, reason) for row in rows]
        return [_not_listed(row) for row in rows]
    rivals = [row for row in competing if _may_be_in_doubt(row, listed, owners)]
    if any(fits(rival, entry) for rival in rivals for entry in timed):
        reason = "a request fits, but may be that of another swap of the same two pictures"
        return [_unclear(row, reason, _fitting(row, timed)) for row in rows]
    if len(timed) < k:
        reason = f"{k} unknown swaps have the same two pictures, and {_requests(len(timed))} listed for them"
        return [_unclear(row, reason, _fitting(row, timed)) for row in rows]
    if len(timed) > k:
        return [_several(row, k, timed) for row in rows]
    pairs = list(
        zip(
            sorted(rows, key=lambda row: (row.posts[-1].at, row.number)),
            sorted(timed, key=lambda entry: (str(entry.at), entry.ids)),
            strict=True,
        )
    )
    if not all(fits(row, entry) for row, entry in pairs):
        reason = f"{_requests(k)} listed for {k} swaps of the same two pictures, but their times do not fit"
        return [_unclear(row, reason, _fitting(row, timed)) for row in rows]
    reason = "one request has its two pictures, and the minute of its submit"
    if k > 1:
        reason = f"{k} swaps have the same two pictures, and {_requests(k)} listed for them: one for each"
    return [_found(row, entry, reason) for row, entry in pairs]


def _may_be_in_doubt(
    row: Entry, listed: Sequence[HistoryEntry], owners: Mapping[HistoryEntry, set[int]]
) -> bool:
    """Whether a POST of a row may have been accepted without an entry that is known to be the row's."""
    if row.is_copy:
        # Its job is another row's. Its own POSTs are of attempts that are closed.
        past = JobNames.of_jobs(row.past_jobs)
        tied = sum(past.has_any(entry.ids, entry.names) for entry in listed)
        return min(len(row.posts), row.closed_posts) > tied
    tied = sum(row.number in owners[entry] for entry in listed)
    sent = min(len(row.posts), row.billable_posts + row.failed_runs)
    return sent > tied


def _fitting(row: Entry, timed: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    return tuple(entry for entry in timed if fits(row, entry))


def _requests(count: int) -> str:
    return "one request is" if count == 1 else f"{count} requests are"


def _found(row: Entry, entry: HistoryEntry, reason: str) -> Match:
    if entry.request_id is None:
        return _unclear(row, "a request fits, but the history gives it no id", (entry,))
    return Match(row=row, verdict=HistoryVerdict.FOUND, reason=reason, listed=(entry,))


def _several(row: Entry, k: int, timed: Sequence[HistoryEntry]) -> Match:
    for_them = "for it" if k == 1 else f"for {k} swaps of the same two pictures"
    return Match(
        row=row,
        verdict=HistoryVerdict.SEVERAL,
        reason=f"{_requests(len(timed))} listed {for_them}: it may have been billed more than once",
        listed=_fitting(row, timed),
    )


def _unclear(row: Entry, reason: str, listed: tuple[HistoryEntry, ...] = ()) -> Match:
    return Match(row=row, verdict=HistoryVerdict.UNCLEAR, reason=reason, listed=listed)


def _not_listed(row: Entry) -> Match:
    return Match(
        row=row, verdict=HistoryVerdict.NOT_LISTED, reason="no request with its two pictures is listed"
    )
