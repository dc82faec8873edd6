"""The SQL of a step: how a row of a journal changes its state, and after which states it may."""

from __future__ import annotations

from .._outcome import OutcomeState
from .._policy.transitions import states_before
from .adoption.columns import ADD_POST, KEEP_ENDED_JOB, KEEP_REPLACED_JOB

S = OutcomeState
# The job of such a row has ended: a person, or `retry_failed`, begins a new attempt with new POSTs.
_HAS_ENDED = "(state IN ('failed', 'unreadable') OR answer IS NOT NULL)"
_NEW_ATTEMPT = (
    f"posts = CASE WHEN {_HAS_ENDED} THEN 0 ELSE posts END,"
    f" closed_posts = closed_posts + CASE WHEN {_HAS_ENDED} THEN posts ELSE 0 END,"
    f" job = CASE WHEN {_HAS_ENDED} THEN NULL ELSE job END, answer = NULL,"
    f" {KEEP_ENDED_JOB.format(has_ended=_HAS_ENDED)}"
)
_SAME_ATTEMPT = (
    f"posts = coalesce(:posts, posts), job = coalesce(:job, job), {ADD_POST}, {KEEP_REPLACED_JOB},"
)
_NO_ANSWER = f"{_SAME_ATTEMPT} answer = NULL"
# The longest answer is kept: an answer from which the service has removed the picture is shorter.
_LONGEST_ANSWER = (
    f"{_SAME_ATTEMPT} answer ="
    " CASE WHEN length(:answer) < length(answer) THEN answer ELSE coalesce(:answer, answer) END"
)


def step_sql(state: OutcomeState, *, manual: bool) -> str:
    """The statement that makes a row `state`: automatically, or (`manual`) when a person decides so."""
    before = ", ".join(f"'{earlier}'" for earlier in states_before(state, manual=manual))
    has_answer = state in {S.UNREADABLE, S.ABANDONED}
    same_attempt = _LONGEST_ANSWER if has_answer else _NO_ANSWER
    return (
        f"UPDATE swaps SET state = '{state}', failed_runs = failed_runs + :failed_runs,"  # noqa: S608
        f" {_NEW_ATTEMPT if manual and state is S.PENDING else same_attempt},"
        " accepted_at = coalesce(:accepted_at, accepted_at), result = coalesce(:result, result),"
        f" error = :error WHERE number = :number AND state IN ({before})"
    )
