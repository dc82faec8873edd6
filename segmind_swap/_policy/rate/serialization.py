"""The state of the rate limit's rules as JSON, to be read by another process.

What is written down is the age of each moment, because the clock of an event loop means nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any

from .state import Closure, PollEvidence, RateState, Stage


def state_to_json(state: RateState, now: float) -> dict[str, Any]:
    """The state as a value of JSON, in which each moment is its age in seconds."""
    return _written(state, now)


def state_from_json(value: Mapping[str, Any], now: float) -> RateState:
    """The state of a value of `state_to_json`, whose ages are counted back from `now`."""
    state: RateState = _read(RateState, value, now)
    return state


def _written(state: object, now: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for known in fields(state):  # type: ignore[arg-type]
        value = getattr(state, known.name)
        if known.name == "closures":
            value = {call: _written(closure, now) for call, closure in value.items()}
        elif known.name == "evidence":
            value = _written(value, now)
        elif known.metadata:
            value = _shifted(value, now)
        found[known.name] = value
    return found


def _read(cls: type[Any], value: Mapping[str, Any], now: float) -> Any:
    found: dict[str, Any] = {}
    for known in fields(cls):
        found[known.name] = _read_field(known, value[known.name], now)
    return cls(**found)


def _read_field(known: Field[Any], value: Any, now: float) -> Any:
    match known.name:
        case "closures":
            return {call: _read(Closure, closure, now) for call, closure in value.items()}
        case "evidence":
            return _read(PollEvidence, value, now)
        case "stage":
            return Stage(value)
        case _:
            return _shifted(value, now) if known.metadata else value


def _shifted(value: Any, now: float) -> Any:
    """A moment as its age, or an age as its moment."""
    if isinstance(value, list):
        return [now - moment for moment in value]
    return None if value is None else now - value
