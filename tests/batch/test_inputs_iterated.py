"""The requests of a batch: any iterable, taken from one at a time, and closed when the batch ends."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from segmind_swap import ConfigurationError, SwapRequest
from segmind_swap._batch.inputs import each, listed


def request(number: int) -> SwapRequest:
    return SwapRequest(
        id=f"s{number}",
        reference_character_image="https://pictures.example/hero.png",
        character_image=f"https://pictures.example/{number}.png",
    )


REQUESTS = [request(number) for number in range(3)]


async def generated() -> AsyncIterator[SwapRequest]:
    for swap in REQUESTS:
        await anyio.sleep(1)
        yield swap


class Iterated:
    """An async iterable that is no generator and has no `aclose`."""

    def __aiter__(self) -> AsyncIterator[SwapRequest]:
        return generated()


@pytest.mark.parametrize(
    "make",
    [lambda: REQUESTS, lambda: tuple(REQUESTS), lambda: iter(REQUESTS), generated, Iterated],
    ids=["list", "tuple", "iterator", "async generator", "async iterable"],
)
async def test_every_kind_of_iterable_gives_its_requests_in_order(make: Any) -> None:
    assert await listed(make()) == REQUESTS


async def test_no_requests_are_no_mistake() -> None:
    assert await listed([]) == []


async def test_a_request_is_taken_only_when_it_is_asked_for() -> None:
    taken: list[int] = []

    def requests() -> Iterator[SwapRequest]:
        for number in range(3):
            taken.append(number)
            yield request(number)

    async with aclosing(each(requests())) as stream:
        assert taken == []
        await anext(stream)
        assert taken == [0]
        await anext(stream)
        assert taken == [0, 1]


async def test_an_async_generator_is_closed_when_its_reader_leaves_early() -> None:
    closed = False

    async def requests() -> AsyncIterator[SwapRequest]:
        nonlocal closed
        try:
            yield request(0)
            yield request(1)
        finally:
            await anyio.sleep(1)
            closed = True

    async with aclosing(each(requests())) as stream:
        await anext(stream)
    assert closed


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ({"id": "a"}, "a mapping"),
        (("hero.png", "street.png"), "a tuple"),
        ("street.png", "a str"),
        (None, "a NoneType"),
        (b"street.png", "a bytes"),
    ],
)
async def test_what_is_no_request_is_refused_by_its_type_after_those_before_it(
    wrong: Any, shown: str
) -> None:
    seen = []
    with pytest.raises(ConfigurationError, match=f"not {shown}$"):
        async for swap in each([request(0), wrong, request(2)]):
            seen.append(swap)  # noqa: PERF401 - what was seen before it raised
    assert seen == [request(0)]


async def test_an_async_generator_whose_value_is_no_request_is_closed() -> None:
    closed = False

    async def requests() -> AsyncIterator[Any]:
        nonlocal closed
        try:
            yield "street.png"
        finally:
            closed = True

    with pytest.raises(ConfigurationError, match="not a str"):
        await listed(requests())
    assert closed


async def test_what_the_callers_iterable_raises_passes_unchanged() -> None:
    async def requests() -> AsyncIterator[SwapRequest]:
        yield request(0)
        raise LookupError("row 2 is broken")

    with pytest.raises(LookupError, match="row 2 is broken"):
        await listed(requests())
