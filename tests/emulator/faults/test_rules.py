"""The faults in force: their order, their windows, and when one is used up."""

import anyio

from segmind_swap.emulator import Emulator, Fault

from ..calling import connect, submit, submit_statuses


async def test_the_first_rule_that_fits_is_used() -> None:
    emulator = Emulator(
        faults=[Fault(on="submit", calls=(1,), status=503), Fault(on="submit", calls=(1, 2), status=502)]
    )
    async with connect(emulator) as client:
        assert [(await submit(client)).status_code for _ in range(3)] == [503, 502, 200]


async def test_a_fault_can_be_added_later() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        assert (await submit(client)).status_code == 200
        emulator.inject(Fault(on="submit", calls=(2,), status=502))
        assert (await submit(client)).status_code == 502
        assert (await submit(client)).status_code == 200


async def test_a_fault_is_used_up_after_so_many_times() -> None:
    emulator = Emulator(faults=[Fault(on="submit", times=2, status=429)])
    async with connect(emulator) as client:
        assert await submit_statuses(client, 1) == [429]
        assert [placed.hits for placed in emulator.faults] == [1]
        assert await submit_statuses(client, 2) == [429, 200]
    assert emulator.faults == ()


async def test_a_window_of_a_fault_from_the_start_is_counted_from_the_first_call() -> None:
    emulator = Emulator(faults=[Fault(on="submit", window=(10, 20), status=503)])
    await anyio.sleep(15)
    async with connect(emulator) as client:
        found = []
        for pause in (0, 9.5, 0.5, 9.5, 0.5):
            await anyio.sleep(pause)
            found += await submit_statuses(client, 1)
    assert found == [200, 200, 503, 503, 200]


async def test_a_window_of_a_fault_that_is_added_is_counted_from_then() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        assert await submit_statuses(client, 1) == [200]
        await anyio.sleep(15)
        emulator.inject(Fault(on="submit", window=(0, 10), status=503))
        await anyio.sleep(9)
        assert await submit_statuses(client, 1) == [503]
        await anyio.sleep(1)
        assert await submit_statuses(client, 1) == [200]


async def test_a_fault_is_withdrawn_by_its_number_once() -> None:
    emulator = Emulator(faults=[Fault(on="submit", status=500), Fault(on="submit", status=503)])
    async with connect(emulator) as client:
        assert await submit_statuses(client, 1) == [500]
        assert emulator.withdraw(1)
        assert not emulator.withdraw(1)
        assert await submit_statuses(client, 1) == [503]
        assert emulator.inject(Fault(on="submit", status=502)) == 3
        emulator.withdraw_all()
        assert await submit_statuses(client, 1) == [200]


async def test_withdrawing_a_fault_does_not_change_the_luck_of_another() -> None:
    async def luck(*, withdrawn: bool) -> list[int]:
        chance = Fault(on="submit", probability=0.5, status=503)
        emulator = Emulator(faults=[Fault(on="poll", status=500), chance])
        if withdrawn:
            emulator.withdraw(1)
        async with connect(emulator) as client:
            return await submit_statuses(client, 20)

    assert await luck(withdrawn=True) == await luck(withdrawn=False)
