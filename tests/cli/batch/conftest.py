"""Fixtures of the tests of `batch`."""

from collections.abc import Iterator

import pytest

from ..processes import an_emulator
from .shell import Shell


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Runs commands against an emulator that is a thousand times as fast as the service."""
    with an_emulator(speed=1000.0) as (emulator, service):
        for name, value in service.items():
            monkeypatch.setenv(name, value)
        yield Shell(emulator, monkeypatch)
