"""The paths and methods of the API, and what any other is answered."""

import pytest

from segmind_swap.emulator import Emulator

from ..calling import PAYLOADS, WORKFLOW, connect


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_answered_with_a_page(method: str) -> None:
    async with connect(Emulator()) as client:
        response = await client.request(method, WORKFLOW)
    assert (response.status_code, response.text) == (405, PAYLOADS["F38"]["text"])
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["allow"] == "POST"


async def test_an_unknown_path_is_answered_with_a_page_and_not_counted() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await client.get("/v1/other")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert not emulator.calls
