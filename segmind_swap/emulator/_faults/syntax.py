"""The one-line syntax of a fault, for the command line and the page: ``poll:502:10%``."""

import re
import sys
from collections.abc import Callable
from typing import Any, get_args

from .._service.calls import Kind
from .encoding import Encoding
from .fault import Cut, Fault, Malformed

_CUTS: dict[str, Cut] = {
    "cut": "after-body",
    "cut-before-body": "before-body",
    "cut-after-body": "after-body",
    "cut-mid-answer": "mid-answer",
}
_BILLED = {"billed": True, "unbilled": False}

_NUMBER = r"\d+(?:\.\d+)?"

HELP = (
    "a status (502), cut, cut-before-body, cut-mid-answer, html, truncated, empty, list, not-utf8, "
    f"{', '.join(get_args(Encoding))}, "
    "a delay (2s), call numbers (#3, #3,5 or #3-7), a share (10%), how many times (x2), a window (10s-20s), "
    "a header (retry-after=2), billed or unbilled"
)


def parse_fault(text: str) -> Fault:
    """Parse a fault from one line: the kind of call, then what happens and when, separated by colons.

    ``submit:#3:cut`` cuts the connection of the third submit, ``poll:502:10%`` answers a tenth of the polls
    with a 502, ``submit:504:billed:x1`` starts the job of the next submit and answers 504.

    Raises:
        ValueError: the line is not a fault; the message names the part that is wrong.
    """
    kind, *parts = [part.strip() for part in text.split(":")]
    kinds = get_args(Kind)
    if kind not in kinds:
        raise ValueError(f"fault {text!r}: {kind!r} is no kind of call; there are {', '.join(kinds)}")
    fields: dict[str, Any] = {"on": kind}
    headers: dict[str, str] = {}
    for part in parts:
        name, value = _read(part, text)
        if name == "headers":
            headers.update(value)
        elif name in fields:
            raise ValueError(f"fault {text!r}: {part!r} gives {name} a second time")
        else:
            fields[name] = value
    if headers:
        fields["headers"] = headers
    try:
        return Fault(**fields)
    except ValueError as problem:
        raise ValueError(f"fault {text!r}: {str(problem).removeprefix('Fault: ')}") from None


def _read(part: str, text: str) -> tuple[str, Any]:
    if part in _CUTS:
        return "cut", _CUTS[part]
    if part in get_args(Malformed):
        return "malformed", part
    if part in get_args(Encoding):
        return "encoding", part
    if part in _BILLED:
        return "accepts", _BILLED[part]
    for pattern, name, value in _FORMS:
        if match := pattern.fullmatch(part):
            return name, value(match)
    raise ValueError(f"fault {text!r}: {part!r} is not understood; there are {HELP}")


def _calls(match: re.Match[str]) -> Any:
    first, dash, last = match[1].partition("-")
    if dash:
        return range(int(first), int(last) + 1 if last else sys.maxsize)
    return tuple(int(number) for number in match[1].split(","))


_FORMS: tuple[tuple[re.Pattern[str], str, Callable[[re.Match[str]], Any]], ...] = (
    (re.compile(r"([1-9]\d\d)"), "status", lambda match: int(match[1])),
    (re.compile(r"#(\d{1,9}(?:,\d{1,9})*|\d{1,9}-(?:\d{1,9})?)"), "calls", _calls),
    (re.compile(rf"({_NUMBER})%"), "probability", lambda match: float(match[1]) / 100),
    (re.compile(r"x(\d{1,9})"), "times", lambda match: int(match[1])),
    (
        re.compile(rf"({_NUMBER})s-(?:({_NUMBER})s)?"),
        "window",
        lambda match: (float(match[1]), float(match[2] or "inf")),
    ),
    (re.compile(rf"({_NUMBER})s"), "delay", lambda match: float(match[1])),
    (re.compile(r"([A-Za-z0-9-]+)=([\x20-\x7e]*)"), "headers", lambda match: {match[1].lower(): match[2]}),
)
