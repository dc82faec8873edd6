"""The fixtures, and the mark with the settings of a test's emulator."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from segmind_swap import SwapClient
from segmind_swap.emulator import Emulator

from ._clients import ANY_KEY, connect

MARK = "segmind_emulator"

_DEFAULTS: dict[str, Any] = {"duration": 0.05, "engine": "none"}


def pytest_configure(config: pytest.Config) -> None:
    """Registers the mark, so that ``--strict-markers`` accepts it."""
    config.addinivalue_line("markers", f"{MARK}(**settings): the settings of this test's emulator")


@pytest.fixture
def segmind_emulator(request: pytest.FixtureRequest) -> Emulator:
    """An emulator for one test. Its jobs take 0.05 s and return a picture of 8 x 8 pixels.

    ``@pytest.mark.segmind_emulator(rate_limit=5, faults=[...])`` on a test, a class or a module changes the
    settings of the emulator. For each setting, the mark nearest to the test counts.
    """
    settings = dict(_DEFAULTS)
    for mark in reversed(list(request.node.iter_markers(MARK))):
        if mark.args:
            raise pytest.UsageError(f"{MARK} takes settings by name, not {mark.args!r}")
        settings.update(mark.kwargs)
    return Emulator(**settings)


@pytest.fixture
def swap_client_factory(segmind_emulator: Emulator) -> Callable[..., SwapClient]:
    """Makes clients for ``segmind_emulator``, without a socket: `connect`, called with the emulator."""
    return partial(connect, segmind_emulator)


@pytest.fixture
def segmind_url(segmind_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of ``segmind_emulator`` on a real socket, while the test runs.

    ``SEGMIND_BASE_URL`` and ``SEGMIND_API_KEY`` are set meanwhile, so that a plain ``SwapClient()`` calls the
    emulator, in this process and in processes that the test starts.
    """
    with segmind_emulator.serve() as url:
        monkeypatch.setenv("SEGMIND_BASE_URL", url)
        monkeypatch.setenv("SEGMIND_API_KEY", segmind_emulator.api_key or ANY_KEY)
        yield url
