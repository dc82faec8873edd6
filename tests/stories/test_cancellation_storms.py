"""Many cancellations at once, and signals: no connection is leaked, and each charge is accounted for."""

import random
import signal
import time
from pathlib import Path

import anyio
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    Completed,
    Event,
    Failed,
    Journal,
    OutcomeState,
    PollPolicy,
    SubmissionUnknownError,
    SwapClient,
)
from segmind_swap._http.gate import LocalGate
from segmind_swap._http.pools import PoolSize
from segmind_swap.emulator import Emulator, Fault

from ..support.forked import Forked
from ..support.moments import KEY, PATIENCE, REFERENCE, ids, places_left
from ..support.sessions import png

STORM = 2000
ENOUGH_PAID = 20


@pytest.mark.real_time
@pytest.mark.wires
async def test_a_storm_of_cancellations_leaves_every_connection_and_accounts_for_every_charge(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With small bounds many wait for a place: a pool that leaks its connections would soon have none."""
    small = PoolSize(transports=2, requests_each=4, connections_each=5)
    for bounds in ("POLLS", "FAST_POLLS", "SUBMITS", "UPLOADS", "DOWNLOADS"):
        monkeypatch.setattr(f"segmind_swap._http.pools.{bounds}", small)
    dice = random.Random(loop)
    events: list[Event] = []
    service = Emulator(engine="none", credits_usd=1e6, duration=0.02)
    begun = cancelled = 0

    async def calls(client: SwapClient) -> None:
        # On a busy machine nearly all are cancelled before they reach a paid call.
        while cancelled < STORM or (len(service.ledger) <= ENOUGH_PAID and cancelled < 10 * STORM):
            await call(client)

    async def call(client: SwapClient) -> None:
        nonlocal begun, cancelled
        begun += 1
        number = begun
        with anyio.move_on_after(dice.expovariate(1 / 0.05)) as scope:
            match number % 4:
                case 0 | 1:
                    await client.swap(
                        reference_character_image=REFERENCE,
                        character_image=f"https://pictures.example/{number}.png",
                    )
                case 2:
                    await client.upload(png(number))
                case _:
                    await client.credits()
        cancelled += scope.cancelled_caught

    with service.serve() as url:
        client = SwapClient(
            KEY,
            base_url=url,
            auth="x-api-key",
            polling=PollPolicy(interval=0.02),
            on_event=events.append,
        )
        async with client:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(calls, client)
            await client._started()[0].detached.drain()
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(client.credits)
            job = await client.submit(reference_character_image=REFERENCE, character_image=REFERENCE)
            await client.wait(job)
            http = client._started()[0].http
            assert set(places_left(http)) == {8}
            assert isinstance(http.gate, LocalGate)
            assert http.gate._in_flight == {}
    told = ids(event.job for event in events if isinstance(event, Accepted))
    in_doubt = [event for event in events if isinstance(event, Failed)]
    assert all(isinstance(event.error, SubmissionUnknownError) for event in in_doubt)
    paid = {charge.request_id for charge in service.ledger}
    assert len(paid) > ENOUGH_PAID, "the storm reached the paid calls, too"
    assert told <= paid
    assert len(paid - told) <= len(in_doubt), "what is not named is at least known to be in doubt"
    done = ids(event.result.job for event in events if isinstance(event, Completed))
    abandoned = ids(event.job for event in events if isinstance(event, Abandoned))
    assert told == done | abandoned | {job.request_id}
    assert service.paid_twice() == []


PROGRAM = """
import asyncio
import signal
import sys

from segmind_swap import PollPolicy, SwapClient, SwapRequest

_, url, backend, operation, journal, sigterm = sys.argv
# The suite itself may run where SIGINT is ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sigterm == "as Ctrl-C":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
pictures = {
    "reference_character_image": "https://pictures.example/hero.png",
    "character_image": "https://pictures.example/street.png",
}

async def main():
    async with SwapClient("emulator-key", base_url=url, polling=PollPolicy(interval=0.1)) as client:
        if operation == "swap":
            await client.swap(**pictures)
        else:
            async with client.swap_many([SwapRequest(id="one", **pictures)], journal=journal) as outcomes:
                async for _ in outcomes:
                    print("done", flush=True)

if backend == "asyncio":
    asyncio.run(main())
else:
    import trio

    trio.run(main)
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("moment", ["the answer is on its way", "the job runs"])
@pytest.mark.parametrize(
    ("operation", "ended_by"),
    [
        ("swap", "SIGINT"),
        ("swap", "SIGTERM as Ctrl-C"),
        ("swap_many", "SIGINT"),
        ("swap_many", "SIGTERM as Ctrl-C"),
        ("swap_many", "SIGTERM"),
    ],
)
def test_a_program_that_a_signal_ends_names_its_job_or_leaves_it_to_its_journal(
    operation: str, ended_by: str, moment: str, backend: str, tmp_path: Path
) -> None:
    """A plain program, in which nothing knows of signals but a line that takes SIGTERM as Ctrl-C.

    Without that line SIGTERM kills it; then only a journal can help.
    """
    name, _, sigterm = ended_by.partition(" ")
    waits = moment == "the answer is on its way"
    # Whom nothing warns is gone at once; who is warned waits for the answer.
    delay = 60.0 if ended_by == "SIGTERM" else 1.0
    service = Emulator(engine="none", duration=1e6, faults=[Fault(on="submit", delay=delay)] if waits else [])
    journal = tmp_path / "run.db"
    with (
        service.serve() as url,
        Forked(PROGRAM, url, backend, operation, str(journal), sigterm) as process,
    ):
        until = time.monotonic() + 10 * PATIENCE
        while not (service.ledger if waits else service.count("poll")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.Signals[name])
        _, said = process.communicate(timeout=10 * PATIENCE)
        assert process.returncode != 0
    (charge,) = service.ledger
    if ended_by != "SIGTERM":
        assert "KeyboardInterrupt" in said, "it ends as any program does"
        assert f"job {charge.request_id} was accepted and is billed" in said
    if operation == "swap_many":
        (row,) = Journal(journal).outcomes()
        was_killed = waits and ended_by == "SIGTERM"
        assert row.state is (OutcomeState.SENDING if was_killed else OutcomeState.ACCEPTED)
        assert was_killed or (row.job is not None and row.job.request_id == charge.request_id)
