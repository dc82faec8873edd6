"""The colour and the explanation of each outcome state on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from segmind_swap import OutcomeState

S = OutcomeState
_LABELS = {
    S.SAVED: ("green", "done and paid; the picture is in a file"),
    S.COMPLETED: ("yellow", "done and paid; the next run downloads the picture"),
    S.ACCEPTED: ("cyan", "accepted and billed; the next run waits for the job"),
    S.UNREADABLE: ("yellow", "done and billed; the next run tries again to read the answer"),
    S.SENDING: ("cyan", "being sent; if no batch is running, treat the swap as unknown"),
    S.PENDING: ("cyan", "not sent; nothing is charged"),
    S.UNKNOWN: ("magenta", "perhaps accepted and billed; never sent again automatically"),
    S.EXPIRED: ("magenta", "accepted and billed, but the service no longer knows the job"),
    S.FAILED: ("red", "the service ran the job, and the job failed; counted as paid"),
    S.REJECTED: ("red", "refused; nothing is charged"),
    S.ABANDONED: ("red", "cancelled, or given up by `resolve --abandon`; neither waited for nor sent"),
}


def state_style(state: OutcomeState) -> str:
    """The colour of a state, as a rich style."""
    return _LABELS[state][0]


def states_table(counts: Mapping[OutcomeState, int]) -> str:
    """Rich markup with one line for each state that has a count: the count, the state and the explanation."""
    width = max((len(f"{count:,}") for count in counts.values()), default=1)
    return "\n".join(
        f"  {counts[state]:>{width},}  [{style}]{state:<10}[/{style}]  {explanation}"
        for state, (style, explanation) in _LABELS.items()
        if counts.get(state)
    )
