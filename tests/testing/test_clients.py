"""Clients of an emulator in the same process."""

import pytest

from segmind_swap.emulator import Emulator, Fault
from segmind_swap.testing import connect

from ..support.pytest_project import swap


async def test_a_client_of_an_emulator_takes_every_setting_of_a_client() -> None:
    emulator = Emulator(duration=30, faults=[Fault(on="credits", status=401)])
    with pytest.raises(TypeError, match="shape"):
        connect(emulator, shape="round")
    async with connect(emulator, timeout=10.0) as client:
        with pytest.raises(TimeoutError):
            await swap(client)
