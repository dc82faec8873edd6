"""The rules that say which request is which swap's: by a table of cases, and by whatever Hypothesis makes."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segmind_swap import HistoryVerdict, SwapResult
from segmind_swap._api.account.history import HistoryEntry, HistoryState
from segmind_swap._api.account.identity import JobNames
from segmind_swap._batch.reconcile.matching import EARLY, LATE, Match, fits, match, merged
from segmind_swap._models import SwapOutput
from segmind_swap._protocols.entry import Entry

from .rows import HERO, S, a_job, a_post, a_row, accepted, in_doubt, listed, minutes, scene, unknown

V = HistoryVerdict


def verdicts(unknown: list[Entry], others: list[Entry], entries: list[HistoryEntry]) -> list[HistoryVerdict]:
    return [answer.verdict for answer in match(unknown, others, entries)]


def adopted(answers: list[Match]) -> dict[int, str | None]:
    return {answer.row.number: answer.listed[0].request_id for answer in answers if answer.verdict is V.FOUND}


# One swap


def test_one_request_with_the_two_pictures_and_the_minute_is_found() -> None:
    (answer,) = match([unknown(1)], [], [listed("theirs", "other"), listed("ours"), listed("x", None)])
    assert (answer.verdict, [entry.request_id for entry in answer.listed]) == (V.FOUND, ["ours"])


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (-EARLY.total_seconds() - 1, V.UNCLEAR),
        (-EARLY.total_seconds(), V.FOUND),
        (0, V.FOUND),
        (LATE.total_seconds(), V.FOUND),
        (LATE.total_seconds() + 1, V.UNCLEAR),
    ],
)
def test_the_minute_of_the_post_has_two_ends(seconds: float, verdict: HistoryVerdict) -> None:
    entry = listed("ours", at=minutes(180) + timedelta(seconds=seconds))
    assert verdicts([unknown(1)], [], [entry]) == [verdict]


def test_a_request_of_other_pictures_is_not_the_swaps_whatever_its_minute() -> None:
    swapped = listed("x", urls=(scene("a"), HERO))
    others = [listed("y", "b"), swapped, listed("z", None), listed("w", None, has_body=False)]
    assert verdicts([unknown(1)], [], others) == [V.NOT_LISTED]


def test_two_requests_for_one_swap_are_several_and_none_is_adopted() -> None:
    (answer,) = match([unknown(1)], [], [listed("one"), listed("two")])
    assert (answer.verdict, len(answer.listed)) == (V.SEVERAL, 2)


def test_a_request_that_is_listed_once_for_each_output_is_one_request() -> None:
    first = listed("ours", state=HistoryState.DONE, outputs=(SwapOutput(data="https://o.example/1.png"),))
    second = listed("ours", state=HistoryState.DONE, outputs=(SwapOutput(data="https://o.example/2.png"),))
    assert verdicts([unknown(1)], [], [first, second]) == [V.FOUND]


def test_one_id_with_two_pairs_of_pictures_is_nobodys() -> None:
    (entry,) = merged([listed("ours", "a"), listed("ours", "b")])
    assert entry.urls is None
    for pictures in ("ab", "aba", "bba"):
        entries = [listed("ours", name) for name in pictures]
        assert verdicts([unknown(1)], [], entries) == [V.NOT_LISTED]


def test_a_request_without_a_time_or_an_id_is_for_a_person() -> None:
    assert verdicts([unknown(1)], [], [listed("ours", ago=None)]) == [V.UNCLEAR]
    assert verdicts([unknown(1)], [], [listed(None)]) == [V.UNCLEAR]
    assert verdicts([unknown(1)], [], [listed("ours"), listed("other", ago=None)]) == [V.UNCLEAR]


def test_a_row_whose_posts_are_not_known_is_for_a_person() -> None:
    assert verdicts([a_row(1, billable_posts=1)], [], [listed("ours")]) == [V.UNCLEAR]


def test_urls_are_the_same_however_they_are_percent_encoded() -> None:
    post = a_post("a b")
    entry = listed("ours", urls=(HERO, scene("a b")))
    assert post.scene_url.endswith("a b.png")
    row = a_row(1, a_post("a%20b"))
    assert verdicts([row], [], [entry]) == [V.FOUND]


# Jobs that the ledger knows


@pytest.mark.parametrize(
    "other",
    [
        accepted(2, "known"),
        accepted(2, "known", state=S.SAVED),
        accepted(2, "known", state=S.FAILED, failed_runs=1, billable_posts=0),
        a_row(2, a_post(), state=S.PENDING, past_jobs=(a_job("known"),)),
        a_row(2, a_post(), state=S.ABANDONED, error=in_doubt("known")),
        accepted(2, "unrelated", job=a_job("known", request_id=None)),
    ],
    ids=["accepted", "saved", "failed", "past", "abandoned", "by poll URL"],
)
def test_a_request_whose_job_any_row_has_or_had_is_never_adopted(other: Entry) -> None:
    answers = match([unknown(1)], [other], [listed("known")])
    assert adopted(answers) == {}


def test_a_request_whose_result_another_row_has_is_never_adopted() -> None:
    url = "https://o.example/1.png"
    job = a_job("of another id", poll_url=None, outputs=(SwapOutput(data=url),))
    entry = listed("x", state=HistoryState.DONE, outputs=(SwapOutput(data=url),))
    assert adopted(match([unknown(1)], [accepted(2, "y", job=job)], [entry])) == {}


def test_an_earlier_job_of_the_swap_itself_is_not_adopted_again() -> None:
    row = unknown(1, past_jobs=(a_job("earlier"),))
    assert adopted(match([row], [], [listed("earlier")])) == {}
    assert adopted(match([row], [], [listed("earlier"), listed("ours")])) == {1: "ours"}


def test_the_request_that_the_service_itself_had_named_is_the_swaps_at_any_time() -> None:
    row = unknown(1, error=in_doubt("named"))
    assert adopted(match([row], [], [listed("named", ago=150), listed("other")])) == {1: "named"}
    assert verdicts([row], [], [listed("named", "b")]) == [V.NOT_LISTED], "of other pictures"


def test_a_request_that_the_service_had_named_to_two_swaps_is_for_a_person() -> None:
    rows = [unknown(n, error=in_doubt("named")) for n in (1, 2)]
    assert verdicts(rows, [], [listed("named")]) == [V.UNCLEAR, V.UNCLEAR]


# Several swaps of the same two pictures


def test_as_many_requests_as_swaps_are_one_for_each_in_the_order_of_their_posts() -> None:
    rows = [unknown(1, ago=100), unknown(2, ago=200)]
    entries = [listed("early", ago=200), listed("late", ago=100)]
    assert adopted(match(rows, [], entries)) == {1: "late", 2: "early"}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_fewer_requests_than_swaps_are_for_a_person(count: int) -> None:
    rows = [unknown(n) for n in range(count)]
    for few in range(1, count):
        entries = [listed(f"r{n}") for n in range(few)]
        assert verdicts(rows, [], entries) == [V.UNCLEAR] * count
    assert verdicts(rows, [], []) == [V.NOT_LISTED] * count


def test_more_requests_than_swaps_are_several() -> None:
    assert verdicts([unknown(1), unknown(2)], [], [listed(f"r{n}") for n in range(3)]) == [V.SEVERAL] * 2


def test_as_many_requests_whose_minutes_do_not_fit_are_for_a_person() -> None:
    rows = [unknown(1, ago=100), unknown(2, ago=200)]
    entries = [listed("one", ago=100), listed("two", ago=100)]
    assert verdicts(rows, [], entries) == [V.UNCLEAR] * 2


def test_a_request_that_may_be_that_of_another_swap_in_doubt_is_for_a_person() -> None:
    rivals = [
        a_row(2, a_post(), state=S.ABANDONED),
        a_row(2, a_post(ago=240), a_post(), state=S.SAVED, job=a_job("known"), billable_posts=2),
        accepted(2, "not listed yet"),
    ]
    for rival in rivals:
        assert verdicts([unknown(1)], [rival], [listed("ours"), listed("known", ago=240)])[0] is V.UNCLEAR


def test_a_swap_whose_job_is_listed_takes_no_request_from_another() -> None:
    entries = [listed("known"), listed("ours")]
    assert adopted(match([unknown(1)], [accepted(2, "known")], entries)) == {1: "ours"}
    rejected = a_row(3, a_post(), state=S.REJECTED, billable_posts=0)
    assert adopted(match([unknown(1)], [accepted(2, "known"), rejected], entries)) == {1: "ours"}


def test_swaps_that_share_pictures_through_a_third_one_are_one_group() -> None:
    both = a_row(1, a_post("a"), a_post("b"), billable_posts=2)
    rows = [unknown(2, "a"), unknown(3, "b"), both]
    assert verdicts(rows, [], [listed("r1", "a"), listed("r2", "b")]) == [V.UNCLEAR] * 3


def test_any_post_of_a_swap_may_be_the_one_that_was_accepted() -> None:
    row = a_row(1, a_post("a", ago=200), a_post("b", ago=100))
    for entry in (listed("first", "a", ago=200), listed("second", "b", ago=100)):
        assert adopted(match([row], [], [entry])) == {1: entry.request_id}
    assert verdicts([row], [], [listed("x", "a", ago=100)]) == [V.UNCLEAR], "the pictures of another POST"


# Whatever there is

IDS = st.sampled_from([f"request-{n}" for n in range(8)])
PICTURES = st.sampled_from("ab")
AGES = st.sampled_from([100.0, 101.0, 120.0, 180.0])


@st.composite
def rows(draw: st.DrawFn) -> list[Entry]:
    made = []
    for number in range(draw(st.integers(1, 7))):
        pictures, ago = draw(PICTURES), draw(AGES)
        posts = [a_post(pictures, ago=ago + 1), a_post(pictures, ago=ago)][-draw(st.integers(1, 2)) :]
        more: dict[str, Any] = {"state": draw(st.sampled_from([S.UNKNOWN, S.UNKNOWN, S.ACCEPTED, S.SAVED]))}
        if more["state"] is not S.UNKNOWN:
            more["job"] = a_job(draw(IDS), ago=ago)
        elif draw(st.booleans()):
            more["error"] = in_doubt(draw(st.none() | IDS))
        if draw(st.integers(0, 4)) == 0:
            more["past_jobs"] = (a_job(draw(IDS)),)
        made.append(a_row(number, *posts, **more))
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[HistoryEntry]:
    return [
        listed(draw(st.none() | IDS), draw(st.none() | PICTURES), ago=draw(st.none() | AGES))
        for _ in range(draw(st.integers(0, 8)))
    ]


def test_a_request_that_may_be_of_a_copy_before_it_became_one_is_a_persons_to_decide() -> None:
    job = a_job("original")
    result = SwapResult(job=job, url="https://images.example/1.png", outputs=(), seconds=1.0, copy_of="s3")
    money = {"billable_posts": 0, "closed_posts": 1}
    copy: dict[str, Any] = {"state": S.SAVED, "job": job, "result": result, **money}
    original = accepted(3, "original", state=S.SAVED)
    history = [listed("original"), listed("free")]
    for past_jobs, verdict in (((), V.UNCLEAR), ((a_job("past"),), V.FOUND)):
        others = [original, a_row(2, a_post(), past_jobs=past_jobs, **copy)]
        found = match([unknown(1)], others, [*history, listed("past", ago=200)])
        assert [answer.verdict for answer in found] == [verdict]


@given(rows(), histories())
def test_no_request_goes_to_two_swaps_and_none_that_is_known_or_foreign_to_any(
    made: list[Entry], history: list[HistoryEntry]
) -> None:
    waiting = [row for row in made if row.state is S.UNKNOWN]
    others = [row for row in made if row.state is not S.UNKNOWN]
    answers = match(waiting, others, history)
    assert [answer.row for answer in answers] == waiting
    taken = adopted(answers)
    assert set(Counter(taken.values()).values()) <= {1}
    for number, id in taken.items():
        (row,) = [row for row in waiting if row.number == number]
        (entry,) = [answer.listed[0] for answer in answers if answer.row is row]
        assert id is not None
        others_names = JobNames.union(JobNames.of_entry(other) for other in made if other is not row)
        assert not others_names.has_any(entry.ids, entry.names)
        assert not JobNames.of_jobs(row.past_jobs).has_any(entry.ids, entry.names)
        is_named = JobNames.of_entry(row).has_any(entry.ids, entry.names)
        assert entry.urls == (HERO, row.posts[-1].scene_url)
        assert is_named or fits(row, entry)


@given(rows(), histories())
def test_fewer_requests_than_swaps_of_the_same_pictures_never_decide(
    made: list[Entry], history: list[HistoryEntry]
) -> None:
    waiting = [row for row in made if row.state is S.UNKNOWN and row.error is None]
    assume(len(waiting) == sum(row.state is S.UNKNOWN for row in made))
    others = [row for row in made if row.state is not S.UNKNOWN]
    names = JobNames.union(map(JobNames.of_entry, made))
    answers = match(waiting, others, history)
    for pictures in "ab":
        group = [answer for answer in answers if answer.row.posts[0].scene_url == scene(pictures)]
        free = {
            entry.request_id
            for entry in history
            if entry.urls == (HERO, scene(pictures)) and not names.has_any(entry.ids, entry.names)
        }
        if len(free) < len(group):
            assert all(answer.verdict is not V.FOUND for answer in group)


@given(rows(), histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_history_changes_no_verdict(
    made: list[Entry], history: list[HistoryEntry], random: Any
) -> None:
    waiting = [row for row in made if row.state is S.UNKNOWN]
    others = [row for row in made if row.state is not S.UNKNOWN]
    mixed = list(history)
    random.shuffle(mixed)
    assert verdicts(waiting, others, history) == verdicts(waiting, others, mixed)
