"""Counts the swaps in a row that may be charged and brought no picture: when a batch must stop."""

from __future__ import annotations

from enum import Enum, auto

from .._errors import NoResultsError, SubmissionUnknownError, SwapError, SwapFailedError
from .._outcome import OutcomeState, SwapOutcome
from .._protocols.orders import Endings

_FUTILE = frozenset(
    {OutcomeState.UNKNOWN, OutcomeState.UNREADABLE, OutcomeState.EXPIRED, OutcomeState.ACCEPTED}
)


class Ending(Enum):
    """How a swap ended, as far as the value for money is concerned."""

    GOOD = auto()
    """The picture is there: in its file, or (without a file) at its URL."""
    FUTILE = auto()
    """Charged, or perhaps charged, and no picture: in doubt, unreadable, expired, timed out, not saved."""
    FAILED = auto()
    """The service reports that the job failed. Whether that is charged is not published."""
    FREE = auto()
    """Nothing was charged. Such an ending says nothing about the money."""


def ending_of_outcome(outcome: SwapOutcome) -> Ending:
    """The ending of a swap of a batch."""
    if outcome.ok:
        return Ending.GOOD
    if outcome.state is OutcomeState.FAILED:
        return Ending.FAILED
    is_futile = outcome.state in _FUTILE or outcome.state.is_done
    return Ending.FUTILE if is_futile else Ending.FREE


def ending_of_call(error: SwapError | None) -> Ending:
    """The ending of a swap that one call made; None for a call without an error."""
    match error:
        case None:
            return Ending.GOOD
        case SwapFailedError():
            return Ending.FAILED
        case SubmissionUnknownError():
            return Ending.FUTILE
        case _:
            # An error with a job is about a job that was accepted.
            return Ending.FREE if error.job is None else Ending.FUTILE


class EndingCounter:
    """Counts endings in a row. A good ending starts both counts anew."""

    def __init__(
        self,
        *,
        max_futile: int | None,
        max_failed: int | None,
        endings: Endings = Endings(),  # noqa: B008 - frozen
    ) -> None:
        """Makes a counter.

        Args:
            max_futile: How many FUTILE endings in a row reach the bound; None for no bound.
            max_failed: How many FAILED endings in a row reach the bound; None for no bound.
            endings: What was counted before, in another process.
        """
        self._bounds = {
            Ending.FUTILE: ("max_futile", max_futile, "may be charged and brought no picture"),
            Ending.FAILED: ("max_failed", max_failed, "failed, and may be charged"),
        }
        self._counts = {Ending.FUTILE: endings.futile, Ending.FAILED: endings.failed}

    @property
    def endings(self) -> Endings:
        """What is counted now."""
        return Endings(futile=self._counts[Ending.FUTILE], failed=self._counts[Ending.FAILED])

    def reached(self) -> NoResultsError | None:
        """The error of a bound that is reached already; None if neither bound is."""
        return next(filter(None, map(self._problem, self._bounds)), None)

    def add_outcome(self, outcome: SwapOutcome) -> NoResultsError | None:
        """As `add`, for a swap of a batch."""
        return self.add(ending_of_outcome(outcome), id=outcome.request.id, error=outcome.error)

    def add(
        self, ending: Ending, *, id: str | None = None, error: SwapError | None = None
    ) -> NoResultsError | None:
        """Counts an ending. Returns the error of a batch that must stop now, else None.

        Args:
            ending: The ending.
            id: The id of the swap, for the message.
            error: The error of the swap, for the message.
        """
        if ending is Ending.GOOD:
            self._counts = dict.fromkeys(self._bounds, 0)
        if ending not in self._bounds:
            return None
        self._counts[ending] += 1
        return self._problem(ending, id=id, error=error)

    def _problem(
        self, ending: Ending, *, id: str | None = None, error: SwapError | None = None
    ) -> NoResultsError | None:
        bound, limit, what = self._bounds[ending]
        count = self._counts[ending]
        if limit is None or count < limit:
            return None
        example = f"; the last is {id!r}" if id is not None else ""
        cause = f": {error}" if error is not None else ""
        return NoResultsError(
            f"{count:,} swaps in a row {what} (`{bound}` is {limit:,}){example}{cause}",
            bound=bound,
            count=count,
            example_id=id,
            example=error,
        )
