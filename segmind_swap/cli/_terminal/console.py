"""The only place that prints: every command makes its consoles and prints its lines here.

`steady_stream` makes sure that these prints raise nothing. rich and pydantic are imported when they are
needed: `--version` needs neither.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_logger = logging.getLogger("segmind_swap.cli")


def console(*, stderr: bool = False) -> Console:
    """A console that changes no text: numbers get no colour, `:cat:` stays, and long lines stay one line."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=True)


def status_display(text: str) -> Status:
    """A spinner and a text on standard error while a block runs; without a terminal, nothing."""
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True, highlight=False, emoji=False).status(escape(text))


def print_text(text: str) -> None:
    """Prints a text on standard output, without colours and markup."""
    print(printable(text))


def print_json(value: object) -> None:
    """Prints a value, or one of the client's models, as one line of JSON in ASCII on standard output.

    ASCII, because a path may have characters that the encoding of standard output cannot spell, or may be no
    UTF-8 at all: pydantic's own JSON refuses such a path.
    """
    from pydantic import BaseModel

    print(json.dumps(value.model_dump(mode="json") if isinstance(value, BaseModel) else value))


@contextmanager
def errors_logged() -> Iterator[None]:
    """Logs an error of the block instead of raising it: what only shows progress must not end a paid swap."""
    try:
        yield
    except Exception as exc:
        _logger.error("the progress could not be shown: %r", exc)  # noqa: TRY400 - one line is enough
