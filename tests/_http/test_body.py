"""A paid request's body: its last byte is held back, and leaves once."""

import httpx
import pytest

from segmind_swap._http.body import OneShotBody
from segmind_swap._models import Call

from ..support.sessions import Wire, a_submit, http_of, no_response_of


async def test_the_last_byte_comes_by_itself() -> None:
    assert [chunk async for chunk in OneShotBody(b"abcdef")] == [b"abcde", b"f"]


async def test_nothing_has_left_until_just_before_the_last_byte() -> None:
    held = OneShotBody(b"abcdef")
    chunks = aiter(held)
    assert not held.sent
    assert await anext(chunks) == b"abcde"
    assert not held.sent
    assert await anext(chunks) == b"f"
    assert held.sent


async def test_a_body_of_one_byte_is_held_back_whole() -> None:
    held = OneShotBody(b"x")
    chunks = aiter(held)
    given = b""
    while not given:
        assert not held.sent
        given = await anext(chunks)
    assert given == b"x"
    assert held.sent
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)


def test_its_length_is_that_of_the_whole_content() -> None:
    assert len(OneShotBody(b"abcdef")) == 6


async def test_iterating_again_after_the_last_byte_raises() -> None:
    held = OneShotBody(b"abcdef")
    assert b"".join([chunk async for chunk in held]) == b"abcdef"
    with pytest.raises(RuntimeError, match="must not be sent twice"):
        await anext(aiter(held))


async def test_iterating_again_before_the_last_byte_begins_anew() -> None:
    held = OneShotBody(b"abcdef")
    assert await anext(aiter(held)) == b"abcde"
    assert [chunk async for chunk in held] == [b"abcde", b"f"]


async def test_of_two_iterations_side_by_side_only_one_gets_the_last_byte() -> None:
    held = OneShotBody(b"abcdef")
    first, second = aiter(held), aiter(held)
    assert await anext(first) == b"abcde"
    assert await anext(second) == b"abcde"
    assert await anext(first) == b"f"
    with pytest.raises(RuntimeError, match="must not be sent twice"):
        await anext(second)


async def test_a_body_called_back_beforehand_never_gives_its_last_byte() -> None:
    held = OneShotBody(b"abcdef")
    assert held.revoke()
    chunks = aiter(held)
    assert await anext(chunks) == b"abcde"
    with pytest.raises(RuntimeError, match="nobody waits"):
        await anext(chunks)
    assert not held.sent


async def test_a_body_called_back_midway_never_gives_its_last_byte() -> None:
    held = OneShotBody(b"abcdef")
    chunks = aiter(held)
    assert await anext(chunks) == b"abcde"
    assert held.revoke()
    with pytest.raises(RuntimeError, match="nobody waits"):
        await anext(chunks)
    assert not held.sent
    assert held.revoke(), "it stays called back, however often that is asked"


async def test_a_body_of_one_byte_can_be_called_back() -> None:
    held = OneShotBody(b"x")
    assert held.revoke()
    with pytest.raises(RuntimeError, match="nobody waits"):
        assert not any([chunk async for chunk in held])
    assert not held.sent


async def test_a_body_that_has_left_cannot_be_called_back() -> None:
    held = OneShotBody(b"abcdef")
    assert [chunk async for chunk in held][-1] == b"f"
    assert not held.revoke()
    assert held.sent


async def test_a_transport_that_sends_a_request_again_by_itself_pays_once() -> None:
    paid: list[bytes] = []

    async def send_up_to_three_times(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        for _ in range(3):
            body = b"".join([chunk async for chunk in request.stream])
            paid.append(body)
        raise AssertionError("all three were sent")

    http = http_of(Wire(send_up_to_three_times))
    request = a_submit(http, b'{"a":1}')
    async with await http.lease(Call.SUBMIT) as place:
        no_answer = no_response_of(await place.send(request, "bearer", OneShotBody(b'{"a":1}')))
    assert paid == [b'{"a":1}']
    assert no_answer.sent
    assert "must not be sent twice" in no_answer.reason
