"""What is read of a request: the body up to a limit, and the base URL."""

from typing import Any

import pytest
from starlette.types import Receive

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._service.requests import ClientDisconnectedError, base_url_of, read_body

from ..calling import SWAP, WORKFLOW, connect


async def test_the_poll_url_is_built_from_the_address_that_was_called() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        response = await client.post(f"http://segmind.test:8080{WORKFLOW}", json=SWAP)
    assert response.json()["poll_url"].startswith("http://segmind.test:8080/workflows/request/")


def receiver(*messages: dict[str, Any]) -> Receive:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


async def test_a_body_is_joined_from_its_pieces() -> None:
    receive = receiver(
        {"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"cd"}
    )
    assert await read_body(receive, limit_bytes=4) == b"abcd"


async def test_a_body_beyond_the_limit_is_not_read_on() -> None:
    # A third message is not there to be read.
    receive = receiver(
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"cd", "more_body": True},
    )
    assert await read_body(receive, limit_bytes=3) is None


async def test_a_client_that_disconnects_inside_its_body_is_an_error() -> None:
    receive = receiver(
        {"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.disconnect"}
    )
    with pytest.raises(ClientDisconnectedError):
        await read_body(receive, limit_bytes=10)


def test_the_base_url_is_the_address_that_the_client_wrote() -> None:
    scope = {"type": "http", "scheme": "http", "server": ("127.0.0.1", 8765), "headers": []}
    assert str(base_url_of(scope)) == "http://127.0.0.1:8765/"
    named = {**scope, "headers": [(b"host", b"segmind.test:80"), (b"host", b"second.test")]}
    assert str(base_url_of(named)) == "http://segmind.test:80/"
