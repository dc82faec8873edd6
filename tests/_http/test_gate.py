"""When requests may leave: the rate limit, and the gate that a 429 closes. Minutes here cost nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio
import httpx
import pytest

from segmind_swap._api.requests import poll_request
from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._http.gate import LocalGate, _Ticket
from segmind_swap._models import Call, Rate

from ..support.sessions import Wire, http_of

KINDS = (Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS)


def a_pace(requests_per_minute: float | None = None, *, count_polls: bool = False) -> LocalGate:
    return LocalGate(
        RateLimit(requests_per_minute=requests_per_minute, count_polls=count_polls), RetryPolicy()
    )


class Traffic:
    """Requests through one pace; notes when each leaves, to the second, and how many are out at once."""

    def __init__(self, pace: LocalGate, *, takes: float = 0.0) -> None:
        self.pace = pace
        self.left_at: list[tuple[str, int]] = []
        self.in_flight = 0
        self.answered = 0
        self.sizes: list[tuple[int, int]] = []
        self._takes = takes
        self._started = anyio.current_time()

    async def send(self, call: Call, name: str = "") -> None:
        admission = await self.pace.admit(call)
        self.left_at.append((name or call.value, round(anyio.current_time() - self._started)))
        self.in_flight += 1
        self.sizes.append((self.answered, self.in_flight))
        try:
            await anyio.sleep(self._takes)
            self.in_flight -= 1
            self.answered += 1
            self.pace.answered(admission)
        finally:
            self.pace.release(admission)

    async def send_all(self, calls: Sequence[Call]) -> None:
        async with anyio.create_task_group() as group:
            for call in calls:
                group.start_soon(self.send, call)
                # Each in the queue before the next, so that the order is known.
                await anyio.wait_all_tasks_blocked()


async def closed(pace: LocalGate, seconds: float, call: Call = Call.POLL) -> None:
    """Lets one request meet a 429."""
    admission = await pace.admit(call)
    pace.rate_limited(admission, seconds)
    pace.release(admission)


@contextmanager
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes each wait as short as it may be."""
    with monkeypatch.context() as patch:
        patch.setattr("segmind_swap._http.gate.random.uniform", lambda shortest, _: shortest)
        yield


# The rate limit


async def test_of_an_unknown_limit_at_most_eight_submits_are_unanswered_and_nothing_else_waits() -> None:
    traffic = Traffic(a_pace(), takes=10)
    async with anyio.create_task_group() as group:
        for call in (*[Call.SUBMIT] * 20, *KINDS * 100):
            group.start_soon(traffic.send, call)
    times = {kind: Counter(second for name, second in traffic.left_at if name == kind) for kind in KINDS}
    assert times[Call.SUBMIT] == dict.fromkeys(range(0, 150, 10), 8)
    assert times[Call.POLL] == times[Call.UPLOAD] == times[Call.CREDITS] == {0: 100}


async def test_where_the_limit_is_given_submits_wait_for_nothing_else() -> None:
    traffic = Traffic(a_pace(60_000), takes=10)
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(traffic.send, Call.SUBMIT)
    assert Counter(second for _, second in traffic.left_at) == {0: 100}


async def test_submits_are_spread_evenly_over_the_minute() -> None:
    traffic = Traffic(a_pace(6))
    await traffic.send_all([Call.SUBMIT] * 5)
    assert [second for _, second in traffic.left_at] == [0, 10, 20, 30, 40]


async def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    traffic = Traffic(a_pace(6))
    await traffic.send(Call.SUBMIT)
    await anyio.sleep(300)
    await traffic.send_all([Call.SUBMIT] * 3)
    assert [second for _, second in traffic.left_at] == [0, 300, 310, 320]


async def test_polls_pass_waiting_submits_while_polls_do_not_count() -> None:
    traffic = Traffic(a_pace(6))
    await traffic.send_all([Call.SUBMIT, Call.SUBMIT, Call.SUBMIT, Call.POLL, Call.POLL])
    assert traffic.left_at == [("submit", 0), ("poll", 0), ("poll", 0), ("submit", 10), ("submit", 20)]


async def test_polls_use_up_the_limit_where_they_count() -> None:
    traffic = Traffic(a_pace(6, count_polls=True))
    await traffic.send_all([Call.POLL] * 3)
    assert [second for _, second in traffic.left_at] == [0, 10, 20]


async def test_where_polls_count_two_of_them_come_before_each_submit() -> None:
    traffic = Traffic(a_pace(60, count_polls=True))
    await traffic.send_all([Call.SUBMIT] * 4 + [Call.POLL] * 6)
    names = [name for name, _ in traffic.left_at]
    assert names == ["submit", *["poll", "poll", "submit"] * 3]
    assert [second for _, second in traffic.left_at] == list(range(10))


async def test_where_polls_come_late_three_of_them_come_before_each_submit() -> None:
    """There are swaps enough under way; more would only be found later."""
    traffic = Traffic(a_pace(6, count_polls=True))
    await traffic.send_all([*[Call.POLL] * 11, *[Call.SUBMIT] * 4])
    runs = [len(run) for run in "".join(name[0] for name, _ in traffic.left_at).split("s")]
    assert runs == [2, 3, 3, 3, 0]


async def test_where_polls_count_they_are_served_in_the_order_in_which_they_were_due() -> None:
    traffic = Traffic(a_pace(6, count_polls=True))
    async with anyio.create_task_group() as group:
        for name in "abcde":
            group.start_soon(traffic.send, Call.POLL, name)
            await anyio.wait_all_tasks_blocked()
    assert [name for name, _ in traffic.left_at] == list("abcde")


async def test_uploads_wait_behind_no_poll_and_no_submit() -> None:
    traffic = Traffic(a_pace(6, count_polls=True))
    await traffic.send_all([Call.POLL] * 3 + [Call.SUBMIT] * 3 + [Call.UPLOAD, Call.CREDITS])
    assert sorted(name for name, second in traffic.left_at if second == 0) == ["credits", "poll", "upload"]


@pytest.mark.parametrize("count_polls", [False, True])
async def test_uploads_and_credits_use_up_nothing(count_polls: bool) -> None:
    traffic = Traffic(a_pace(6, count_polls=count_polls))
    await traffic.send_all([Call.UPLOAD, Call.CREDITS, Call.SUBMIT, Call.SUBMIT])
    assert [second for _, second in traffic.left_at] == [0, 0, 0, 10]


# A 429


@pytest.mark.parametrize("call", KINDS)
async def test_a_429_holds_back_requests_of_its_kind_and_no_others(call: Call) -> None:
    pace = a_pace()
    traffic = Traffic(pace)
    await closed(pace, 30, call)
    await traffic.send_all(KINDS)
    assert dict(traffic.left_at) == {kind.value: 30 if kind is call else 0 for kind in KINDS}
    assert pace.closed_for(call) == 0


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
async def test_where_polls_count_a_429_to_a_submit_or_a_poll_holds_back_both(call: Call) -> None:
    pace = a_pace(count_polls=True)
    traffic = Traffic(pace)
    await closed(pace, 30, call)
    assert pace.closed_for(Call.SUBMIT) == pace.closed_for(Call.POLL) == pytest.approx(30, abs=0.1)
    await traffic.send_all(KINDS)
    assert dict(traffic.left_at) == {"submit": 30, "poll": 30, "upload": 0, "credits": 0}


async def test_a_429_holds_back_those_who_wait_already() -> None:
    pace = a_pace(6)
    traffic = Traffic(pace)
    earlier = await pace.admit(Call.SUBMIT)
    async with anyio.create_task_group() as group:
        group.start_soon(traffic.send, Call.SUBMIT)
        await anyio.wait_all_tasks_blocked()
        pace.rate_limited(earlier, 45)
        pace.release(earlier)
    assert traffic.left_at == [("submit", 45)]


async def test_the_hint_is_obeyed_and_told() -> None:
    pace = a_pace()
    assert pace.closed_for(Call.POLL) == 0
    assert pace.rate_limited(await pace.admit(Call.POLL), 17.0) == pytest.approx(17, abs=0.1)
    assert pace.closed_for(Call.POLL) == pytest.approx(17, abs=0.1)
    await anyio.sleep(18)
    assert pace.closed_for(Call.POLL) == 0


async def test_a_shorter_hint_that_comes_later_does_not_open_the_gate_earlier() -> None:
    pace = a_pace()
    first, second = await pace.admit(Call.POLL), await pace.admit(Call.POLL)
    pace.rate_limited(first, 60.0)
    assert pace.rate_limited(second, 1.0) == pytest.approx(60, abs=0.1)


async def test_a_hint_of_nothing_still_closes_the_gate_for_half_a_second() -> None:
    pace = a_pace()
    assert 0.4 < pace.rate_limited(await pace.admit(Call.POLL), 0.0) <= 0.5


async def test_without_a_hint_the_gate_closes_for_half_a_second_at_least() -> None:
    pace = LocalGate(RateLimit(), RetryPolicy(initial_delay=0, max_delay=0))
    assert 0.4 < pace.rate_limited(await pace.admit(Call.POLL), None) <= 0.5


async def test_without_a_hint_each_closing_in_a_row_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = LocalGate(RateLimit(), RetryPolicy(initial_delay=10, max_delay=60))
    waits = []
    with no_jitter(monkeypatch):
        for _ in range(5):
            admission = await pace.admit(Call.POLL)
            waits.append(round(pace.rate_limited(admission, None)))
            pace.release(admission)
    assert waits == [10, 20, 40, 60, 60]


async def test_an_answer_ends_the_row_of_closings(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = LocalGate(RateLimit(), RetryPolicy(initial_delay=10, max_delay=60))
    with no_jitter(monkeypatch):
        for _ in range(3):
            admission = await pace.admit(Call.POLL)
            pace.rate_limited(admission, None)
            pace.release(admission)
        await Traffic(pace).send(Call.POLL)
        assert round(pace.rate_limited(await pace.admit(Call.POLL), None)) == 10


async def test_many_429s_of_the_same_closing_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = LocalGate(RateLimit(), RetryPolicy(initial_delay=10, max_delay=10_000))
    together = [await pace.admit(Call.POLL) for _ in range(20)]
    with no_jitter(monkeypatch):
        assert {round(pace.rate_limited(admission, None)) for admission in together} == {10}
        for admission in together:
            pace.release(admission)
        assert round(pace.rate_limited(await pace.admit(Call.POLL), None)) == 20


# Reopening


async def test_the_gate_reopens_with_one_request_in_flight() -> None:
    pace = a_pace(count_polls=True)
    traffic = Traffic(pace, takes=3)
    await closed(pace, 30)
    await traffic.send_all([Call.POLL, Call.SUBMIT])
    assert traffic.left_at == [("poll", 30), ("submit", 33)]


async def test_two_hundred_waiters_never_leave_in_a_burst() -> None:
    pace = a_pace(count_polls=True)
    traffic = Traffic(pace, takes=3)
    await closed(pace, 30)
    await traffic.send_all([Call.POLL, Call.SUBMIT] * 100)
    assert len(traffic.left_at) == 200
    paced = [(answers, in_flight) for answers, in_flight in traffic.sizes if 2**answers <= 64]
    assert max(in_flight for answers, in_flight in paced if answers == 0) == 1
    assert all(in_flight <= 2**answers for answers, in_flight in paced), paced
    assert traffic.in_flight == 0


async def test_a_429_while_reopening_starts_over_with_one() -> None:
    pace = a_pace()
    traffic = Traffic(pace, takes=3)
    await closed(pace, 30)
    await traffic.send(Call.POLL)
    await closed(pace, 30)
    await traffic.send_all([Call.POLL] * 3)
    assert [second for _, second in traffic.left_at] == [30, 63, 66, 66]


async def test_a_request_that_got_no_answer_makes_way_for_one_other() -> None:
    pace = a_pace()
    traffic = Traffic(pace, takes=3)
    await closed(pace, 30)
    unanswered = await pace.admit(Call.POLL)
    async with anyio.create_task_group() as group:
        group.start_soon(traffic.send, Call.POLL)
        group.start_soon(traffic.send, Call.POLL)
        await anyio.sleep(4)
        assert traffic.left_at == []
        pace.release(unanswered)
    assert [second for _, second in traffic.left_at] == [34, 37]


async def test_a_request_that_hangs_holds_up_the_reopened_gate_for_five_seconds_only() -> None:
    pace = a_pace(count_polls=True)
    traffic = Traffic(pace, takes=100)
    await closed(pace, 30)
    await traffic.send_all([Call.POLL, Call.SUBMIT, Call.POLL])
    assert traffic.left_at == [("poll", 30), ("poll", 35), ("submit", 40)]


async def test_a_request_that_hangs_since_before_a_429_does_not_hold_up_the_gate() -> None:
    pace = a_pace()
    await pace.admit(Call.POLL)
    traffic = Traffic(pace, takes=3)
    await closed(pace, 30)
    await traffic.send_all([Call.POLL, Call.POLL])
    assert [second for _, second in traffic.left_at] == [30, 33]


async def test_answers_to_requests_that_left_before_a_429_do_not_reopen_the_gate() -> None:
    """32 are out; one meets the limit, and then the other 31 are answered well, as before it."""
    started = anyio.current_time()
    in_flight = 0
    most = 0

    async def limited_once(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        if anyio.current_time() - started < 20:
            if request.url.path.endswith("/limited"):
                await anyio.sleep(1)
                return httpx.Response(429, headers={"retry-after": "60"})
            await anyio.sleep(2)
            return httpx.Response(200, json={})
        in_flight += 1
        most = max(most, in_flight)
        await anyio.sleep(5)
        in_flight -= 1
        return httpx.Response(503)

    http = http_of(Wire(limited_once))

    async def call(url: str) -> None:
        await http.request(poll_request(url))

    async with anyio.create_task_group() as group:
        for name in ["limited", *map(str, range(31))]:
            group.start_soon(call, f"{http.service.base_url}/requests/{name}")
        await anyio.sleep(30)
        for _ in range(20):
            group.start_soon(call, f"{http.service.base_url}/requests/later")
        await anyio.sleep(33)
        most_at_first = most
    assert most_at_first == 1
    assert in_flight == 0


# Waiters who go away


@pytest.mark.parametrize("gone", [0, 1, 3])
async def test_a_cancelled_waiter_takes_no_slot_and_blocks_nobody(gone: int) -> None:
    traffic = Traffic(a_pace(6))
    await traffic.send(Call.SUBMIT, "first")

    async def wait_for_turn(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            await traffic.send(Call.SUBMIT, name)

    scopes = [anyio.CancelScope() for _ in range(4)]
    async with anyio.create_task_group() as group:
        for index, scope in enumerate(scopes):
            group.start_soon(wait_for_turn, str(index), scope)
            await anyio.wait_all_tasks_blocked()
        await anyio.sleep(5)
        scopes[gone].cancel()
    stayed = [str(index) for index in range(4) if index != gone]
    assert traffic.left_at == [("first", 0), *zip(stayed, [10, 20, 30], strict=True)]


async def test_a_waiter_cancelled_at_a_closed_gate_makes_way_for_the_next() -> None:
    pace = a_pace()
    traffic = Traffic(pace)
    await closed(pace, 30)
    async with anyio.create_task_group() as group, anyio.create_task_group() as impatient:
        impatient.start_soon(traffic.send, Call.POLL, "impatient")
        await anyio.wait_all_tasks_blocked()
        group.start_soon(traffic.send, Call.POLL, "patient")
        await anyio.sleep(10)
        impatient.cancel_scope.cancel()
    assert traffic.left_at == [("patient", 30)]


async def test_a_waiter_cancelled_behind_a_full_window_makes_way_for_the_next() -> None:
    pace = a_pace()
    traffic = Traffic(pace, takes=4)
    await closed(pace, 30)
    async with anyio.create_task_group() as group:
        group.start_soon(traffic.send, Call.POLL, "out")
        await anyio.sleep(31)
        with anyio.move_on_after(2):
            await traffic.send(Call.POLL, "impatient")
        group.start_soon(traffic.send, Call.POLL, "patient")
    assert traffic.left_at == [("out", 30), ("patient", 34)]


class CountedPace(LocalGate):
    """Counts how often any waiter looked whether its turn had come."""

    looks = 0

    def _turn_at(self, ticket: _Ticket, now: float) -> float:
        self.looks += 1
        return super()._turn_at(ticket, now)


async def test_two_thousand_waiters_cost_a_few_looks_each() -> None:
    pace = CountedPace(RateLimit(requests_per_minute=6), RetryPolicy())
    traffic = Traffic(pace)
    async with anyio.create_task_group() as group:
        for _ in range(2000):
            group.start_soon(traffic.send, Call.SUBMIT)
    assert [second for _, second in traffic.left_at] == [10 * index for index in range(2000)]
    assert pace.looks < 5 * 2000


async def test_a_thousand_of_two_thousand_waiters_can_go_away_at_once() -> None:
    pace = CountedPace(RateLimit(requests_per_minute=6), RetryPolicy())
    traffic = Traffic(pace)
    async with anyio.create_task_group() as group, anyio.create_task_group() as impatient:
        for _ in range(1000):
            impatient.start_soon(traffic.send, Call.SUBMIT, "impatient")
            group.start_soon(traffic.send, Call.SUBMIT, "patient")
        await anyio.sleep(5)
        impatient.cancel_scope.cancel()
    patient = [second for name, second in traffic.left_at if name == "patient"]
    assert len(patient) == 1000
    assert len(traffic.left_at) <= 1001
    assert patient[-1] - patient[0] == 9990
    assert pace.looks < 5 * 2000


async def test_where_many_are_accepted_the_bound_of_an_unknown_limit_doubles_each_minute() -> None:
    traffic = Traffic(a_pace(), takes=5)
    async with anyio.create_task_group() as group:
        for _ in range(480):
            group.start_soon(traffic.send, Call.SUBMIT)
    at = Counter(second for _, second in traffic.left_at)
    assert {at[second] for second in range(0, 60, 5)} == {8}
    assert {at[second] for second in range(65, 120, 5)} == {16}


# What is learned


async def test_the_end_of_the_lease_wakes_the_polls_that_wait_behind_submits() -> None:
    pace = a_pace()
    pace.believe(Rate(per_minute=1.0, count_polls=True, count_polls_for=100.0), age=0.0)
    traffic = Traffic(pace)
    async with anyio.create_task_group() as group:
        for call in (*[Call.SUBMIT] * 3, *[Call.POLL] * 20):
            group.start_soon(traffic.send, call)
            await anyio.wait_all_tasks_blocked()
    polls = [second for name, second in traffic.left_at if name == "poll"]
    assert polls.count(100) >= 17
    assert max(polls) == 100
    assert not pace.counts_polls


async def test_polls_that_are_found_to_count_wait_with_the_submits_from_then_on() -> None:
    pace = a_pace()
    traffic = Traffic(pace)
    await closed(pace, 1, Call.SUBMIT)
    for _ in range(3):
        await closed(pace, 10, Call.POLL)
    assert pace.counts_polls
    assert pace.closed_for(Call.SUBMIT) == pace.closed_for(Call.POLL) == pytest.approx(10, abs=0.1)
    started = len(traffic.left_at)
    await traffic.send_all([Call.SUBMIT, Call.POLL, Call.POLL, Call.UPLOAD])
    assert [name for name, _ in traffic.left_at[started:]] == ["upload", "poll", "poll", "submit"]


async def test_waiters_of_both_kinds_are_let_go_when_polls_are_found_to_count_meanwhile() -> None:
    pace = a_pace()
    traffic = Traffic(pace)
    await closed(pace, 1, Call.SUBMIT)
    for _ in range(2):
        await closed(pace, 1, Call.POLL)
    third = await pace.admit(Call.POLL)
    await closed(pace, 60, Call.SUBMIT)
    async with anyio.create_task_group() as group:
        for call in (Call.SUBMIT, Call.POLL) * 10:
            group.start_soon(traffic.send, call)
        await anyio.sleep(0.1)
        pace.rate_limited(third, 20)
        pace.release(third)
        assert pace.counts_polls
    assert Counter(name for name, _ in traffic.left_at)["submit"] == 10
    assert traffic.in_flight == 0


async def test_a_belief_is_adopted_once_and_told() -> None:
    pace = a_pace()
    assert pace.rate() == Rate()
    pace.believe(Rate(per_minute=6.0), age=1.0)
    assert (pace.rate().per_minute, pace.rate_changes) == (6.0, 1)
    pace.believe(Rate(per_minute=600.0), age=1.0)
    assert (pace.rate().per_minute, pace.rate_changes) == (6.0, 1)
    traffic = Traffic(pace)
    await traffic.send_all([Call.SUBMIT] * 3)
    assert [second for _, second in traffic.left_at] == [0, 10, 20]


async def test_a_belief_slows_those_who_wait_already() -> None:
    pace = a_pace()
    traffic = Traffic(pace, takes=1)
    async with anyio.create_task_group() as group:
        for _ in range(11):
            group.start_soon(traffic.send, Call.SUBMIT)
        await anyio.sleep(0.5)
        pace.believe(Rate(per_minute=6.0), age=1.0)
    assert [second for _, second in traffic.left_at][8:] == [0, 10, 20]


async def test_a_thousand_who_wait_when_the_lease_ends_look_a_few_times_each() -> None:
    pace = CountedPace(RateLimit(), RetryPolicy())
    pace.believe(Rate(per_minute=600.0, count_polls=True, count_polls_for=60.0), age=0.0)
    traffic = Traffic(pace)
    async with anyio.create_task_group() as group:
        for _ in range(500):
            group.start_soon(traffic.send, Call.POLL)
            group.start_soon(traffic.send, Call.SUBMIT)
    assert Counter(name for name, _ in traffic.left_at) == {"poll": 500, "submit": 500}
    assert pace.looks < 6 * 1000
