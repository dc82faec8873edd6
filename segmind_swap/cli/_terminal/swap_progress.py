"""The progress of one swap on standard error: a live line on a terminal, else a line for each change."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import RenderableType
from rich.spinner import Spinner
from rich.text import Text

from segmind_swap import (
    Accepted,
    Completed,
    Event,
    Polled,
    RateLimited,
    RetryScheduled,
    Submitting,
    SwapJob,
    Uploaded,
)

from .live_display import LiveDisplay
from .text import one_line, printable


class SwapProgress:
    """Shows the state of a swap and the seconds since the start. Pass it to a client as `on_event`.

    Args:
        on_accepted: Called with the job as soon as the job is accepted. The returned text stays visible.
        state: What the command does first.

    Attributes:
        job: The job, after the service accepted it.
        is_submitting: Whether a submit was sent whose answer is not known.
        display: A context manager that shows the line while the swap runs.
    """

    def __init__(
        self,
        on_accepted: Callable[[SwapJob], str | None] = lambda job: None,
        *,
        state: str = "checking the pictures",
    ) -> None:
        self._on_accepted = on_accepted
        self.job: SwapJob | None = None
        self.is_submitting = False
        self._state = state
        self._started = time.monotonic()
        self._spinner = Spinner("dots")
        self.display = LiveDisplay(self._render, transient=True)

    def __call__(self, event: Event) -> None:
        """Updates the state from an event of the client."""
        match event:
            case Uploaded():
                self._show("uploaded a picture")
            case Submitting():
                self.is_submitting = True
                self._show("submitting")
            case Accepted(job=job):
                self.job = job
                self.is_submitting = False
                hint = self._on_accepted(job)
                self._show(f"accepted as {job.name}")
                if hint is not None:
                    self.display.print_above(Text(printable(hint)))
            case Polled(status=status):
                note = f" (the service says {status.note})" if status.note else ""
                self._show(f"{status.state.value.lower()}{note}")
            case RetryScheduled(call=call, cause=cause, delay=delay):
                # A second submit may be paid a second time: its word must not be that of a free call.
                again = "submitting again" if call == "submit" else "trying again"
                self._show(f"{cause}; {again} in {delay:.1f} s")
            case RateLimited(call=call, delay=delay):
                self._show(f"rate limited (429): next {call} in {delay:.0f} s")
            case Completed():
                self._show("saving the picture")
            case _:
                pass

    def _show(self, state: str) -> None:
        state = one_line(state)
        if state != self._state:
            self.display.print_unless_live(f"{self.seconds:6.1f} s  {state}")
        self._state = state

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def _render(self) -> RenderableType:
        self._spinner.update(text=Text(f"{self.seconds:5.1f} s  {self._state}", overflow="ellipsis"))
        return self._spinner
