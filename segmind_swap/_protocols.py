"""The seams: what another implementation may replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ._errors import SwapError
from ._models import Call, SwapJob, SwapResult
from ._outcome import OutcomeState


@dataclass(frozen=True, slots=True)
class Admission:
    """One request's permission to leave.

    Attributes:
        call: What it is.
        number: Counts a client's requests.
        closures: How often the gate had been closed before.
        left_at: When it was given, on the event loop's clock.
    """

    call: Call
    number: int
    epoch: int
    left_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row.

    Attributes:
        posts: How many POSTs of the swap may have been accepted, the job's own included.
    """

    number: int
    id: str
    fingerprint: str
    reference: str
    scene: str
    state: OutcomeState
    run: int
    posts: int
    job: SwapJob | None
    result: SwapResult | None
    error: SwapError | None


class SubmitRecord(Protocol):
    """Between two of its calls a crash leaves what the first of them told."""

    async def intend(self, in_doubt: int) -> None:
        """Awaited before each POST, when nothing is left to wait for but the network.

        `in_doubt` is how many earlier POSTs of the swap may have been accepted. What it raises ends the
        submit: this POST is not sent.
        """

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Awaited after each POST, before anybody hears of it: the job, or how many may have been accepted.

        Must not raise: nobody could take the answer back.
        """

    def withdrawn(self, in_doubt: int) -> None:
        """Nothing left of the POST that `sending` was awaited for, and nothing will."""


class NoRecord:
    """Keeps none."""

    async def intend(self, in_doubt: int) -> None:
        pass

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        pass

    def withdrawn(self, in_doubt: int) -> None:
        pass
