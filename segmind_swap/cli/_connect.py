"""Which service a command talks to: the account's own, or an emulator started for the occasion."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from segmind_swap import PollPolicy

from ._emulator_engine import Engine
from ._exit_codes import Exit, give_up

if TYPE_CHECKING:
    from segmind_swap.emulator import Emulator, Fault

_KEY = "emulator-key"
_SPEED = 20.0
_POLLS = 0.25
_MISSING = "the emulator needs: pip install 'segmind-swap[emulator]'"
_CREDITS_USD = 100.0
_CREDITS_OF_ONE_RUN_USD = 1_000_000.0
"""A batch that is tried out on the emulator shall not end for want of play money."""


@contextmanager
def service(*, emulator: bool, needs_key: bool = True) -> Iterator[dict[str, Any]]:
    """The settings of a client of the service that was asked for."""
    if emulator:
        with new_emulator(speed=_SPEED, credits_usd=_CREDITS_OF_ONE_RUN_USD).serve() as url:
            yield settings_for(url)
    elif os.environ.get("SEGMIND_API_KEY"):
        yield {}
    elif needs_key:
        give_up(
            Exit.USAGE,
            "there is no API key: make one in Segmind's console and set SEGMIND_API_KEY."
            " --emulator and `segmind-swap demo` need none, and cost nothing",
        )
    else:
        yield {"api_key": "none"}


def settings_for(url: str) -> dict[str, Any]:
    """The settings of a client of an emulator, which is looked at more often, as it is faster."""
    return {"api_key": _KEY, "base_url": url, "polling": PollPolicy(interval=_POLLS)}


def new_emulator(
    *,
    speed: float,
    faults: Sequence[Fault] = (),
    credits_usd: float = _CREDITS_USD,
    rate_limit: int | None = None,
    count_polls: bool = False,
    seed: int = 0,
    engine: Engine = Engine.SHEET,
) -> Emulator:
    """An emulator; it is imported only when it is asked for, as it needs an extra of its own."""
    try:
        from segmind_swap.emulator import Emulator  # noqa: PLC0415
    except ImportError:
        give_up(Exit.USAGE, _MISSING)
    try:
        return Emulator(
            speed=speed,
            api_key=_KEY,
            faults=faults,
            credits_usd=credits_usd,
            rate_limit=rate_limit,
            count_polls=count_polls,
            seed=seed,
            engine=engine.value,
        )
    except (ImportError, ValueError) as exc:
        give_up(Exit.USAGE, str(exc))


def read_faults(lines: Sequence[str]) -> tuple[Fault, ...]:
    """The faults that were asked for on the command line."""
    try:
        from segmind_swap.emulator import parse_fault  # noqa: PLC0415 - an extra of its own
    except ImportError:
        give_up(Exit.USAGE, _MISSING)
    try:
        return tuple(parse_fault(line) for line in lines)
    except ValueError as exc:
        give_up(Exit.USAGE, str(exc))
