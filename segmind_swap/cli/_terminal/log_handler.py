"""Show the library's logged errors on standard error, because an error may name a job that is paid."""

from __future__ import annotations

import logging
import sys

from .text import printable


class StderrLogHandler(logging.Handler):
    """Prints each log record on standard error.

    `sys.stderr` is looked up for each record: while a live display runs, rich replaces `sys.stderr`, and
    prints the record above the display.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Prints the message of a log record. A record that cannot be printed raises nothing."""
        try:
            sys.stderr.write(f"segmind-swap: {printable(record.getMessage())}\n")
        except Exception:
            self.handleError(record)
