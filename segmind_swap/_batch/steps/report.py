"""`Report`: the outcome of one swap while the swap is made, and the event of a swap that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._errors import SwapError
from ..._events import Failed, Started
from ..._models import SwapJob, SwapRequest, SwapResult
from ..._outcome import OutcomeState, SwapOutcome

if TYPE_CHECKING:
    from ..._swap.session import Session


class Report:
    """What is known of one swap.

    Attributes:
        request: The input.
        swap: The number that the events of the swap share.
        version: The version of the entry, as soon as the entry is known.
        job: The accepted job, as soon as it is known.
    """

    def __init__(self, session: Session, request: SwapRequest) -> None:
        self.request = request
        self.swap: int = session.new_swap()
        self.version: int = 1
        self.job: SwapJob | None = None
        self._session = session

    def started(self) -> None:
        """Emits `Started`."""
        self._session.emit(Started(swap=self.swap, id=self.request.id))

    def outcome(
        self, state: OutcomeState, *, error: SwapError | None = None, result: SwapResult | None = None
    ) -> SwapOutcome:
        """The outcome of the swap in this state."""
        if error is not None:
            # A response that is not a usable acceptance may still name the job.
            self.job = self.job or error.job
        found = SwapOutcome(request=self.request, state=state, job=self.job, result=result, error=error)
        return found.model_copy(update={"version": self.version})

    def not_started(self, reason: SwapError | None) -> SwapOutcome:
        """The outcome of a swap that is not sent, because of an error that may be about another swap."""
        return self.outcome(OutcomeState.PENDING).model_copy(update={"error": reason, "job": None})

    def failed(self, state: OutcomeState, error: SwapError, result: SwapResult | None = None) -> SwapOutcome:
        """Emits `Failed`, and returns the outcome of a swap that ended with an error."""
        outcome = self.outcome(state, error=error, result=result)
        self.emit_failed(error)
        return outcome

    def emit_failed(self, error: SwapError) -> None:
        """Emits `Failed`."""
        self._session.emit(Failed(swap=self.swap, id=self.request.id, error=error))
