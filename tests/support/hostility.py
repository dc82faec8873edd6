"""Answers that a hostile or broken service may give."""

import re
from collections.abc import Awaitable, Callable

import anyio

from ..conftest import VirtualTimeLoop, virtual_trio

# Controls, lone surrogates, and what turns a line around, hides in it or ends it.
HARM = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
NASTY = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202etxt.exe\u2066\r\n"
    "segmind-swap: forged [bold red]x[/] <script>alert(1)</script>"
)


def assert_harmless(*texts: str | None) -> None:
    for text in filter(None, texts):
        assert HARM.search(text) is None, ascii(text)


def run(loop: str, main: Callable[[], Awaitable[None]]) -> None:
    """Runs it in virtual time: Hypothesis calls plain functions only."""
    options = {"loop_factory": VirtualTimeLoop} if loop == "asyncio" else virtual_trio()
    anyio.run(main, backend=loop, backend_options=options)
