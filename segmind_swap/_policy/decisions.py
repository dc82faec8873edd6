"""What a person may decide about a swap, and why another decision is not possible."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from enum import StrEnum

from .._outcome import OutcomeState
from .transitions import states_before

S = OutcomeState


class Decision(StrEnum):
    """The decisions. Each is the name of a method of `Journal`."""

    RESUBMIT = "resubmit"
    ABANDON = "abandon"
    WAIT_AGAIN = "wait_again"


_BECOMES = {
    Decision.RESUBMIT: S.PENDING,
    Decision.ABANDON: S.ABANDONED,
    Decision.WAIT_AGAIN: S.ACCEPTED,
}
_FACTS = {
    S.PENDING: "is pending: it was not sent yet",
    S.ACCEPTED: "is accepted and billed, and its job is not known to be done",
    S.UNREADABLE: "is done and billed, but its answer cannot be read yet",
    S.COMPLETED: "is done and paid, and its picture is not in a file yet",
    S.SAVED: "is saved and paid: its picture is in a file",
    S.REJECTED: "is rejected: it has no job",
    S.FAILED: "has failed: its job has ended, and counts as paid",
    S.ABANDONED: "is given up already",
}
_PAY_AGAIN = "To pay for another picture of the same inputs, redo the swap"
_NOTHING_TO_GIVE_UP = "Nothing is left to give up"
_NOT_AGAIN = "No run submits it again by itself"
_NO_JOB = "There is no job to wait for"
_ADVICE = {
    (Decision.RESUBMIT, S.PENDING): "The next run of the batch submits it anyway",
    (Decision.RESUBMIT, S.ACCEPTED): "The next run waits for the job, which is free. To pay for another job"
    " instead, first give this job up with `abandon`, and then use `resubmit`",
    (Decision.RESUBMIT, S.COMPLETED): f"The next run fetches the picture, which is free. {_PAY_AGAIN}",
    (Decision.RESUBMIT, S.SAVED): f"If the file is lost, the next run fetches it again, which is free."
    f" {_PAY_AGAIN}",
    (Decision.ABANDON, S.PENDING): "To leave it out, remove it from the inputs of the batch",
    (Decision.ABANDON, S.COMPLETED): _NOTHING_TO_GIVE_UP,
    (Decision.ABANDON, S.SAVED): _NOTHING_TO_GIVE_UP,
    (Decision.ABANDON, S.REJECTED): _NOT_AGAIN,
    (Decision.ABANDON, S.FAILED): _NOT_AGAIN,
    (Decision.ABANDON, S.ABANDONED): "To change this decision, use `wait_again`, which is free, or"
    " `resubmit`, which is paid",
    (Decision.WAIT_AGAIN, S.PENDING): _NO_JOB,
    (Decision.WAIT_AGAIN, S.ACCEPTED): "The next run waits for the job anyway. To wait for another job"
    " instead, first give this job up with `abandon`",
    (Decision.WAIT_AGAIN, S.UNREADABLE): "The next run reads the answer again anyway, which is free",
    (Decision.WAIT_AGAIN, S.COMPLETED): "The next run fetches the picture anyway, which is free",
    (Decision.WAIT_AGAIN, S.SAVED): "Nothing is left to wait for",
    (Decision.WAIT_AGAIN, S.REJECTED): f"{_NO_JOB}. `resubmit` submits it again, which is paid",
}


def decision_problem(decision: Decision, id: str, state: OutcomeState) -> str | None:
    """Why a person may not decide so about a swap in this state, and what to do; None if the person may.

    A SENDING swap has no problem of its own: after its batch has ended, the swap is UNKNOWN.
    """
    if state in states_before(_BECOMES[decision], manual=True):
        return None
    return f"{id!r} {_FACTS[state]}. {_ADVICE[decision, state]}"


def similar_ids(id: str, known: Collection[str]) -> str:
    """The ids that look like `id`, as the end of a sentence; some other ids if no id looks like it."""
    folded = {other.casefold(): other for other in known}
    found = [folded[name] for name in get_close_matches(id.casefold(), folded)]
    if found:
        return f"; did you mean {' or '.join(map(repr, found))}?"
    shown = [*known][:3]
    return f"; it has, for example, {', '.join(map(repr, shown))}" if shown else "; it has no swap at all"
