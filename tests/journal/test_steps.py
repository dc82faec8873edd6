"""The SQL of a step names the states that it may follow."""

import re

import pytest

from segmind_swap._journal.steps import step_sql
from segmind_swap._outcome import OutcomeState
from segmind_swap._policy.transitions import states_before


@pytest.mark.parametrize("manual", [False, True])
@pytest.mark.parametrize("state", OutcomeState)
def test_a_step_follows_exactly_the_states_that_the_rules_allow(state: OutcomeState, manual: bool) -> None:
    sql = step_sql(state, manual=manual)
    (allowed,) = re.findall(r"WHERE number = :number AND state IN \(([^)]*)\)$", sql)
    assert set(re.findall(r"'(\w+)'", allowed)) == set(states_before(state, manual=manual))


def test_only_a_person_begins_a_new_attempt() -> None:
    assert "closed_posts" in step_sql(OutcomeState.PENDING, manual=True)
    assert "closed_posts" not in step_sql(OutcomeState.PENDING, manual=False)
