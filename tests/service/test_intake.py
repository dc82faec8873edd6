"""The intake: an order is written as a whole or not at all, whatever happens to its caller."""

import asyncio
from functools import partial
from pathlib import Path

import anyio
import pytest
import sniffio

from segmind_swap import ImageError, Journal, LimitExceededError, OutcomeState, SwapService, UnknownIdError
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.orders.orders import SqliteOrders

from ..support.batches import client_of, emulator
from ..support.services import REFERENCE, enqueue, scene, served, until
from ..support.sessions import png


async def held(journal: Path) -> SqliteLedger:
    """The ledger of a journal that stays open, so that no service submits."""
    return await Journal(journal).open(
        origin="http://127.0.0.1",
        workflow="678aa4026426baad7e5392fb-v7",
        price_usd=0.1,
        budget_usd=None,
    )


def files_of(spool: Path) -> set[str]:
    return {file.name for file in spool.iterdir()}


@pytest.mark.real_time
@pytest.mark.parametrize("how", ["scope", "task"])
async def test_a_call_that_is_cancelled_leaves_a_whole_order_or_nothing(tmp_path: Path, how: str) -> None:
    if how == "task" and sniffio.current_async_library() == "trio":
        pytest.skip("trio has no plain task cancellation")
    path, spool = tmp_path / "swaps.db", tmp_path / "swaps.db.spool"
    ledger = await held(path)
    whole = nothing = 0
    async with client_of(emulator()) as client, SwapService(client, journal=path) as service:
        for number in range(30):
            picture = png()
            call = partial(
                enqueue, service, number, character_image=picture, reference_character_image=picture
            )
            delay = number * 0.0005
            if how == "scope":
                with anyio.move_on_after(delay):
                    await call()
            else:
                task = asyncio.ensure_future(call())
                await asyncio.sleep(delay)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await client._started()[0].detached.drain()
            await anyio.sleep(0.02)
            try:
                await service.status(f"s{number}")
            except UnknownIdError:
                nothing += 1
            else:
                whole += 1
            orders = await service._open()._orders.unfinished()
            assert files_of(spool) == {name for order in orders for name in order.pictures}
    assert nothing, "no call was cancelled"
    await ledger.aclose()


async def test_a_call_that_is_refused_or_joins_leaves_no_file(tmp_path: Path) -> None:
    journal, spool = Journal(":memory:"), tmp_path / "spool"
    ledger = await journal.open(
        origin="http://127.0.0.1",
        workflow="678aa4026426baad7e5392fb-v7",
        price_usd=0.1,
        budget_usd=None,
    )
    async with served(emulator(), journal, spool=spool, max_per_owner=1) as service:
        picture = png()
        await enqueue(service, 0, character_image=picture, owner="anna")
        kept = files_of(spool)
        assert len(kept) == 1
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(partial(enqueue, service, 0, character_image=picture, owner="anna"))
        with pytest.raises(LimitExceededError):
            await enqueue(service, 1, character_image=picture, owner="anna")
        with pytest.raises(ImageError):
            await enqueue(service, 1, character_image=b"no picture")
        await enqueue(service, 0, character_image=picture, pay_again=True)
        assert files_of(spool) == kept
    await ledger.aclose()


async def test_two_calls_that_pass_the_first_look_together_add_one_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, spool = Journal(":memory:"), tmp_path / "spool"
    find = SqliteOrders.find

    async def slow(self: SqliteOrders, ids: list[str]) -> object:
        found = await find(self, ids)
        await anyio.sleep(1)
        return found

    monkeypatch.setattr(SqliteOrders, "find", slow)
    async with served(emulator(duration=5.0), journal, spool=spool) as service:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(partial(enqueue, service, 0, character_image=png()))
        assert len({order.number for order in await service._open()._orders.unfinished()}) <= 1
        await service.result("s0")
    assert files_of(spool) == set()


async def test_the_journal_names_no_file_of_the_server(tmp_path: Path) -> None:
    file = tmp_path / "private-name.png"
    file.write_bytes(png())
    journal = Journal(":memory:")
    async with served(emulator(), journal) as service:
        await enqueue(service, 0, character_image=file)
        await service.result("s0")
    (outcome,) = journal.outcomes()
    assert outcome.request.reference_character_image == REFERENCE
    assert "private-name" not in outcome.model_dump_json()
    assert scene(0) not in outcome.model_dump_json()


async def test_pictures_that_are_uploading_do_not_delay_a_visitor() -> None:
    from segmind_swap.emulator import Fault

    machine = emulator(faults=[Fault(on="upload", delay=100.0)])
    async with served(machine, Journal(":memory:")) as service:
        for number in range(12):
            await enqueue(service, number, character_image=png(), reference_character_image=png())
        await anyio.sleep(1)
        began = anyio.current_time()
        await enqueue(service, 99, character_image=png())
        assert anyio.current_time() - began < 1


async def test_a_finished_swap_is_not_paid_again_while_its_picture_is_still_to_be_saved(
    tmp_path: Path,
) -> None:
    from segmind_swap.emulator import Fault

    machine = emulator(faults=[Fault(on="file", status=410, times=1)])
    async with served(machine, Journal(":memory:"), save_to=tmp_path) as service:
        await enqueue(service, 0)
        await until(service, "s0", OutcomeState.COMPLETED)
        joined = await enqueue(service, 0, pay_again=True)
        assert (joined.version, joined.is_final) == (1, False)
        saved = await service.result("s0")
        assert saved.path is not None
        assert saved.path.is_file()
        assert len(machine.ledger) == 1
        assert (await enqueue(service, 0, pay_again=True)).version == 2
