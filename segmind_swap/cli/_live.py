"""One line that lives while a swap runs; plain lines where nobody watches. Both on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
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


class LiveLine:
    """Shows state and seconds. Given to a client as its `on_event`."""

    def __init__(self) -> None:
        self.job: SwapJob | None = None
        self._console = console = Console(stderr=True, highlight=False)
        self._state = "checking the pictures"
        self._started = time.monotonic()
        self._spinner = Spinner("dots")
        self._live = Live(
            get_renderable=self._line,
            console=console,
            refresh_per_second=8,
            transient=True,
            auto_refresh=True,
        )

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

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _show(self, state: str) -> None:
        if state != self._state and not self._console.is_terminal:
            self._console.print(f"{self._seconds:6.1f} s  {state}", markup=False, soft_wrap=True)
        self._state = state

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _line(self) -> RenderableType:
        self._spinner.update(text=Text(f"{self._seconds:5.1f} s  {self._state}", overflow="ellipsis"))
        return self._spinner
