"""The money of rows, of all of them and of those of a day."""

from datetime import UTC, datetime, timedelta

from segmind_swap import OutcomeState
from segmind_swap._policy.budget import Spent
from segmind_swap._protocols.entry import NewEntry, Post

from ...support.journal_rows import a_job, in_memory, row, taken

S = OutcomeState
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)


def taken_input(id: str) -> NewEntry:
    return NewEntry(id=id, fingerprint="p", reference="r", scene="s")


def _post(at: datetime) -> Post:
    return Post(at=at, reference_url="https://a.example/r", scene_url="https://a.example/s")


def test_the_money_of_a_day_is_that_of_the_rows_whose_last_post_was_claimed_in_it() -> None:
    store = in_memory()
    second = timedelta(seconds=1)
    posts = {
        "yesterday": [MIDNIGHT - second],
        "today": [MIDNIGHT],
        "both": [MIDNIGHT - second, MIDNIGHT + second],
    }
    with store.transaction():
        for id, times in posts.items():
            number = store.take(taken_input(id)).number
            for count, at in enumerate(times, start=1):
                store.step(number, S.SENDING, billable_posts=count, post=_post(at))
            store.step(number, S.UNKNOWN)
    assert store.money(0.1) == Spent(unsettled_posts=4)
    assert store.money(0.1, posted_since=MIDNIGHT) == Spent(unsettled_posts=3), "both POSTs of a row count"
    assert store.money(0.1, posted_since=MIDNIGHT + timedelta(days=1)) == Spent()


def test_a_row_that_was_never_posted_is_of_no_day() -> None:
    store = in_memory()
    row(store, "a", S.UNKNOWN, posts=1)
    taken(store, "b")
    assert store.money(0.1) == Spent(unsettled_posts=1)
    assert store.money(0.1, posted_since=MIDNIGHT) == Spent()


def test_a_failed_run_counts_in_its_day_unless_failed_runs_are_free() -> None:
    store = in_memory()
    with store.transaction():
        number = store.take(taken_input("a")).number
        store.step(number, S.SENDING, billable_posts=1, post=_post(MIDNIGHT))
        store.step(number, S.ACCEPTED, job=a_job())
        store.step(number, S.FAILED, billable_posts=0, failed_runs=1)
        store.step(number, S.PENDING, manual=True)
    assert store.money(0.1, posted_since=MIDNIGHT) == Spent(unsettled_posts=1)
    assert store.money(0.1, posted_since=MIDNIGHT, failed_runs_are_free=True) == Spent()
