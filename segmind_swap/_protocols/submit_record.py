"""`SubmitRecord`: the durable record of the POSTs of one swap."""

from __future__ import annotations

from typing import Protocol

from .._models import SwapJob


class SubmitRecord(Protocol):
    """The durable record of the POSTs of one swap. After a crash, it is as after the last finished call."""

    @property
    def is_continued(self) -> bool:
        """Whether another run waits for a recorded job without being told: no warning is needed."""
        ...

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        """Records the intent to POST. Awaited directly before each POST; durable when it returns.

        Args:
            in_doubt: How many earlier POSTs of the swap may have been accepted.
            urls: The URLs of the reference and of the scene, as the POST sends them.

        Raises:
            Exception: of any class. It ends the submit: this POST is not sent.
        """
        ...

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how a POST ended. Awaited before the caller gets the job; durable when it returns.

        Must not raise: the response may be an acceptance, which cannot be received a second time.

        Args:
            job: The accepted job; None if the POST was not accepted, or is in doubt.
            in_doubt: How many POSTs of the swap may have been accepted, besides the POST of the job.
        """
        ...

    def withdrawn(self, in_doubt: int) -> None:
        """Records that the last byte of the intended POST never left, and never will."""
        ...


class NoRecord:
    """A `SubmitRecord` that records nothing."""

    is_continued: bool = False

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None: ...
    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None: ...
    def withdrawn(self, in_doubt: int) -> None: ...


NO_RECORD = NoRecord()
