"""Who keeps books of the POSTs of one swap, so that a crash between two of them loses nothing."""

from __future__ import annotations

from typing import Protocol

from ._models import SwapJob


class Record(Protocol):
    """Between two of its calls a crash leaves what the first of them told."""

    async def sending(self, in_doubt: int) -> None:
        """Awaited before each POST, when nothing is left to wait for but the network.

        `in_doubt` is how many earlier POSTs of the swap may have been accepted. What it raises ends the
        submit: this POST is not sent.
        """

    async def told(self, job: SwapJob | None, in_doubt: int) -> None:
        """Awaited after each POST, before anybody hears of it: the job, or how many may have been accepted.

        Must not raise: nobody could take the answer back.
        """

    def withdrawn(self, in_doubt: int) -> None:
        """Nothing left of the POST that `sending` was awaited for, and nothing will."""


class NoRecord:
    """Keeps none."""

    async def sending(self, in_doubt: int) -> None:
        pass

    async def told(self, job: SwapJob | None, in_doubt: int) -> None:
        pass

    def withdrawn(self, in_doubt: int) -> None:
        pass
