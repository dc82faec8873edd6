"""What the library logs as an error is a line to keep: it may name a job that is paid."""

from __future__ import annotations

import logging
import sys

from ._text import plain


class KeptLines(logging.Handler):
    """Shows log lines on standard error; what lives there replaces `sys.stderr`, and stays below them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Shows one."""
        print(f"segmind-swap: {plain(record.getMessage())}", file=sys.stderr)
