"""Which endings count as money without a picture, and when there were too many in a row."""

import pickle

import pytest

from segmind_swap import (
    ConfigurationError,
    DownloadError,
    NoResultsError,
    OutcomeState,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapOutcome,
    SwapRequest,
    SwapTimeoutError,
)
from segmind_swap._policy.futility import Ending, EndingCounter, ending_of_call, ending_of_outcome
from segmind_swap._protocols.orders import Endings

from ..support.journal_rows import a_job, a_result

S = OutcomeState
REQUEST = SwapRequest(id="a", reference_character_image="hero.png", character_image="street.png")
FAILED = SwapFailedError("it failed", reason="no face")


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        (S.PENDING, Ending.FREE),
        (S.SENDING, Ending.FREE),
        (S.ACCEPTED, Ending.FUTILE),
        (S.UNREADABLE, Ending.FUTILE),
        (S.COMPLETED, Ending.FUTILE),
        (S.SAVED, Ending.GOOD),
        (S.REJECTED, Ending.FREE),
        (S.UNKNOWN, Ending.FUTILE),
        (S.FAILED, Ending.FAILED),
        (S.EXPIRED, Ending.FUTILE),
        (S.ABANDONED, Ending.FREE),
    ],
)
def test_each_state_counts_as_the_table_says(state: OutcomeState, ending: Ending) -> None:
    error = None if state is S.SAVED else SwapError("an error")
    result = a_result() if state in {S.COMPLETED, S.SAVED} else None
    outcome = SwapOutcome(request=REQUEST, state=state, result=result, error=error)
    assert ending_of_outcome(outcome) is ending


def test_a_picture_that_was_not_to_be_saved_is_good() -> None:
    assert (
        ending_of_outcome(SwapOutcome(request=REQUEST, state=S.COMPLETED, result=a_result())) is Ending.GOOD
    )


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (None, Ending.GOOD),
        (FAILED, Ending.FAILED),
        (SubmissionUnknownError("in doubt"), Ending.FUTILE),
        (SwapExpiredError("gone", job=a_job()), Ending.FUTILE),
        (SwapTimeoutError("late", seconds=1.0, job=a_job()), Ending.FUTILE),
        (OutputError("no picture", body=b"", job=a_job()), Ending.FUTILE),
        (DownloadError("403", url="https://a.example/a.png", job=a_job()), Ending.FUTILE),
        (ConfigurationError("no such folder"), Ending.FREE),
    ],
)
def test_each_error_of_a_call_counts_by_its_money(error: SwapError | None, ending: Ending) -> None:
    assert ending_of_call(error) is ending


def test_the_bound_is_reached_by_endings_in_a_row_and_a_good_one_starts_both_counts_anew() -> None:
    counter = EndingCounter(max_futile=3, max_failed=2)
    before = [Ending.FUTILE, Ending.FAILED, Ending.FUTILE, Ending.GOOD]
    assert [counter.add(ending) for ending in before] == [None] * 4
    assert [counter.add(ending) for ending in (Ending.FUTILE, Ending.FREE, Ending.FUTILE)] == [None] * 3
    error = counter.add(Ending.FUTILE, id="s7", error=FAILED)
    assert error is not None
    assert (error.bound, error.count, error.example_id, error.example) == ("max_futile", 3, "s7", FAILED)
    assert "(`max_futile` is 3)" in str(error)
    assert "'s7'" in str(error)
    assert "it failed" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, NoResultsError)
    assert (str(again), again.bound, str(again.example)) == (str(error), "max_futile", "it failed")


def test_failed_swaps_have_a_bound_of_their_own() -> None:
    counter = EndingCounter(max_futile=1, max_failed=2)
    assert counter.add(Ending.FAILED) is None
    error = counter.add(Ending.FAILED)
    assert error is not None
    assert error.bound == "max_failed"


def test_without_a_bound_nothing_stops() -> None:
    counter = EndingCounter(max_futile=None, max_failed=None)
    assert [counter.add(ending) for ending in (Ending.FUTILE, Ending.FAILED) * 100] == [None] * 200


def test_a_counter_goes_on_from_what_another_process_has_counted() -> None:
    counter = EndingCounter(max_futile=3, max_failed=2, endings=Endings(futile=2, failed=1))
    assert counter.reached() is None
    error = counter.add(Ending.FUTILE)
    assert error is not None
    assert error.count == 3
    assert counter.endings == Endings(futile=3, failed=1)
    assert counter.add(Ending.GOOD) is None
    assert counter.endings == Endings()


def test_a_bound_that_was_reached_before_is_told_without_an_example() -> None:
    error = EndingCounter(max_futile=3, max_failed=2, endings=Endings(failed=2)).reached()
    assert error is not None
    assert (error.bound, error.count, error.example) == ("max_failed", 2, None)
    assert str(error) == "2 swaps in a row failed, and may be charged (`max_failed` is 2)"
