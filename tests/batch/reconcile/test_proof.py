"""What is missing before a swap that is not listed may be paid a second time: each condition, alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from segmind_swap import SwapResult
from segmind_swap._api.account.history import HistoryEntry, HistoryState
from segmind_swap._api.account.identity import JobNames
from segmind_swap._batch.reconcile.listing import Listing
from segmind_swap._batch.reconcile.matching import owners_of
from segmind_swap._batch.reconcile.proof import LEAST_AGE, Proof
from segmind_swap._protocols.entry import Entry

from .rows import NOW, S, a_job, a_post, a_row, accepted, listed, minutes, unknown

ROW = unknown(1, ago=180)
SAVED = accepted(2, "later", "b", ago=150, state=S.SAVED)
RUNNING = accepted(3, "running", "c", ago=1)
LISTED = [
    listed("later", "b", ago=150, state=HistoryState.DONE),
    listed("running", "c", ago=1, state=HistoryState.RUNNING),
]


def missing(
    row: Entry = ROW,
    others: list[Entry] | None = None,
    entries: list[HistoryEntry] | None = None,
    *,
    days: int = 10,
    **listing: Any,
) -> str:
    others = [SAVED, RUNNING] if others is None else others
    entries = LISTED if entries is None else entries
    names = {other.number: JobNames.of_entry(other) for other in (row, *others)}
    since = (NOW - timedelta(days=days)).date()
    found = Listing(entries=entries, **listing)
    proof = Proof(found, others, owners_of(entries, names), since=since, now=NOW)
    return "; ".join(proof.missing(row))


def test_nothing_is_missing_if_all_conditions_hold() -> None:
    assert missing() == ""


@pytest.mark.parametrize("incomplete", ["page 3 could not be read: 502"])
def test_every_page_must_have_been_read(incomplete: str) -> None:
    assert missing(incomplete=incomplete) == f"not every page of the history was read: {incomplete}"


def test_the_submit_must_be_in_the_days_that_were_asked_for() -> None:
    assert "older than what the history was asked for" in missing(days=0)
    old = a_row(1, a_post(ago=60 * 24 * 20), a_post(ago=180))
    assert "the submit, of 2026-11-10, is older" in missing(old)


@pytest.mark.parametrize(
    "later",
    [
        accepted(2, "later", "b", ago=181, state=S.SAVED),
        accepted(2, "later", "b", ago=180, state=S.SAVED),
        a_row(2, a_post("b", key="other"), state=S.SAVED, job=a_job("later", ago=150)),
        a_row(2, a_post("b", key=""), state=S.SAVED, job=a_job("later", ago=150)),
        a_row(2, state=S.SAVED, job=a_job("later", ago=150)),
        accepted(2, "of another entry", "b", ago=150, state=S.SAVED),
    ],
    ids=["earlier", "at the same time", "another key", "a key not known", "no POST known", "not listed"],
)
def test_a_job_accepted_after_the_post_with_the_same_key_must_be_listed(later: Entry) -> None:
    # The running job is older than the POST, so that it proves nothing here.
    running = accepted(3, "running", "c", ago=200)
    assert missing(others=[later, running]) == (
        "no job of this journal that was accepted later, with the same key, is in the history"
    )


def test_the_job_of_a_copy_is_another_rows_and_proves_nothing() -> None:
    job = a_job("later", ago=150)
    result = SwapResult(job=job, url="https://images.example/1.png", outputs=(), seconds=1.0, copy_of="s9")
    copy = a_row(2, a_post("b", ago=300), state=S.SAVED, job=job, result=result, billable_posts=0)
    assert "accepted later, with the same key" in missing(others=[copy, accepted(3, "running", "c", ago=200)])


def test_posts_with_two_keys_or_a_key_that_is_not_known_prove_nothing() -> None:
    for keys in (("tag", "other"), ("", ""), ("tag", "")):
        row = a_row(1, *(a_post(ago=180, key=key) for key in keys))
        assert "with the same key" in missing(row)


@pytest.mark.parametrize(
    ("others", "entries"),
    [
        ([SAVED], LISTED),
        ([SAVED, accepted(3, "running", "c", ago=1, state=S.SAVED)], LISTED),
        ([SAVED, RUNNING], [LISTED[0], listed("running", "c", ago=1, state=HistoryState.DONE)]),
        ([SAVED, RUNNING], [LISTED[0], listed("running", "c", ago=1, state=HistoryState.UNCLEAR)]),
        ([SAVED, RUNNING], [LISTED[0], listed("foreign", "c", ago=1)]),
    ],
    ids=["foreign", "saved here", "done there", "no word", "another request"],
)
def test_a_job_of_the_ledger_that_still_runs_must_be_listed(
    others: list[Entry], entries: list[HistoryEntry]
) -> None:
    assert missing(others=others, entries=entries) == (
        "no job of this journal is in the history while it still runs: the history may be late"
    )


def test_the_last_post_must_be_more_than_two_hours_ago() -> None:
    least = LEAST_AGE.total_seconds() / 60
    words = "the submit is not more than 2 hours ago"
    assert (missing(unknown(1, ago=least)), missing(unknown(1, ago=least + 0.1))) == (words, "")
    # With a later POST, the later job must be later still.
    both = a_row(1, a_post(ago=300), a_post(ago=100))
    assert words in missing(both)
    assert words in missing(unknown(1, ago=-10)), "a clock that was set back"


@pytest.mark.parametrize("at", [None, minutes(180), minutes(178)])
def test_a_request_that_does_not_show_what_was_sent_may_be_the_swaps(at: Any) -> None:
    assert (
        missing(blank=[at])
        == "a request of its minute is listed without what was sent: it may be this swap's"
    )
    assert missing(blank=[minutes(100)]) == ""


def test_all_that_is_missing_is_named() -> None:
    row = unknown(1, ago=10)
    assert missing(row, [], [], incomplete="x", days=0).count("; ") == 4
