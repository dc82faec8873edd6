"""A service from its beginning to its end: what it opens it closes, also if the beginning fails."""

import logging
import sqlite3
from pathlib import Path

import anyio
import pytest

from segmind_swap import (
    ConfigurationError,
    Journal,
    JournalError,
    OutcomeState,
    PollPolicy,
    SwapService,
)
from segmind_swap._journal.orders.orders import SqliteOrders
from segmind_swap.emulator import Fault

from ..support.batches import client_of, emulator
from ..support.services import enqueue, served, submitting, until

S = OutcomeState


@pytest.mark.real_time
async def test_a_beginning_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    journal = tmp_path / "swaps.db"
    (tmp_path / "swaps.db.spool").write_text("no folder")
    async with client_of(emulator()) as client:
        with pytest.raises(JournalError, match="for pictures cannot be used"):
            async with SwapService(client, journal=journal):
                pass
        (tmp_path / "swaps.db.spool").unlink()
        async with SwapService(client, journal=journal) as service:
            await submitting(service)
    journal.write_bytes(b"no journal " * 1000)
    async with client_of(emulator()) as client:
        with pytest.raises(JournalError):
            async with SwapService(client, journal=journal):
                pass


async def test_a_beginning_that_fails_late_starts_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: SqliteOrders) -> None:
        raise JournalError("the disk is full", path="swaps.db")

    monkeypatch.setattr(SqliteOrders, "halt", broken)
    async with client_of(emulator()) as client:
        with pytest.raises(JournalError, match="the disk is full"):
            async with SwapService(client, journal=Journal(":memory:")):
                pass
        assert client._started()[0].detached._background == set()


async def test_the_end_of_the_block_waits_for_a_post_and_records_its_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = emulator(faults=[Fault(on="submit", delay=8.0)])
    journal = Journal(":memory:")
    async with client_of(machine) as client:
        async with SwapService(client, journal=journal) as service:
            await enqueue(service, 0)
            await until(service, "s0", S.SENDING)
            began = anyio.current_time()
        assert anyio.current_time() - began < 16
        assert journal.summary().states == {S.ACCEPTED: 1}
        assert "no longer waits" not in caplog.text, "the next process waits without being told"
        async with SwapService(client, journal=journal) as service:
            await service.result("s0")
    assert len(machine.ledger) == 1


async def test_a_block_that_is_cancelled_ends_as_one_that_is_left(caplog: pytest.LogCaptureFixture) -> None:
    machine = emulator()
    journal = Journal(":memory:")
    async with client_of(machine) as client:
        with anyio.move_on_after(30):
            async with SwapService(client, journal=journal) as service:
                await enqueue(service, 0)
                await anyio.sleep_forever()
        journal.open_writer().close()
        assert "no longer waits" not in caplog.text, "the next process waits without being told"
        assert client._started()[0].detached._background == set()
    assert journal.summary().states == {S.ACCEPTED: 1}


async def test_an_interrupt_in_a_task_of_the_service_is_raised_at_the_end_of_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def interrupted(self: SqliteOrders, change: int) -> None:
        raise KeyboardInterrupt

    async with client_of(emulator()) as client:
        with pytest.raises(KeyboardInterrupt):
            async with SwapService(client, journal=Journal(":memory:")):
                monkeypatch.setattr(SqliteOrders, "changed_after", interrupted)
                await anyio.sleep(1)


@pytest.mark.real_time
async def test_a_journal_that_fails_for_a_while_is_opened_again_and_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmind_swap._service.worker.journal_pause", lambda _: 0.2)
    monkeypatch.setattr("segmind_swap._journal.connection._PATIENCE", 1.0)
    caplog.set_level(logging.WARNING)
    machine = emulator(duration=0.2)
    journal = tmp_path / "swaps.db"
    options = {"polling": PollPolicy(interval=0.05)}
    async with served(machine, Journal(journal), client=options) as service:
        await submitting(service)
        await enqueue(service, 0)
        await service.result("s0")
        # Another program that keeps the file for itself for longer than SQLite waits.
        with sqlite3.connect(journal, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError):
                await enqueue(service, 1)
            other.execute("ROLLBACK")
        other.close()
        await enqueue(service, 1)
        await service.result("s1")
    assert len(machine.ledger) == 2
    assert machine.paid_twice() == []


async def test_polls_are_counted_by_the_job_and_not_by_the_listeners() -> None:
    calls = []
    for listeners in (1, 200):
        machine = emulator()
        async with served(
            machine, Journal(":memory:"), client={"polling": PollPolicy(interval=5.0)}
        ) as service:
            await enqueue(service, 0)

            async def listen(service: SwapService = service) -> None:
                async for _ in service.updates("s0"):
                    await service.status("s0")

            async with anyio.create_task_group() as group:
                for _ in range(listeners):
                    group.start_soon(listen)
        calls.append(machine.count("poll"))
    assert calls[0] == calls[1] <= 70 / 5 + 2


async def test_a_listener_of_a_service_that_is_not_open_any_more_ends() -> None:
    async with served(emulator(), Journal(":memory:")) as service:
        await enqueue(service, 0)
        updates = service.updates("s0")
        await anext(updates)
    assert [update async for update in updates] == []
    with pytest.raises(ConfigurationError):
        service.updates("s0")
