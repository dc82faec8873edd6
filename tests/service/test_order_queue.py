"""Which order a service takes next: paid ones first, one of each id at a time, and again what is not done."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import anyio
import pytest

from segmind_swap import (
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    ImageError,
    Journal,
    OutcomeState,
    ResponseError,
    SwapError,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._protocols.ledger import Ledger
from segmind_swap._protocols.orders import Endings, Order
from segmind_swap._service.halting import Halting
from segmind_swap._service.order_queue import OrderQueue
from segmind_swap._service.spool import MemorySpool
from segmind_swap._swap.uploads import Uploads

from ..support.orders import changed, order

S = OutcomeState
DOWNLOAD = DownloadError("it could not be fetched", url="https://pictures.example/a.png")


@dataclass
class Store:
    """The orders of a service, with what the queue has written."""

    orders: dict[str, Order] = field(default_factory=dict)
    kept: Endings = field(default_factory=Endings)
    written: list[tuple[str, str, str]] = field(default_factory=list)
    journal: Journal = field(default_factory=lambda: Journal(":memory:"))

    async def unfinished(self, *, with_completed: bool = True) -> Sequence[Order]:
        states = {S.PENDING, S.ACCEPTED} | ({S.COMPLETED} if with_completed else set())
        return [one for one in self.orders.values() if one.state in states]

    async def find(self, ids: Sequence[str]) -> dict[str, Order]:
        return {id: self.orders[id] for id in ids if id in self.orders}

    async def reject(self, one: Order, error: SwapError) -> None:
        self.written.append(("reject", one.id, str(error)))

    async def give_up(self, one: Order, error: SwapError) -> None:
        self.written.append(("give up", one.id, str(error)))

    async def endings(self) -> Endings:
        return self.kept

    def keep_endings(self, endings: Endings) -> None:
        self.kept = endings


class Taker:
    """A batch that takes inputs from a queue."""

    def __init__(self, queue: OrderQueue, halting: Halting, requests: Any) -> None:
        self.queue = queue
        self.halting = halting
        self.requests = requests

    async def next(self) -> str | None:
        """The id of the next order; None if there is none within ten milliseconds."""
        with anyio.move_on_after(0.01):
            request = await self._anext()
            return request.id
        return None

    async def _anext(self) -> SwapRequest:
        return cast("SwapRequest", await anext(self.requests))

    async def all(self) -> list[str]:
        found = []
        while (id := await self.next()) is not None:
            found.append(id)
        return found

    async def end(
        self, id: str, state: OutcomeState, error: SwapError | None = None, *, is_closing: bool = False
    ) -> None:
        request = SwapRequest(id=id, reference_character_image="a", character_image="b")
        outcome = SwapOutcome(request=request, state=state, error=error)
        await self.queue.ended(outcome, is_closing=lambda: is_closing)


@asynccontextmanager
async def taking(
    store: Store,
    *,
    are_saved: bool = True,
    halt: tuple[SwapError, float | None] | None = None,
    pause: float | None = None,
    **options: Any,
) -> AsyncIterator[Taker]:
    halts = await store.journal.open_orders(origin="http://127.0.0.1", workflow="w")

    def wake() -> None:
        queue.wake()

    halting = Halting(halts, on_change=wake)
    queue = OrderQueue(
        cast("Any", store),
        MemorySpool({}, max_bytes=1),
        halting,
        are_saved=are_saved,
        **{"max_futile": 3, "max_failed": 3, **options},
    )
    if halt is not None:
        await halting.halt(halt[0], seconds=halt[1])
    if pause is not None:
        halting.pause(pause)
    inputs = await queue.begin(cast("Ledger", None), cast("Uploads", None))
    give, take = anyio.create_memory_object_stream[SwapRequest]()
    async with anyio.create_task_group() as group:

        async def pump() -> None:
            async with aclosing(cast("AsyncGenerator[SwapRequest]", inputs.requests)) as requests:
                async for request in requests:
                    await give.send(request)

        async with give, take:
            group.start_soon(pump)
            yield Taker(queue, halting, take)
            group.cancel_scope.cancel()


def store_of(*orders: Order) -> Store:
    return Store({one.id: one for one in orders})


async def test_what_is_left_comes_first_in_the_order_of_the_store_and_then_what_is_new() -> None:
    store = store_of(
        order(1, state=S.ACCEPTED), order(2, state=S.COMPLETED), order(3), order(4, state=S.SAVED)
    )
    async with taking(store) as taker:
        assert await taker.all() == ["s1", "s2", "s3"]
        taker.queue.notice(order(5, change=9))
        taker.queue.notice(order(5, change=9))
        assert await taker.all() == ["s5"]


async def test_a_service_that_saves_nothing_has_nothing_to_do_for_a_finished_swap() -> None:
    async with taking(store_of(order(1, state=S.COMPLETED), order(2)), are_saved=False) as taker:
        taker.queue.notice(order(3, state=S.COMPLETED))
        assert await taker.all() == ["s2"]


async def test_a_finished_swap_whose_picture_was_given_up_does_not_come_again() -> None:
    async with taking(store_of(order(1, state=S.COMPLETED, error=DOWNLOAD))) as taker:
        assert await taker.all() == []


async def test_while_the_service_is_halted_only_what_is_paid_comes() -> None:
    store = store_of(order(1, state=S.ACCEPTED), order(2))
    async with taking(store, halt=(SwapError("no credits"), None)) as taker:
        assert await taker.all() == ["s1"]
        await anyio.sleep(1000)
        assert await taker.all() == []
        await taker.halting.resume()
        assert await taker.all() == ["s2"]


async def test_a_halt_ends_by_its_time_and_a_pause_too() -> None:
    async with taking(store_of(order(1)), halt=(SwapError("no credits"), 60.0)) as taker:
        await anyio.sleep(50)
        assert await taker.all() == []
        await anyio.sleep(15)
        assert await taker.all() == ["s1"]
    async with taking(store_of(order(1)), pause=60) as taker:
        await anyio.sleep(50)
        assert await taker.all() == []
        await anyio.sleep(15)
        assert await taker.all() == ["s1"]


@pytest.mark.parametrize("halt", [None, (AuthenticationError("no", status_code=401), 60.0)])
async def test_a_bound_that_an_earlier_run_has_reached_halts_the_service_until_a_person_resumes_it(
    halt: tuple[SwapError, float] | None,
) -> None:
    store = store_of(order(1))
    store.kept = Endings(futile=3)
    async with taking(store, halt=halt) as taker:
        assert await taker.all() == []
        assert "3 swaps in a row" in str(taker.halting.reason)
        await anyio.sleep(61)
        assert await taker.all() == []


async def test_of_two_states_of_one_order_the_older_is_ignored_whichever_comes_last() -> None:
    async with taking(store_of(), halt=(AuthenticationError("no", status_code=401), None)) as taker:
        taker.queue.notice(changed(order(1), S.ACCEPTED))
        taker.queue.notice(order(1))
        assert await taker.all() == ["s1"], "what is paid comes although the service is halted"


async def test_an_order_that_is_cancelled_while_it_waits_does_not_come() -> None:
    async with taking(store_of(order(1), order(2)), halt=(SwapError("no"), None)) as taker:
        taker.queue.notice(changed(order(1), S.ABANDONED))
        await taker.halting.resume()
        assert await taker.all() == ["s2"]


async def test_two_orders_of_one_id_come_one_after_the_other() -> None:
    done = order(1, state=S.COMPLETED)
    again = replace(order(2, id="S1", version=2), change=5)
    async with taking(store_of(done)) as taker:
        assert await taker.all() == ["s1"]
        taker.queue.notice(again)
        assert await taker.all() == []
        await taker.end("s1", S.SAVED)
        assert await taker.all() == ["S1"]


async def test_a_job_that_was_not_done_in_time_comes_again_after_ever_longer_pauses() -> None:
    async with taking(store_of(order(1, state=S.ACCEPTED))) as taker:
        for pause in (60, 120, 240, 480, 960, 1800, 1800):
            assert await taker.next() == "s1"
            await taker.end("s1", S.ACCEPTED, SwapError("it timed out"))
            await anyio.sleep(pause - 1)
            assert await taker.next() is None
            await anyio.sleep(1)


async def test_a_picture_is_fetched_six_times_more_and_then_given_up() -> None:
    store = store_of(order(1, state=S.COMPLETED))
    async with taking(store) as taker:
        for pause in (60, 120, 240, 480, 960, 1800):
            assert await taker.next() == "s1"
            await taker.end("s1", S.COMPLETED, DOWNLOAD)
            assert store.written == []
            await anyio.sleep(pause)
        assert await taker.next() == "s1"
        await taker.end("s1", S.COMPLETED, DOWNLOAD)
        await anyio.sleep(10_000)
        assert await taker.next() is None
    assert store.written == [("give up", "s1", str(DOWNLOAD))]


@pytest.mark.parametrize(
    "error",
    [ImageError("it was changed", image="a.png"), ConfigurationError("the file exists already")],
    ids=["picture", "file"],
)
async def test_an_order_that_cannot_be_sent_is_rejected_but_not_because_the_client_closes(
    error: SwapError,
) -> None:
    store = store_of(order(1))
    async with taking(store) as taker:
        assert await taker.next() == "s1"
        await taker.end("s1", S.REJECTED, error, is_closing=True)
        assert store.written == []
        await anyio.sleep(2)
        assert await taker.next() == "s1"
        await taker.end("s1", S.REJECTED, error)
        assert store.written == [("reject", "s1", str(error))]
        await anyio.sleep(10_000)
        assert await taker.next() is None


async def test_an_order_whose_refusal_was_taken_back_comes_again() -> None:
    store = store_of(order(1))
    async with taking(store) as taker:
        assert await taker.next() == "s1"
        await taker.end("s1", S.REJECTED, AuthenticationError("no", status_code=401))
        assert store.written == []
        await anyio.sleep(2)
        assert await taker.next() == "s1"


async def test_an_upload_that_gives_no_readable_answer_is_tried_again_six_times() -> None:
    store = store_of(order(1))
    async with taking(store) as taker:
        for _ in range(6):
            assert await taker.next() == "s1"
            await taker.end("s1", S.REJECTED, ResponseError("not JSON"))
            assert store.written == []
            await anyio.sleep(1800)
        assert await taker.next() == "s1"
        await taker.end("s1", S.REJECTED, ResponseError("not JSON"))
    assert store.written == [("reject", "s1", "not JSON")]


async def test_an_order_that_was_cancelled_or_recorded_does_not_come_again() -> None:
    for state in (S.ABANDONED, S.REJECTED, S.UNKNOWN):
        store = store_of(order(1))
        async with taking(store) as taker:
            assert await taker.next() == "s1"
            store.orders["s1"] = changed(order(1), state)
            await taker.end("s1", S.PENDING)
            await anyio.sleep(100)
            assert await taker.next() is None
        assert store.written == []


async def test_a_late_change_does_not_shorten_a_pause() -> None:
    accepted = order(1, state=S.ACCEPTED)
    async with taking(store_of(accepted)) as taker:
        assert await taker.next() == "s1"
        await taker.end("s1", S.ACCEPTED)
        taker.queue.notice(accepted)
        assert await taker.next() is None


async def test_the_endings_are_kept_and_a_person_lets_them_begin_anew() -> None:
    store = store_of(order(1))
    async with taking(store) as taker:
        count = taker.queue._count_ending
        futile = SwapOutcome(
            request=SwapRequest(id="s1", reference_character_image="a", character_image="b"), state=S.UNKNOWN
        )
        assert count(futile) is None
        assert count(futile) is None
        problem = count(futile)
        assert problem is not None
        assert store.kept == Endings(futile=3)
        await taker.halting.halt(problem, seconds=None)
        await taker.all()
        store.kept = Endings()
        await taker.halting.resume()
        taker.queue.notice(order(2))
        await taker.all()
        assert count(futile) is None


async def test_the_queue_says_when_the_batch_takes_nothing_more() -> None:
    store = store_of(order(1))
    async with taking(store) as taker:
        assert not taker.queue.closed.is_set()
        queue = taker.queue
    assert queue.closed.is_set()
