"""A value on its way belongs to its giver until a reader has it, and to nobody in between."""

import asyncio

import anyio
import pytest

from segmind_swap._batch.rendezvous import Rendezvous


async def test_values_come_in_the_order_in_which_they_were_offered_and_givers_wait_for_a_reader() -> None:
    handover: Rendezvous[int] = Rendezvous()
    given: list[int] = []

    async def give(value: int) -> None:
        await anyio.sleep(value)
        await handover.send(value)
        given.append(value)

    async with anyio.create_task_group() as group:
        for value in (3, 1, 2):
            group.start_soon(give, value)
        await anyio.sleep(10)
        assert given == []
        assert [await handover.receive() for _ in range(3)] == [1, 2, 3]
    assert sorted(given) == [1, 2, 3]
    handover.close()
    assert await handover.receive() is None


async def test_a_reader_that_waits_learns_of_the_end() -> None:
    handover: Rendezvous[int] = Rendezvous()
    async with anyio.create_task_group() as group:

        async def read() -> None:
            assert await handover.receive() is None

        group.start_soon(read)
        await anyio.sleep(1)
        handover.close()


async def test_what_a_cancelled_giver_offered_is_offered_no_more() -> None:
    handover: Rendezvous[int] = Rendezvous()
    with anyio.move_on_after(1):
        await handover.send(1)
    handover.close()
    assert await handover.receive() is None


@pytest.mark.parametrize("ticks", range(6))
async def test_plain_cancellation_of_a_reader_loses_no_value_at_whatever_tick_it_comes(
    ticks: int, loop: str
) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    handover: Rendezvous[int] = Rendezvous()
    reader = asyncio.create_task(handover.receive())
    await asyncio.sleep(1)
    giver = asyncio.create_task(handover.send(7))
    for _ in range(ticks):
        await asyncio.sleep(0)
    reader.cancel()
    (found,) = await asyncio.gather(reader, return_exceptions=True)
    if found != 7:
        assert isinstance(found, asyncio.CancelledError)
        assert await handover.receive() == 7
    await giver
