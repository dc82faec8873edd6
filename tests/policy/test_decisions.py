"""What a person may decide, in words: generated for every state and every decision."""

import re

import pytest

from segmind_swap import OutcomeState
from segmind_swap._policy.decisions import Decision, decision_problem, similar_ids
from segmind_swap._policy.transitions import MANUAL

S = OutcomeState
ALLOWED = {
    Decision.RESUBMIT: MANUAL[S.PENDING],
    Decision.ABANDON: MANUAL[S.ABANDONED],
    Decision.WAIT_AGAIN: MANUAL[S.ACCEPTED],
}


@pytest.mark.parametrize("state", [state for state in S if state is not S.SENDING])
@pytest.mark.parametrize("decision", Decision)
def test_a_decision_is_allowed_or_says_what_the_swap_is_and_what_to_do(
    decision: Decision, state: OutcomeState
) -> None:
    problem = decision_problem(decision, "scene-012", state)
    if state in ALLOWED[decision]:
        assert problem is None
        return
    assert problem is not None
    fact, _, advice = problem.partition(". ")
    assert fact.startswith("'scene-012' ")
    assert advice, "what can be done instead"
    assert not re.search(r"\b(row|swap \d)", problem)
    for other in re.findall(r"`(\w+)`", problem):
        # What is advised is possible: at once, or after the swap is given up.
        assert {state, S.ABANDONED} & {*ALLOWED[Decision(other)]}, f"{other} is no way out of {state}"


def test_money_is_named_where_it_was_paid_or_would_be_paid_again() -> None:
    saved = decision_problem(Decision.RESUBMIT, "a", S.SAVED)
    assert saved is not None
    assert "saved and paid" in saved
    assert "To pay for another picture of the same inputs, redo the swap" in saved


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("scene-12", "; did you mean 'scene-012'"),
        ("SCENE-012", "; did you mean 'scene-012'"),
        ("scene-012.png", "; did you mean 'scene-012'"),
        ("wholly different", "; it has, for example, 'scene-012', 'scene-800', 'b'"),
    ],
)
def test_an_unknown_id_is_answered_with_ids_that_are_known(id: str, words: str) -> None:
    assert similar_ids(id, ["scene-012", "scene-800", "b", "c"]).startswith(words)


def test_a_journal_without_swaps_says_so() -> None:
    assert similar_ids("a", []) == "; it has no swap at all"
