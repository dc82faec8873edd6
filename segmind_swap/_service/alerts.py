"""The warnings for an operator: swaps that may be paid, have no picture, and need a person."""

from __future__ import annotations

import logging

from .._outcome import OutcomeState

log = logging.getLogger("segmind_swap")

_ADVICE = {
    OutcomeState.UNKNOWN: (
        "it may be accepted and billed, and is not sent again. Stop the application, look for the job in the"
        " account's history with `reconcile`, which is free, and start the application again"
    ),
    OutcomeState.EXPIRED: (
        "it was accepted and billed, and the API no longer knows its job. Stop the application, ask for the"
        " job once more with `wait_again`, which is free, and start the application again"
    ),
}


def warn_of_end(journal: str, id: str, state: OutcomeState) -> None:
    """Logs one warning if a swap ended UNKNOWN or EXPIRED. Other ends need no person.

    The warning names the id, and neither the owner nor a URL.

    Args:
        journal: The name of the journal.
        id: The id of the swap.
        state: The state in which the swap ended.
    """
    advice = _ADVICE.get(state)
    if advice is not None:
        log.warning("the swap %r of %s is %s: %s", id, journal, state, advice)
