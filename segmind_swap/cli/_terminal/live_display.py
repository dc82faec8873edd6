"""A display on standard error that is redrawn on a terminal; without a terminal, plain lines."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from .console import console, errors_logged
from .text import printable


class LiveDisplay:
    """Redraws the result of `render()` eight times a second. A context manager: the block starts and ends it.

    Where standard error is no terminal, nothing is redrawn, and `print_unless_live` prints lines instead.
    With `transient`, the last drawing is erased at exit. An error of `render()` is logged, and ends nothing.
    """

    def __init__(self, render: Callable[[], RenderableType], *, transient: bool) -> None:
        self._console = console(stderr=True)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        # A drawing that is wider than the terminal is cut; a printed line is not.
        self._console.soft_wrap = not self._is_live
        self._live = Live(
            get_renderable=render, console=self._console, refresh_per_second=8, transient=transient
        )

    def print_unless_live(self, line: str) -> None:
        """Prints a line, unless the display is live and shows the same fact."""
        if not self._is_live:
            with errors_logged():
                self._console.print(Text(printable(line)))

    def print_above(self, line: Text) -> None:
        """Prints a line that is never erased; a live display continues below it."""
        with errors_logged():
            self._console.print(line)

    def __enter__(self) -> Self:
        if self._is_live:
            with errors_logged():
                self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with errors_logged():
            self._live.stop()
