"""The slots of a swap: each is given back once, whatever ends the swap, and never twice."""

import anyio
import pytest

from segmind_swap._batch.slots import Slots


def free(*semaphores: anyio.Semaphore) -> list[int]:
    return [semaphore.value for semaphore in semaphores]


async def test_a_slot_of_the_client_is_taken_only_once_there_is_an_input() -> None:
    own, shared = anyio.Semaphore(2), anyio.Semaphore(2)
    async with Slots(own, shared) as slots:
        assert free(own, shared) == [1, 2]
        await slots.acquire_client_slot()
        assert free(own, shared) == [1, 1]
    assert free(own, shared) == [2, 2]


async def test_slots_that_were_kept_outlive_the_block_until_their_task_releases_them() -> None:
    own, shared = anyio.Semaphore(1), anyio.Semaphore(1)
    async with Slots(own, shared) as slots:
        await slots.acquire_client_slot()
        kept = slots.hand_over()
    assert kept is slots
    assert free(own, shared) == [0, 0]
    kept.release()
    assert free(own, shared) == [1, 1]


async def test_the_clients_slot_may_be_given_back_before_the_batchs_own() -> None:
    own, shared = anyio.Semaphore(1, max_value=1), anyio.Semaphore(1, max_value=1)
    async with Slots(own, shared) as slots:
        await slots.acquire_client_slot()
        slots.release_client_slot()
        assert free(own, shared) == [0, 1]
    assert free(own, shared) == [1, 1]


async def test_slots_that_are_released_again_are_not_given_back_twice() -> None:
    # A semaphore with a `max_value` raises on a release too many.
    own, shared = anyio.Semaphore(1, max_value=1), anyio.Semaphore(1, max_value=1)
    async with Slots(own, shared) as slots:
        slots.release_client_slot()
        await slots.acquire_client_slot()
        slots.release()
        slots.release()
        slots.release_client_slot()
    assert free(own, shared) == [1, 1]


async def test_an_error_in_the_block_gives_both_slots_back() -> None:
    own, shared = anyio.Semaphore(1), anyio.Semaphore(1)
    with pytest.raises(LookupError):
        async with Slots(own, shared) as slots:
            await slots.acquire_client_slot()
            raise LookupError
    assert free(own, shared) == [1, 1]


async def test_cancellation_while_the_client_has_no_slot_gives_the_batchs_slot_back() -> None:
    own, shared = anyio.Semaphore(1), anyio.Semaphore(0)
    with anyio.move_on_after(1) as scope:
        async with Slots(own, shared) as slots:
            await slots.acquire_client_slot()
    assert scope.cancelled_caught
    assert free(own, shared) == [1, 0]


async def test_cancellation_while_the_batch_has_no_slot_takes_none() -> None:
    own, shared = anyio.Semaphore(0), anyio.Semaphore(1)
    with anyio.move_on_after(1) as scope:
        async with Slots(own, shared):
            raise AssertionError
    assert scope.cancelled_caught
    assert free(own, shared) == [0, 1]


async def test_a_slot_that_is_given_back_goes_to_the_swap_that_waits() -> None:
    own, shared = anyio.Semaphore(2), anyio.Semaphore(1)
    ran: list[tuple[str, float]] = []

    async def swap(name: str) -> None:
        async with Slots(own, shared) as slots:
            await slots.acquire_client_slot()
            ran.append((name, anyio.current_time() - started))
            await anyio.sleep(10)

    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(swap, "first")
        await anyio.sleep(1)
        group.start_soon(swap, "second")
    assert [name for name, _ in ran] == ["first", "second"]
    assert [at for _, at in ran] == pytest.approx([0, 10], abs=0.1)
