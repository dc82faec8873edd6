"""What the error that has stopped a run of a service means: when the service submits again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from .._errors import BudgetExceededError, JournalError, NoResultsError, SwapError

ACCOUNT_PAUSE = 60.0
"""Seconds until one more swap finds out whether the account works again. A refused submit is free."""
_JOURNAL_PAUSE = 5.0
_MAX_JOURNAL_PAUSE = 60.0
MISTAKE_PAUSE = 60.0
"""Seconds after an exception that is a mistake in this package, or of a ledger of the user's."""


@dataclass(frozen=True, slots=True)
class Pause:
    """When a service submits again.

    Attributes:
        seconds: After how many seconds; None when a person resumes the service.
        is_told: Whether new orders are refused meanwhile, in every process.
    """

    seconds: float | None
    is_told: bool


def pause_after(error: SwapError, now: datetime) -> Pause:
    """The pause after a run that has stopped because of an error that is no `JournalError`."""
    match error:
        case NoResultsError():
            return Pause(None, is_told=True)
        case BudgetExceededError(resets_at=datetime() as resets_at):
            # `add` refuses new orders by the same budget.
            return Pause(max(0.0, (resets_at - now).total_seconds()), is_told=False)
        case _:
            return Pause(ACCOUNT_PAUSE, is_told=True)


def journal_pause(failures: int) -> float:
    """Seconds before a ledger that has failed several times in a row is opened again."""
    return min(_MAX_JOURNAL_PAUSE, math.ldexp(_JOURNAL_PAUSE, min(failures - 1, 10)))


def is_of_the_ledger(error: SwapError | None) -> bool:
    """Whether the run must end at once, because nothing more can be recorded."""
    return isinstance(error, JournalError)
