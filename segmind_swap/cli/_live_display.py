"""Where progress is shown, on standard error: alive on a terminal, as plain lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ._text import plain


class Screen:
    """Redraws `picture()` while it is entered, if there is a terminal; else prints what it is told.

    With `transient`, nothing of the picture stays behind.
    """

    def __init__(self, picture: Callable[[], RenderableType], *, transient: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._lives = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(
            get_renderable=picture, console=self._console, refresh_per_second=8, transient=transient
        )

    def say(self, line: str) -> None:
        """Prints a line, unless the picture shows it."""
        if not self._lives:
            self._console.print(Text(plain(line)), soft_wrap=True)

    def keep(self, line: Text) -> None:
        """Prints a line that stays, above the picture if there is one."""
        self._console.print(line, soft_wrap=not self._lives)

    def __enter__(self) -> Self:
        if self._lives:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
