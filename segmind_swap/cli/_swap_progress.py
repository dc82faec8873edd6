"""One line that lives while a swap runs; plain lines where nobody watches. Both on standard error."""

from __future__ import annotations

import time

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

from ._live_display import Screen
from ._text import one_line


class LiveLine:
    """Shows state and seconds. Given to a client as its `on_event`."""

    def __init__(self) -> None:
        self.job: SwapJob | None = None
        self._state = "checking the pictures"
        self._started = time.monotonic()
        self._spinner = Spinner("dots")
        self.screen = Screen(self._line, transient=True)

    def __call__(self, event: Event) -> None:
        """Takes notice of an event."""
        match event:
            case Uploaded():
                self._show("uploaded a picture")
            case Submitting():
                self._show("submitting")
            case Accepted(job=job):
                self.job = job
                self._show(f"accepted as {job.name}")
            case Polled(status=status):
                self._show(status.state.value.lower())
            case RetryScheduled(call=call, cause=cause, delay=delay):
                self._show(f"{cause}; next {call} in {delay:.0f} s")
            case RateLimited(delay=delay):
                self._show(f"rate limited; going on in {delay:.0f} s")
            case Completed():
                self._show("saving the picture")
            case _:
                pass

    def _show(self, state: str) -> None:
        state = one_line(state)
        if state != self._state:
            self.screen.say(f"{self._seconds:6.1f} s  {state}")
        self._state = state

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _line(self) -> RenderableType:
        self._spinner.update(text=Text(f"{self._seconds:5.1f} s  {self._state}", overflow="ellipsis"))
        return self._spinner
