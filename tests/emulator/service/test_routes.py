"""The paths and methods of the API, and what any other is answered."""

import pytest
from starlette.responses import Response

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._service.routes import find_route

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


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/workflows/mine-v1", ("submit", "mine-v1")),
        ("GET", "/workflows/request/7", ("poll", "7")),
        ("GET", "/requests/7", ("poll", "7")),
        ("GET", "/v1/requests/7", ("poll", "7")),
        ("POST", "/upload-asset", ("upload", "upload-asset")),
        ("GET", "/v1/get-user-credits", ("credits", "get-user-credits")),
        ("GET", "/inference-request/request-history", ("history", "")),
        ("GET", "/inference-request/request-history/7", ("history", "7")),
        ("HEAD", "/files/a.png", ("file", "a.png")),
    ],
)
def test_each_path_is_of_one_kind_of_call(method: str, path: str, route: tuple[str, str]) -> None:
    assert find_route({"type": "http", "method": method, "path": path}) == route


@pytest.mark.parametrize(
    "path", ["/workflows/", "/workflows/a/b", "/files/a/b.png", "/requests", "/v2/requests/7"]
)
def test_a_path_that_is_nearly_one_is_not_found(path: str) -> None:
    response = find_route({"type": "http", "method": "GET", "path": path})
    assert isinstance(response, Response)
    assert response.status_code == 404
