"""What a row keeps for the history: its POSTs, and the jobs that it had."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap import JournalError, OutcomeState, SwapOutput
from segmind_swap._journal.adoption.columns import past_jobs_of, post_json, posts_of
from segmind_swap._journal.store import Store
from segmind_swap._protocols.entry import Post

from ...support.journal_rows import a_job, in_memory, row, taken

S = OutcomeState
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def a_post(scene: str = "s") -> Post:
    return Post(at=AT, reference_url="r", scene_url=scene, key_tag="tag")


def claim(store: Store, number: int, in_doubt: int, scene: str) -> None:
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=in_doubt + 1, post=a_post(scene))


def scenes(store: Store, number: int) -> list[str]:
    return [post.scene_url for post in store.entry(number).posts]


@given(st.text(), st.text(), st.integers(1_600_000_000, 4_000_000_000))
def test_a_post_is_read_as_it_was_written(reference: str, scene: str, seconds: int) -> None:
    post = Post(at=datetime.fromtimestamp(seconds, UTC), reference_url=reference, scene_url=scene)
    assert posts_of(f"[{post_json(post)}]") == (post,)


def test_a_post_without_doubt_before_it_begins_the_list_again_and_a_later_one_is_appended() -> None:
    store = in_memory()
    number = taken(store).number
    assert scenes(store, number) == []
    claim(store, number, 0, "refused")
    claim(store, number, 0, "one")
    claim(store, number, 1, "two")
    claim(store, number, 2, "three")
    assert scenes(store, number) == ["one", "two", "three"]
    with store.transaction():
        store.step(number, S.UNKNOWN, billable_posts=3)
        store.step(number, S.PENDING, manual=True)
    assert scenes(store, number) == ["one", "two", "three"], "the POSTs stay in doubt"
    claim(store, number, 3, "four")
    assert scenes(store, number)[-1] == "four"


def test_a_job_that_another_one_replaces_is_kept() -> None:
    store = in_memory()
    number = row(store, state=S.ACCEPTED, posts=1, job=a_job(1))
    with store.transaction():
        store.step(number, S.EXPIRED, job=a_job(1))
        store.step(number, S.ACCEPTED, job=a_job(2), manual=True)
    entry = store.entry(number)
    assert (entry.job, entry.past_jobs) == (a_job(2), (a_job(1),))


def test_the_job_of_an_attempt_that_failed_is_kept_when_the_next_one_begins() -> None:
    store = in_memory()
    number = row(store, state=S.FAILED, failed_runs=1, job=a_job(1))
    for again in (2, 3):
        with store.transaction():
            store.reopen(number)
            store.step(number, S.SENDING, billable_posts=1, post=a_post())
            store.step(number, S.FAILED, billable_posts=0, failed_runs=1, job=a_job(again))
    entry = store.entry(number)
    assert (entry.job, entry.past_jobs) == (a_job(3), (a_job(1), a_job(2)))


def test_a_job_with_any_line_separator_in_it_is_one_line() -> None:
    odd = a_job(1).model_copy(update={"outputs": (SwapOutput(data="a\u2028b\x85c\nd\x1e"),)})
    assert past_jobs_of(f"{odd.model_dump_json()}\n{a_job(2).model_dump_json()}\n") == (odd, a_job(2))
    assert past_jobs_of("") == ()


@pytest.mark.parametrize(
    "posted",
    ["x", "7", "[7]", '[{"at": "now"}]', '[{"at": 1e99, "reference": "", "scene": "", "key": ""}]', "[{}]"],
)
def test_a_damaged_list_is_an_error_that_names_the_row(posted: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part is damaged
        posts_of(posted)
    store = in_memory()
    number = taken(store).number
    store._db.execute("UPDATE swaps SET posted = ? WHERE number = ?", (posted, number))
    with pytest.raises(JournalError, match="damaged entry of 'a'"):
        store.entry(number)
