"""Choose the service of a command: Segmind's, or an emulator started for this command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from segmind_swap import PollPolicy

from ._emulator_engine import Engine
from ._terminal.console import print_text
from ._terminal.errors import exit_with_error
from ._terminal.exit_codes import ExitCode
from ._terminal.install_hint import install_hint

if TYPE_CHECKING:
    from segmind_swap.emulator import Emulator, Fault

_ALLOW_HTTP = "SEGMIND_ALLOW_HTTP"
_API_KEY = "emulator-key"
_SPEED = 20.0
_POLL_INTERVAL = 0.25
_CREDITS_USD = 100.0
_CREDITS_OF_ONE_RUN_USD = 1_000_000.0
"""High, so that a large batch with `--emulator` does not stop because the play money is spent."""


@contextmanager
def client_settings(
    *,
    emulator: bool = False,
    engine: Engine = Engine.SHEET,
    allow_http: bool = False,
    needs_key: bool = True,
    has_emulator: bool = True,
) -> Iterator[dict[str, Any]]:
    """Yields the arguments of a `SwapClient`. With `emulator`, an emulator runs while the block runs.

    In this emulator, a pair that the engine cannot swap gives the sheet, which says why: the command shows
    what the two pictures are for, and is no test of the pictures.

    `has_emulator` says whether the command has an option `--emulator`, which the message then names.
    """
    with _http_allowed() if allow_http else nullcontext():
        if emulator:
            service = new_emulator(
                speed=_SPEED, credits_usd=_CREDITS_OF_ONE_RUN_USD, engine=engine, impossible="sheet"
            )
            with service.serve() as url:
                yield emulator_settings(url)
        elif os.environ.get("SEGMIND_API_KEY"):
            yield {}
        elif needs_key:
            free = "--emulator and `segmind-swap demo` need" if has_emulator else "`segmind-swap demo` needs"
            exit_with_error(
                ExitCode.USAGE,
                "there is no API key: make a key in Segmind's console, and set SEGMIND_API_KEY to it."
                f" {free} no key, and cost{'' if has_emulator else 's'} nothing",
            )
        else:
            yield {"api_key": "none"}


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Ends the command with the command that installs the extra, if an import inside the block fails."""
    try:
        yield
    except ImportError:
        exit_with_error(ExitCode.USAGE, install_hint(what, extra))


@contextmanager
def _http_allowed() -> Iterator[None]:
    """Sets `SEGMIND_ALLOW_HTTP` while the block runs.

    The client's argument `allow_http` would also accept pictures from any `http://` host.
    """
    before = os.environ.get(_ALLOW_HTTP)
    os.environ[_ALLOW_HTTP] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ALLOW_HTTP]
        else:
            os.environ[_ALLOW_HTTP] = before


def emulator_settings(url: str) -> dict[str, Any]:
    """The arguments of a `SwapClient` for an emulator. Its jobs are fast, so the poll interval is short."""
    return {"api_key": _API_KEY, "base_url": url, "polling": PollPolicy(interval=_POLL_INTERVAL)}


def new_emulator(
    *,
    speed: float,
    faults: Sequence[Fault] = (),
    credits_usd: float = _CREDITS_USD,
    rate_limit: int | None = None,
    seed: int = 0,
    engine: Engine = Engine.SHEET,
    impossible: Literal["fail", "sheet"] = "fail",
    switches: Mapping[str, Any] | None = None,
) -> Emulator:
    """Makes an emulator. A missing extra or a wrong setting ends the command with a message.

    Imported lazily: the emulator needs the extra `emulator`, which most commands do not need.
    """
    with needs_extra("the emulator", "emulator"):
        from segmind_swap.emulator import Emulator  # noqa: PLC0415
    try:
        with needs_extra("the preview", "preview"):
            return Emulator(
                speed=speed,
                api_key=_API_KEY,
                faults=faults,
                credits_usd=credits_usd,
                rate_limit=rate_limit,
                seed=seed,
                engine=engine.value,
                impossible=impossible,
                **(switches or {}),
            )
    except ValueError as exc:
        exit_with_error(ExitCode.USAGE, str(exc))


def parse_faults(lines: Sequence[str]) -> tuple[Fault, ...]:
    """Parses the values of `--fault`. A value that cannot be parsed ends the command with a message."""
    with needs_extra("the emulator", "emulator"):
        from segmind_swap.emulator import parse_fault  # noqa: PLC0415
    try:
        return tuple(parse_fault(line) for line in lines)
    except ValueError as exc:
        exit_with_error(ExitCode.USAGE, f"--{exc}")


def parse_switches(lines: Sequence[str]) -> dict[str, Any]:
    """Parses the values of `--switch`. A value that cannot be parsed ends the command with a message."""
    with needs_extra("the emulator", "emulator"):
        from segmind_swap.emulator import parse_switch  # noqa: PLC0415
    switches: dict[str, Any] = {}
    for line in lines:
        try:
            name, value = parse_switch(line)
        except ValueError as exc:
            exit_with_error(ExitCode.USAGE, str(exc))
        if name in switches:
            exit_with_error(ExitCode.USAGE, f"switch {line!r}: {name} is given a second time")
        switches[name] = value
    return switches


def print_switches() -> None:
    """Prints the switches of the emulator and their values."""
    with needs_extra("the emulator", "emulator"):
        from segmind_swap.emulator import describe_switches  # noqa: PLC0415
    print_text(describe_switches())
