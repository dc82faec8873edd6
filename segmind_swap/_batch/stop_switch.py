"""Stops the submits of a batch, and stores the reason."""

from __future__ import annotations

from collections.abc import Callable

from .._errors import SwapError


class Stopped(Exception):  # noqa: N818 - an event of the batch, and no error of the user's
    """The batch submits nothing more."""


class StopSwitch:
    """Stops a batch from submitting, once. Swaps in flight finish.

    Attributes:
        is_stopped: Whether the batch submits nothing more.
        reason: The error that stopped the batch; None if it was stopped by its user or by a mistake.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self.is_stopped: bool = False
        self.reason: SwapError | None = None
        self._on_stop = on_stop

    def stop(self, reason: SwapError | None = None) -> None:
        """Stops the batch. Only the first call counts."""
        if not self.is_stopped:
            self.is_stopped = True
            self.reason = reason
            self._on_stop()

    def check(self) -> None:
        """Raises `Stopped` once the batch is stopped."""
        if self.is_stopped:
            raise Stopped("the batch submits nothing more")
