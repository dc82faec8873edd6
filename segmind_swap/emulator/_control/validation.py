"""Validates what the controls receive over HTTP: JSON fields, query parameters and faults."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from .._faults.fault import Fault
from .._faults.syntax import parse_fault

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_FRAMING = {"content-length", "transfer-encoding", "connection"}


def read_fields(body: bytes, *allowed: str) -> dict[str, Any]:
    """The fields of a JSON object. An empty body has no fields.

    Raises:
        ValueError: the body is not a JSON object, or has a field that is not ``allowed``; the message names
            the field.
    """
    if not body.strip():
        return {}
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError("the body must be a JSON object")
    for name in found:
        if name not in allowed:
            raise ValueError(f"there is no field {name[:80]!r}; there are {', '.join(allowed) or 'none'}")
    return found


def read_number(value: Any, name: str) -> float:
    """A finite number, positive or negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
        raise ValueError(f"{name} must be a number, not {_seen(value)}")
    return float(value)


def read_query(query: Mapping[str, str], *allowed: str) -> dict[str, str]:
    """The parameters of a query.

    Raises:
        ValueError: a parameter is not ``allowed``; the message names the parameter.
    """
    for name in query:
        if name not in allowed:
            raise ValueError(f"there is no parameter {name[:80]!r}; there are {', '.join(allowed) or 'none'}")
    return dict(query)


def read_count(query: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    """A whole number from 1 to ``most``, from a query."""
    text = query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,15}", text) or not 1 <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}, not {_seen(text)}")
    return int(text)


def read_fault(given: dict[str, Any]) -> Fault:
    """A fault, from the fields of `Fault` or from one line in ``rule``.

    Raises:
        ValueError: a field is wrong; the message names the field.
    """
    if "rule" in given:
        if len(given) > 1:
            raise ValueError("rule describes the whole fault: give no other field with rule")
        if not isinstance(given["rule"], str):
            raise ValueError(f"rule must be a text such as 'poll:502:10%', not {_seen(given['rule'])}")
        return parse_fault(given["rule"])
    if "on" not in given:
        raise ValueError("on must name the kind of call, or rule must describe the whole fault")
    read = {name: _READ[name](value, name) for name, value in given.items() if value is not None}
    try:
        return Fault(**read)
    except ValueError as problem:
        raise ValueError(str(problem).removeprefix("Fault: ")) from None


FAULT_FIELDS = (*(field.name for field in fields(Fault)), "rule")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {_seen(value)}")
    return value


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, not {_seen(value)}")
    return value


def _calls(value: Any, name: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of call numbers, not {_seen(value)}")
    return tuple(_whole(number, name) for number in value)


def _window(value: Any, name: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{name} must be a list of two numbers, start and end in seconds")
    start, end = value
    return read_number(start, name), float("inf") if end is None else read_number(end, name)


def _body(value: Any, name: str) -> Any:
    if not isinstance(value, str | dict | list):
        raise ValueError(f"{name} must be a text, an object or a list, not {_seen(value)}")
    return value


def _headers(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object of names and texts, not {_seen(value)}")
    for key, text in value.items():
        if not _TOKEN.fullmatch(key) or not isinstance(text, str) or not _PRINTABLE.fullmatch(text):
            raise ValueError(f"{name} must be printable ASCII, which {key[:80]!r} or its value is not")
        if key.lower() in _FRAMING:
            raise ValueError(f"{name} must not contain {key.lower()}: use cut to end a response early")
    return {key.lower(): text for key, text in value.items()}


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {_seen(value)}")
    return value


_READ: dict[str, Callable[[Any, str], Any]] = {
    "on": _text,
    "calls": _calls,
    "probability": read_number,
    "window": _window,
    "times": _whole,
    "delay": read_number,
    "status": _whole,
    "body": _body,
    "headers": _headers,
    "malformed": _text,
    "encoding": _text,
    "cut": _text,
    "accepts": _flag,
}


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _seen(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
