"""The one-line syntax of a switch, for the command line: ``output=url``."""

from dataclasses import fields
from typing import Any, get_type_hints

from ._contract import Contract, allowed_values

_WORDS = {True: "yes", False: "no"}


def parse_switch(text: str) -> tuple[str, Any]:
    """Parse a switch from one line, as ``NAME=VALUE``; returns the argument of `Emulator` and its value.

    ``output=url`` gives ``("output", "url")``, ``failed_status=422`` gives ``("failed_status", 422)``. A
    switch that is true or false takes ``yes`` or ``no``.

    Raises:
        ValueError: there is no such switch, or no such value; the message lists what there is.
    """
    name, equals, word = (part.strip() for part in text.partition("="))
    names = [switch.name for switch in fields(Contract)]
    if name not in names:
        raise ValueError(f"switch {text!r}: there is no {name!r}; there are {', '.join(names)}")
    if not equals:
        raise ValueError(f"switch {text!r}: write {name}=VALUE; the values are {_values(name)}")
    allowed = allowed_values(name)
    try:
        value = {_word(value): value for value in allowed}[word] if allowed else _number(name, word)
        given: dict[str, Any] = {name: value}
        Contract(**given)
    except (KeyError, ValueError):
        raise ValueError(f"switch {text!r}: {name} is {_values(name)}, not {word!r}") from None
    return name, value


def describe_switches() -> str:
    """Every switch with what it decides, its values and its default, as lines of text."""
    width = max(len(switch.name) for switch in fields(Contract)) + 2
    lines = []
    for switch in fields(Contract):
        lines.append(f"{switch.name:{width}}{switch.metadata['decides']}")
        lines.append(f"{'':{width}}{_values(switch.name)}; by default {_word(switch.default)}")
    return "\n".join(lines)


def _number(name: str, word: str) -> int | float:
    kind: type[int | float] = get_type_hints(Contract)[name]
    return kind(word)


def _values(name: str) -> str:
    """The values of a switch, in words."""
    allowed = allowed_values(name)
    if allowed:
        return " or ".join(filter(None, (", ".join(map(_word, allowed[:-1])), _word(allowed[-1]))))
    return "a whole number from 1" if get_type_hints(Contract)[name] is int else "a number from 0"


def _word(value: Any) -> str:
    return _WORDS[value] if isinstance(value, bool) else str(value)
