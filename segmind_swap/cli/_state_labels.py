"""What the states of a batch's swaps mean to whoever reads them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from segmind_swap import OutcomeState

S = OutcomeState
_MEANINGS = {
    S.SAVED: ("green", "done and paid; its picture is in a file"),
    S.COMPLETED: ("yellow", "done and paid; the next run fetches its picture"),
    S.ACCEPTED: ("cyan", "accepted and billed; the next run waits for it"),
    S.SENDING: ("cyan", "on its way; if no batch is at work, it is unknown"),
    S.PENDING: ("cyan", "not sent; nothing is charged"),
    S.UNKNOWN: ("magenta", "perhaps accepted and billed; never sent again by itself"),
    S.EXPIRED: ("magenta", "accepted and billed, but the service no longer knows it"),
    S.FAILED: ("red", "the service ran it, and it brought no picture"),
    S.REJECTED: ("red", "refused; nothing is charged"),
    S.ABANDONED: ("red", "given up by hand; neither waited for nor sent"),
}


def style_of(state: OutcomeState) -> str:
    """The colour of a state."""
    return _MEANINGS[state][0]


def table_of(states: Mapping[OutcomeState, int]) -> str:
    """One line for each state that any swap is in, as markup."""
    width = max((len(f"{count:,}") for count in states.values()), default=1)
    return "\n".join(
        f"  {states[state]:>{width},}  [{style}]{state:<9}[/{style}]  {meaning}"
        for state, (style, meaning) in _MEANINGS.items()
        if states.get(state)
    )
