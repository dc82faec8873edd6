"""For tests of programs that swap: an emulator as a pytest fixture, clients for it, and a check of its bill.

Put ``pytest_plugins = ["segmind_swap.testing"]`` into the ``conftest.py`` at the root of your tests. pytest
does not load the plugin automatically: that would import this package in every run of pytest, before coverage
starts to measure. Needs the extra ``segmind-swap[testing]``.

No fixture is asynchronous: the fixtures work with every pytest plugin for asyncio or trio, and without one.
"""

try:
    import pytest
except ImportError as _error:
    raise ImportError("`segmind_swap.testing` needs pytest: install `segmind-swap[testing]`") from _error

# The contracts consist of assert statements, which `python -O` would remove: rewritten, they are executed.
pytest.register_assert_rewrite("segmind_swap.testing.contracts")

from ._bill import assert_billed_once  # noqa: E402
from ._clients import connect  # noqa: E402
from ._fixtures import pytest_configure, segmind_emulator, segmind_url, swap_client_factory  # noqa: E402

__all__ = [
    "assert_billed_once",
    "connect",
    "pytest_configure",
    "segmind_emulator",
    "segmind_url",
    "swap_client_factory",
]
