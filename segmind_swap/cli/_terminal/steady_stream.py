"""Standard streams that go silent instead of failing, so that no message can end a paid command."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, TextIO, cast


class SteadyStream:
    """A text stream whose writes raise nothing after the terminal, the pipe or the disk behind it is gone.

    Args:
        stream: The stream.
        only: The error numbers that make the stream silent; None for every `OSError`.
    """

    def __init__(self, stream: TextIO, *, only: frozenset[int] | None = None) -> None:
        self._stream = stream
        self._only = only

    def write(self, text: str) -> int:
        """Writes the text, unless the stream is silent."""
        try:
            return self._stream.write(text)
        except OSError as exc:
            self._silence(exc)
            return len(text)

    def flush(self) -> None:
        """Writes what is buffered, unless the stream is silent."""
        try:
            self._stream.flush()
        except OSError as exc:
            self._silence(exc)

    def _silence(self, error: OSError) -> None:
        if self._only is not None and error.errno not in self._only:
            raise error
        # The buffer still has the text, and Python writes the buffer at exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def steady_standard_streams() -> None:
    """Makes standard error silent after any error, and standard output after the end of its terminal.

    Other errors of standard output are raised: a script must notice that the result is missing.
    """
    if sys.stderr is not None:
        sys.stderr = cast("TextIO", SteadyStream(sys.stderr))
    if sys.stdout is not None:
        sys.stdout = cast("TextIO", SteadyStream(sys.stdout, only=frozenset({errno.EIO})))
