"""For tests of programs that swap: an emulator as a pytest fixture, clients of it, and a look at its bill.

Put ``pytest_plugins = ["segmind_swap.testing"]`` into the ``conftest.py`` at the root of your tests. Nothing
is registered by itself: a plugin that loads itself would import this package in every run of pytest, before
coverage starts to measure. Needs the extra ``segmind-swap[testing]``.

Nothing here is asynchronous, so that it works under any pytest plugin for asyncio or trio, or under none.
"""

try:
    import pytest  # noqa: F401 -- only to see that the extra is there
except ImportError as _error:
    raise ImportError("`segmind_swap.testing` needs pytest: install `segmind-swap[testing]`") from _error

from ._bill import assert_billed_once
from ._clients import connect
from ._fixtures import pytest_configure, segmind_emulator, segmind_url, swap_client_factory

__all__ = [
    "assert_billed_once",
    "connect",
    "pytest_configure",
    "segmind_emulator",
    "segmind_url",
    "swap_client_factory",
]
