"""Inputs that begin with the open ledger: their entries, their jobs, cancelled swaps, and their own count."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing

import anyio
import pytest

from segmind_swap import Event, Failed, Journal, NoResultsError, OutcomeState, SwapCancelledError, SwapOutcome
from segmind_swap._batch.inputs import BegunInputs, InputSource, Requests
from segmind_swap._batch.runner import BatchOptions, run_batch
from segmind_swap._protocols.entry import Entry, NewEntry
from segmind_swap._protocols.ledger import Ledger
from segmind_swap._protocols.orders import NewOrder, OrderLimits
from segmind_swap._swap.uploads import Uploads
from segmind_swap.emulator import Fault

from ..support.batches import client_of, crashed, emulator, scenes_paid, swap_of, swaps_of

S = OutcomeState


class Entries:
    """The entries of ids, without those of any job that is not asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def expect(self, ids: Collection[str]) -> None:
        pass

    async def take(self, swap: NewEntry) -> Entry:
        return (await self.find([swap.id])).get(swap.id) or await self._ledger.take(swap)

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        return await self._ledger.find(ids)

    def input_of(self, entry: Entry) -> NewEntry:
        return entry.input

    async def resumable(self) -> AsyncGenerator[Entry, None]:
        nothing: list[Entry] = []
        for entry in nothing:
            yield entry


class Source(InputSource):
    def __init__(self, requests: Requests) -> None:
        self.requests = requests
        self.counted: list[SwapOutcome] = []
        self.problem: NoResultsError | None = None

    async def begin(self, ledger: Ledger, uploads: Uploads) -> BegunInputs:
        return BegunInputs(requests=self.requests, entries=Entries(ledger), count_ending=self.count)

    def count(self, outcome: SwapOutcome) -> NoResultsError | None:
        self.counted.append(outcome)
        return self.problem


async def test_a_job_of_an_earlier_run_is_waited_for_when_its_input_comes_and_as_often_as_it_comes() -> None:
    service = emulator(duration=250.0)
    left = await crashed(service, swaps_of(1), "poll", 1)
    source = Source([swap_of(0), swap_of(0), swap_of(0)])
    options = BatchOptions(concurrency=1)
    async with client_of(service, timeout=100.0) as client:
        session, uploads = client._started()
        async with run_batch(session, uploads, source, options, left) as outcomes:
            seen = [outcome.state async for outcome in outcomes]
            assert outcomes.committed_usd == pytest.approx(0.1522, abs=0.01)
    assert (seen[0], seen[-1]) == (S.ACCEPTED, S.COMPLETED)
    assert [outcome.state for outcome in source.counted] == [S.COMPLETED], "a wait that timed out is no end"
    assert len(service.ledger) == 1


async def test_a_batch_never_waits_a_second_time_for_a_job_that_it_has_waited_for() -> None:
    service = emulator(duration=250.0)
    left = await crashed(service, swaps_of(1), "poll", 1)
    async with client_of(service, timeout=100.0) as client:
        (outcome,) = await client.swap_all(swaps_of(1), journal=left)
    assert outcome.state is S.ACCEPTED


async def test_a_swap_that_is_cancelled_before_its_claim_is_not_sent_and_stops_nothing() -> None:
    service = emulator()
    journal = Journal(":memory:")
    events: list[Event] = []
    orders = await journal.open_orders(origin="http://127.0.0.1", workflow="678aa4026426baad7e5392fb-v7")
    given = anyio.Event()

    async def requests() -> AsyncGenerator[object, None]:
        yield swap_of(0)
        await given.wait()
        yield swap_of(1)

    async with client_of(service, on_event=events.append) as client:
        session, uploads = client._started()
        # The entry is taken, and the order is cancelled before the POST of its swap is claimed.
        take = Entries.take

        async def taken(self: Entries, swap: NewEntry) -> Entry:
            if swap.id == "s0":
                order, _ = await orders.add(
                    NewOrder(swap=swap, owner=None, pictures=("a", "b")), limits=OrderLimits()
                )
                await orders.cancel("s0")
                return order.entry
            return await take(self, swap)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Entries, "take", taken)
            source = Source(requests())  # type: ignore[arg-type]
            async with (
                run_batch(session, uploads, source, BatchOptions(concurrency=1), journal) as outcomes,
                aclosing(source.requests),  # type: ignore[type-var]
            ):
                first = await anext(outcomes)
                assert outcomes.committed_usd == 0
                given.set()
                second = await anext(outcomes)
                assert outcomes.stopped_by is None
    assert first.state is S.ABANDONED
    assert isinstance(first.error, SwapCancelledError)
    assert second.state is S.COMPLETED
    assert dict(scenes_paid(service)) == {"1.png": 1}
    assert [type(event.error) for event in events if isinstance(event, Failed)] == [SwapCancelledError]


async def test_a_swap_in_preparation_can_be_stopped_by_its_id_and_the_others_go_on() -> None:
    service = emulator(faults=[Fault(on="submit", status=429, window=(0.0, 500.0))])
    async with client_of(service, timeout=2000.0) as client:
        session, uploads = client._started()
        batch = run_batch(
            session, uploads, Source(swaps_of(2)), BatchOptions(concurrency=2), Journal(":memory:")
        )
        batch.stop_one("s0")
        async with batch as outcomes:
            await anyio.sleep(100)
            batch.stop_one("S0")
            batch.stop_one("unknown")
            first = await anext(outcomes)
            second = await anext(outcomes)
            assert outcomes.stopped_by is None
    assert (first.request.id, first.state, first.error) == ("s0", S.PENDING, None)
    assert (second.request.id, second.state) == ("s1", S.COMPLETED)


async def test_a_count_of_the_inputs_own_stops_the_batch() -> None:
    service = emulator()
    source = Source(swaps_of(3))
    source.problem = NoResultsError("enough", bound="max_futile", count=9)
    async with client_of(service) as client:
        session, uploads = client._started()
        options = BatchOptions(concurrency=1)
        async with run_batch(session, uploads, source, options, Journal(":memory:")) as outcomes:
            seen = [outcome.state async for outcome in outcomes]
            assert outcomes.stopped_by is source.problem
    assert seen == [S.COMPLETED]
    assert len(service.ledger) == 1
