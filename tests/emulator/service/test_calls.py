"""The log of calls: counted by kind, with an end to what is kept."""

import pytest

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._service import calls

from ..calling import KEY, connect, submit


async def test_a_call_tells_which_headers_carried_a_key() -> None:
    emulator = Emulator()
    async with connect(emulator, authorization="Bearer emulator-key") as client:
        await submit(client)
        await client.get("/v1/get-user-credits", headers=KEY)
    async with connect(emulator, accept="*/*") as client:
        await client.get("/files/x.png")
    assert [call.schemes for call in emulator.calls] == [("bearer",), ("bearer", "x-api-key"), ()]
    assert [(call.kind, call.number, call.status) for call in emulator.calls] == [
        ("submit", 1, 200),
        ("credits", 1, 200),
        ("file", 1, 404),
    ]


async def test_calls_are_counted_beyond_those_that_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CALLS_KEPT", 3)
    emulator = Emulator()
    async with connect(emulator) as client:
        for _ in range(5):
            await client.get("/files/x")
    assert emulator.count("file") == 5
    assert [call.number for call in emulator.calls] == [3, 4, 5]
