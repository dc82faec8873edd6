"""Names settings as the command line names them. The library's messages name settings as Python does.

A message of the library writes a setting in backticks, such as `max_in_flight`. A remark in round brackets
may advise to change a setting. The remark is removed if the running command has no option for the setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

SETTINGS: dict[str, str] = {
    # Of `SwapClient` and its values.
    "api_key": "SEGMIND_API_KEY",
    "base_url": "SEGMIND_BASE_URL",
    "allow_http": "allow_http",
    "timeout": "timeout",
    "max_in_flight": "concurrency",
    "max_submitted": "",
    "max_image_bytes": "",
    "on_event": "",
    "proxy": "",
    "verify": "",
    "workflow": "",
    "auth": "",
    "PollPolicy.interval": "poll_interval",
    "RateLimit.requests_per_minute": "rpm",
    # Of its methods.
    "concurrency": "concurrency",
    "journal": "journal",
    "save_to": "out",
    "overwrite": "overwrite",
    "budget_usd": "budget",
    "price_usd": "price",
    "failed_runs_are_free": "failed_is_free",
    "retry_failed": "retry_failed",
    "once_per_picture": "once_per_picture",
    "max_futile": "max_futile",
    "max_failed": "max_failed",
    # Of `Journal`.
    "resubmit": "resubmit",
    "abandon": "abandon",
    "wait_again": "wait_again",
    "poll_url": "poll_url",
    # A method of the client, and a command of the same name.
    "reconcile": "",
    # Of a call of a service.
    "pay_again": "",
    # Of the emulator.
    "port": "port",
    "host": "host",
    "speed": "speed",
    "allow_remote": "allow_remote",
    "rate_limit": "rate_limit",
    "credits_usd": "credits",
    "engine": "engine",
}
"""Each setting that a message may name, and the parameter of a command, or the environment variable, for it.

Empty for a setting that only Python has.
"""

_options: ContextVar[Mapping[str, str]] = ContextVar("options", default=MappingProxyType({}))
_NAME = re.compile(r"`([A-Za-z_][\w.]*)`")
_REMARK = re.compile(r" ?\([^()]*\)")


@contextmanager
def options_of_command(options: Mapping[str, str]) -> Iterator[None]:
    """While the block runs, `options` are the options of the running command, by the names of parameters."""
    token = _options.set(options)
    try:
        yield
    finally:
        _options.reset(token)


def with_option_names(message: str) -> str:
    """The message with the options of the running command, instead of the names of Python's settings."""
    return _NAME.sub(lambda found: _shown(found[1], found[0]), _REMARK.sub(_kept_remark, message))


def message_of(error: BaseException) -> str:
    """The message of an error with the options of the running command."""
    return with_option_names(str(error))


def _kept_remark(remark: re.Match[str]) -> str:
    names = [name for name in _NAME.findall(remark[0]) if name in SETTINGS]
    return remark[0] if all(map(_option_of, names)) else ""


def _shown(name: str, as_written: str) -> str:
    if name not in SETTINGS:
        return as_written
    return _option_of(name) or name.rpartition(".")[2].replace("_", " ")


def _option_of(setting: str) -> str | None:
    """The option of the running command, or the environment variable; None if there is neither."""
    wanted = SETTINGS[setting]
    return wanted if wanted.isupper() else _options.get().get(wanted)
