"""The worker: one process submits, another takes over, and an error is a pause and not the end."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from segmind_swap import Journal, JournalError, OutcomeState, PollPolicy, SwapClient, SwapService
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.orders.orders import SqliteOrders
from segmind_swap._protocols.orders import Order
from segmind_swap.emulator import Fault

from ..support.batches import KEY, client_of, copy_of, emulator, scenes_paid
from ..support.services import enqueue, halted, scene, served, submitting, until
from ..support.sessions import png

S = OutcomeState
FAST = PollPolicy(interval=0.1)


async def test_of_two_services_on_one_journal_one_submits_and_the_other_takes_over() -> None:
    machine, journal = emulator(), Journal(":memory:")
    async with served(machine, journal) as second:
        async with client_of(machine) as client, SwapService(client, journal=journal) as first:
            await submitting(second)
            await enqueue(first, 0)
            assert not first.submits
            await until(first, "s0", S.ACCEPTED)
            await enqueue(second, 1)
            await until(second, "s1", S.ACCEPTED)
        assert second.submits
        await second.result("s0")
    async with served(machine, journal) as third:
        await third.result("s1")
    assert len(machine.ledger) == 2
    assert machine.paid_twice() == []


async def test_a_service_that_closes_hands_its_jobs_to_the_next_within_two_seconds() -> None:
    machine, journal = emulator(), Journal(":memory:")
    async with client_of(machine) as client, client_of(machine) as other:
        first = SwapService(client, journal=journal)
        await first.__aenter__()
        await submitting(first)
        async with SwapService(other, journal=journal) as second:
            await enqueue(second, 0)
            await until(second, "s0", S.ACCEPTED)
            assert not second.submits
            await first.__aexit__(None, None, None)
            with anyio.fail_after(2):
                await submitting(second)
            await second.result("s0")
    assert len(machine.ledger) == 1
    assert machine.paid_twice() == []


async def test_an_order_that_is_added_while_the_next_process_reads_the_orders_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unfinished = SqliteOrders.unfinished

    async def slow(self: SqliteOrders, *, with_completed: bool = True) -> Sequence[Order]:
        found = await unfinished(self, with_completed=with_completed)
        await anyio.sleep(1)
        return found

    monkeypatch.setattr(SqliteOrders, "unfinished", slow)
    async with served(emulator(), Journal(":memory:")) as service:
        await anyio.sleep(0.5)
        await enqueue(service, 0)
        assert not service.submits
        with anyio.fail_after(200):
            await service.result("s0")


async def test_a_restart_continues_swaps_in_every_state() -> None:
    faults = [Fault(on="submit", delay=10.0, calls=(3,))]
    machine, journal = emulator(faults=faults), Journal(":memory:")
    left = Journal(":memory:")
    options: dict[str, Any] = {"client": {"max_in_flight": 2}}
    async with served(machine, journal, **options) as service:
        await enqueue(service, 0)
        await service.result("s0")
        for number in (1, 2, 3):
            await enqueue(service, number)
        await until(service, "s1", S.ACCEPTED)
        await until(service, "s2", S.SENDING)
        # What a machine that stops at this moment leaves.
        left = copy_of(journal)
    async with served(machine, left, **options) as service:
        await service.result("s1")
        assert (await until(service, "s2", S.UNKNOWN)).is_final
        await service.result("s3")
        assert (await service.status("s0")).state is S.COMPLETED
    paid = Counter(charge.character_image for charge in machine.ledger)
    assert [paid[scene(number)] for number in range(3)] == [1, 1, 1]


async def test_a_job_that_is_not_done_in_time_is_waited_for_again() -> None:
    machine = emulator(duration=250.0)
    async with served(machine, Journal(":memory:"), client={"timeout": 100.0}) as service:
        await enqueue(service, 0)
        await service.result("s0")
    assert len(machine.ledger) == 1
    assert machine.count("submit") == 1


async def test_a_picture_that_cannot_be_fetched_is_fetched_again_later(tmp_path: Path) -> None:
    # Each fetch has several attempts of its own.
    machine = emulator(faults=[Fault(on="file", status=503, window=(0.0, 200.0))])
    async with served(machine, Journal(":memory:"), save_to=tmp_path) as service:
        await enqueue(service, 0)
        seen = await until(service, "s0", S.COMPLETED)
        assert not seen.is_final
        result = await service.result("s0")
        assert result.path is not None
        assert result.path.is_file()
        assert (await service.status("s0")).state is S.SAVED
    assert len(machine.ledger) == 1


async def test_a_picture_that_cannot_be_fetched_at_all_ends_with_the_last_error(tmp_path: Path) -> None:
    machine = emulator(faults=[Fault(on="file", status=503)])
    journal = Journal(":memory:")
    async with served(machine, journal, save_to=tmp_path) as service:
        await enqueue(service, 0)
        last = [update async for update in service.updates("s0")][-1]
        assert (last.state, last.is_final) == (S.COMPLETED, True)
        assert last.error is not None
        assert last.result is not None
    calls = len(machine.calls)
    async with served(machine, journal, save_to=tmp_path) as service:
        await submitting(service)
        await anyio.sleep(600)
        assert (await service.status("s0")).is_final
    assert len(machine.calls) == calls


async def test_a_picture_that_was_changed_or_removed_in_the_spool_is_refused_and_not_sent(
    tmp_path: Path,
) -> None:
    machine = emulator()
    journal = Journal(":memory:")
    async with client_of(machine) as client:
        workflow = client._settings.workflow
        # While another process has the lock, nothing is read from the spool.
        holder = await journal.open(
            origin="http://127.0.0.1", workflow=workflow, price_usd=0.1, budget_usd=None
        )
        async with SwapService(client, journal=journal, spool=tmp_path / "spool") as service:
            await enqueue(service, 0, character_image=png())
            (file,) = (tmp_path / "spool").iterdir()
            file.write_bytes(png() + b"changed")
            await enqueue(service, 1, reference_character_image=png())
            next(path for path in (tmp_path / "spool").iterdir() if path != file).unlink()
            await holder.aclose()
            for id in ("s0", "s1"):
                assert (await until(service, id, S.REJECTED)).is_final
    assert len(machine.ledger) == 0


async def test_a_picture_that_a_killed_process_has_left_is_removed_and_none_that_waits_is_missing(
    tmp_path: Path,
) -> None:
    machine, journal = emulator(duration=1000), Journal(tmp_path / "swaps.db")
    spool = tmp_path / "swaps.db.spool"
    async with served(machine, journal, client={"max_in_flight": 1}) as service:
        await enqueue(service, 0, reference_character_image=png())
        (sent,) = spool.iterdir()
        await until(service, "s0", S.ACCEPTED)
        await enqueue(service, 1, reference_character_image=png())
    assert not sent.exists()
    sent.write_bytes(png())
    async with served(machine, journal, client={"max_in_flight": 1}) as service:
        await submitting(service)
    assert not sent.exists(), "it is not yet an hour old, but its swap was sent"
    sent.write_bytes(png())
    async with served(machine, journal, client={"max_in_flight": 1}):
        """This process closes before it has the lock."""
    assert not sent.exists()
    async with served(machine, journal, client={"max_in_flight": 2}) as service:
        await until(service, "s1", S.ACCEPTED)
    assert list(spool.iterdir()) == []
    assert len(machine.ledger) == 2


async def test_a_mistake_in_a_run_is_logged_and_the_service_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take, calls = SqliteLedger.versions, 0

    def versions(self: SqliteLedger, ids: object = None) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("a mistake")
        return take(self, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteLedger, "versions", versions)
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        await service.result("s0")
    assert "a mistake" in caplog.text
    assert len(machine.ledger) == 1


async def test_a_service_says_in_one_line_when_it_submits_stops_and_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="segmind_swap")
    machine = emulator(faults=[Fault(on="submit", status=402, calls=(1,))])
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0, owner="anna@example.org")
        await halted(service)
    lines = [record.getMessage() for record in caplog.records if "the service of" in record.getMessage()]
    assert "submits in this process now" in lines[0]
    assert any("submits nothing for 60 s: " in line for line in lines)
    assert "does not submit in this process any more" in lines[-1]
    assert "anna" not in caplog.text
    assert "emulator-key" not in caplog.text


# With real files and processes

HOLDER = """
import anyio, sys
from segmind_swap import PollPolicy, SwapClient, SwapService

async def main():
    client = SwapClient("emulator-key", base_url=sys.argv[1], polling=PollPolicy(interval=0.1))
    async with client, SwapService(client, journal=sys.argv[2], save_to=sys.argv[3]) as service:
        while not service.submits:
            await anyio.sleep(0.01)
        print("submits", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@contextmanager
def holding(url: str, journal: Path, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that has the lock of a journal."""
    command = [sys.executable, "-c", HOLDER, url, str(journal), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "submits\n"
            yield process
        finally:
            process.kill()


@pytest.mark.real_time
async def test_another_process_takes_over_within_five_seconds_after_the_holder_is_killed(
    tmp_path: Path,
) -> None:
    journal, folder = tmp_path / "swaps.db", tmp_path / "pictures"
    with emulator(duration=3.0).serve() as url:
        async with SwapClient(KEY, base_url=url, polling=FAST) as client:
            with holding(url, journal, folder) as holder:
                async with SwapService(client, journal=journal, save_to=folder) as service:
                    for number in range(4):
                        await enqueue(service, number, character_image=png(), reference_character_image=png())
                    await until(service, "s0", S.ACCEPTED)
                    assert not service.submits
                    os.kill(holder.pid, signal.SIGKILL)
                    killed_at = time.monotonic()
                    await submitting(service)
                    assert time.monotonic() - killed_at < 5
                    for number in range(4):
                        update = [update async for update in service.updates(f"s{number}")][-1]
                        assert update.state in {S.SAVED, S.UNKNOWN}
                    await enqueue(service, 9)
                    assert (await service.result("s9")).path is not None
    assert not list((tmp_path / "swaps.db.spool").iterdir())


@pytest.mark.real_time
async def test_the_lock_is_free_after_the_block(tmp_path: Path) -> None:
    machine, journal = emulator(duration=30.0), tmp_path / "swaps.db"
    async with client_of(machine, polling=FAST) as client, SwapService(client, journal=journal) as service:
        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
    Journal(journal).open_writer().close()
    connection = sqlite3.connect(journal)
    assert connection.execute("SELECT state FROM orders").fetchall() == [("accepted",)]
    connection.close()


@pytest.mark.real_time
async def test_no_file_of_a_service_has_the_key(tmp_path: Path) -> None:
    ledger = await Journal(tmp_path / "swaps.db").open(
        origin="http://127.0.0.1", workflow="678aa4026426baad7e5392fb-v7", price_usd=0.1, budget_usd=None
    )
    async with client_of(emulator()) as client:
        async with SwapService(client, journal=tmp_path / "swaps.db") as service:
            await enqueue(service, 0, character_image=png())
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert len(files) >= 3
            assert not [path for path in files if KEY.encode() in path.read_bytes()]
        await ledger.aclose()


async def test_a_swap_that_was_told_to_be_rejected_is_not_sent_when_the_account_is_refused_later() -> None:
    machine, journal = emulator(), Journal(":memory:")
    async with served(machine, journal) as service:
        await enqueue(service, 0)
        await service.result("s0")
        fault = machine.inject(Fault(on="submit", status=403))
        for number in (1, 2):
            await enqueue(service, number)
            await until(service, f"s{number}", S.REJECTED)
        await enqueue(service, 3)
        await halted(service)
        machine.withdraw(fault)
        await service.result("s3")
        assert [(await service.status(id)).state for id in ("s1", "s2")] == [S.REJECTED, S.REJECTED]
    assert len(machine.ledger) == 2


async def test_an_order_that_is_always_refused_does_not_keep_the_others_from_being_sent() -> None:
    machine, journal = emulator(faults=[Fault(on="submit", status=403, calls=(1, 3))]), Journal(":memory:")
    async with served(machine, journal, client={"max_in_flight": 1}) as service:
        await enqueue(service, 0)
        await enqueue(service, 1)
        await halted(service)
        with anyio.fail_after(300):
            await service.result("s1")
        assert (await until(service, "s0", S.REJECTED)).is_final
    assert scenes_paid(machine) == {"1.png": 1}


@pytest.mark.real_time
async def test_a_journal_that_was_moved_is_not_replaced_by_an_empty_one_and_goes_on_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmind_swap._service.pauses._JOURNAL_PAUSE", 0.1)
    path, moved = tmp_path / "swaps.db", tmp_path / "moved.db"
    machine = emulator(duration=0.5)
    async with served(machine, Journal(path), client={"polling": FAST}) as service:
        await submitting(service)
        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
        path.rename(moved)
        await anyio.sleep(2)
        assert not path.exists()
        with pytest.raises(JournalError, match="moved"):
            await service.status("s0")
        with pytest.raises(JournalError, match="moved"):
            await enqueue(service, 1)
        moved.rename(path)
        with anyio.fail_after(30):
            await service.result("s0")
    assert len(machine.ledger) == 1
