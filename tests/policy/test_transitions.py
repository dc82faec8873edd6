"""What a state of a swap means, and which state may follow which: both tables written a second time."""

from itertools import product

import pytest

from segmind_swap._outcome import OutcomeState
from segmind_swap._policy.transitions import AUTOMATIC, MANUAL, states_before

S = OutcomeState

# One column a state, in this order.
ORDER = (
    S.PENDING, S.SENDING, S.ACCEPTED, S.UNREADABLE, S.COMPLETED, S.SAVED,
    S.REJECTED, S.UNKNOWN, S.FAILED, S.EXPIRED, S.ABANDONED,
)  # fmt: skip
FACTS = {
    "is_done":      ". . . . x x . . . . .",
    "is_free":      "x . . . . . x . . . .",
    "is_in_doubt":  ". x . . . . . x . . .",
    "may_cost":     ". x x x . . . x . x .",
    "is_waitable":  ". . x x . . . . . . .",
    "is_resumed":   ". x x x x . . . . . .",
    "is_retryable": ". . . . . . x . x . .",
    "is_settled":   ". . . . . x x x x x x",
}  # fmt: skip

# From the state of the row to that of the column: a for automatic, m for a decision of a person, b for both.
CHANGES = {
    S.PENDING:    "a a . . . . a a . . a",
    S.SENDING:    "a a a a a a a a a a .",
    S.ACCEPTED:   ". . a a a a . . a a m",
    S.UNREADABLE: "m . . a a a . . . . m",
    S.COMPLETED:  ". . . . a a . . . . .",
    S.SAVED:      ". . . . . a . . . . .",
    S.REJECTED:   "m . . . . . . . . . .",
    S.UNKNOWN:    "m . m . . . . . . . m",
    S.FAILED:     "m . m . . . . . . . .",
    S.EXPIRED:    "m . b . . . . . . . m",
    S.ABANDONED:  "m . m m . . . . . . .",
}  # fmt: skip


def test_every_state_has_its_column() -> None:
    assert set(ORDER) == set(CHANGES) == set(S)


@pytest.mark.parametrize("fact", FACTS)
def test_each_state_means_what_the_table_says(fact: str) -> None:
    for state, mark in zip(ORDER, FACTS[fact].split(), strict=True):
        assert getattr(state, fact) is (mark == "x"), (state, fact)


def test_a_run_submits_what_is_pending_and_on_request_what_ended_without_a_picture() -> None:
    for state in S:
        assert state.needs_submit() is (state is S.PENDING)
        assert state.needs_submit(retry_failed=True) is (state in {S.PENDING, S.FAILED, S.REJECTED})


def test_each_state_is_submitted_or_resumed_or_settled_by_the_next_run() -> None:
    for state in S:
        assert [state.needs_submit(), state.is_resumed, state.is_settled].count(True) == 1


def test_each_change_of_state_is_allowed_as_the_table_says() -> None:
    for (before, row), (column, after) in product(CHANGES.items(), enumerate(ORDER)):
        mark = row.split()[column]
        assert (before in states_before(after)) == (mark in "ab"), (before, after)
        assert (before in states_before(after, manual=True)) == (mark in "mb"), (before, after)


def test_nothing_leads_back_to_where_it_would_be_sent_by_itself() -> None:
    for before in states_before(S.PENDING) + states_before(S.SENDING):
        assert before in {S.PENDING, S.SENDING}


def test_the_tables_name_each_state_once() -> None:
    assert set(AUTOMATIC) == set(S)
    assert set(MANUAL) == {S.PENDING, S.ACCEPTED, S.UNREADABLE, S.ABANDONED}
    for table in (AUTOMATIC, MANUAL):
        assert all(len(set(before)) == len(before) for before in table.values())
