"""Taking turns until one is done, on both loops; and how long a backoff may be."""

import asyncio
from collections.abc import Iterable, Iterator

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import RetryPolicy
from segmind_swap._errors import ConnectionFailedError
from segmind_swap._policy.retry import Done, Retry, Step, backoff, run_until_done

from ..conftest import run_on_asyncio

# Trio's virtual clock stands still while code runs; in asyncio's the real time of the code passes as well.
CLOSE = {"asyncio": 5.0, "trio": 1e-6}


class Steps:
    """A step that wants another turn after each of `delays`, then is done; notes when it was taken."""

    def __init__(self, name: str, delays: Iterable[float], takes: float = 0.0) -> None:
        self.name = name
        self.times: list[float] = []
        self._delays: Iterator[float] = iter(delays)
        self._takes = takes

    async def __call__(self) -> Step[str]:
        self.times.append(anyio.current_time())
        await anyio.sleep(self._takes)
        for delay in self._delays:
            return Retry(delay)
        return Done(self.name)


async def test_a_step_that_is_done_at_once_is_taken_once() -> None:
    steps = Steps("value", [])
    assert await run_until_done(steps) == "value"
    assert len(steps.times) == 1


@pytest.mark.parametrize("value", [None, False, 0, "", Retry(3.0), ValueError("a value"), Done("inner")])
async def test_any_value_can_be_the_end(value: object) -> None:
    async def step() -> Step[object]:
        return Done(value)

    assert await run_until_done(step) is value


@pytest.mark.parametrize("delays", [[100.0], [0.0, 0.0], [25.0, 3600.0, 0.0, 700.0], [700.0] * 50])
@pytest.mark.parametrize("takes", [0.0, 200.0])
async def test_the_delays_are_exactly_as_asked(delays: list[float], takes: float, loop: str) -> None:
    steps = Steps("value", delays, takes)
    started = anyio.current_time()
    assert await run_until_done(steps) == "value"
    expected = [started + sum(delays[:turn]) + takes * turn for turn in range(len(delays) + 1)]
    assert steps.times == pytest.approx(expected, abs=CLOSE[loop])
    assert anyio.current_time() == pytest.approx(expected[-1] + takes, abs=CLOSE[loop])


async def test_a_thousand_turns_are_no_trouble() -> None:
    steps = Steps("value", [0.0] * 1000)
    assert await run_until_done(steps) == "value"
    assert len(steps.times) == 1001


class Stop(BaseException):
    """Not an `Exception`, as cancellation is not."""


ERRORS = [
    ValueError("x"),
    ConnectionFailedError("x"),
    TimeoutError("x"),
    StopAsyncIteration(),
    RuntimeError("x"),
    Stop("x"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("turns", [0, 2])
async def test_what_a_step_raises_ends_the_loop_and_passes_unchanged(
    error: BaseException, turns: int
) -> None:
    taken = 0

    async def step() -> Step[None]:
        nonlocal taken
        taken += 1
        if taken > turns:
            raise error
        return Retry(1.0)

    with pytest.raises(type(error)) as caught:
        await run_until_done(step)
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert taken == turns + 1


async def test_cancellation_between_turns_ends_the_loop(loop: str) -> None:
    steps = Steps("value", [200.0] * 100)
    started = anyio.current_time()
    with anyio.move_on_after(500) as scope:
        await run_until_done(steps)
    assert scope.cancelled_caught
    assert len(steps.times) == 3
    assert anyio.current_time() - started == pytest.approx(500, abs=CLOSE[loop])


async def test_cancellation_in_a_turn_passes_as_the_very_same_exception() -> None:
    seen: list[BaseException] = []

    async def step() -> Step[None]:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as exc:
            seen.append(exc)
            raise
        return Retry(0.0)

    with anyio.move_on_after(5) as scope:
        try:
            await run_until_done(step)
        except anyio.get_cancelled_exc_class() as exc:
            seen.append(exc)
            raise
    assert scope.cancelled_caught
    assert len(seen) == 2
    assert seen[0] is seen[1]


async def test_a_loop_without_pauses_can_be_cancelled() -> None:
    turns = 0

    async def step() -> Step[None]:
        nonlocal turns
        turns += 1
        if turns == 10:
            scope.cancel()
        return Retry(0.0)

    with anyio.CancelScope() as scope:
        await run_until_done(step)
    assert scope.cancelled_caught
    assert turns == 10


def test_a_task_cancelled_by_plain_asyncio_ends_cancelled() -> None:
    async def main() -> None:
        steps = Steps("value", [3600.0] * 100)
        task = asyncio.create_task(run_until_done(steps))
        await asyncio.sleep(0.01)
        task.cancel("the caller's own words")
        with pytest.raises(asyncio.CancelledError, match="the caller's own words"):
            await task
        assert task.cancelled()
        assert len(steps.times) == 1

    run_on_asyncio(main())


async def test_loops_that_run_at_the_same_time_do_not_mix(loop: str) -> None:
    everyone = [Steps(f"loop {n}", [100.0 + n * 50] * (5 + n)) for n in range(20)]
    ends: dict[str, float] = {}
    started = anyio.current_time()

    async def run(steps: Steps) -> None:
        name = await run_until_done(steps)
        ends[name] = anyio.current_time() - started

    async with anyio.create_task_group() as group:
        for steps in everyone:
            group.start_soon(run, steps)
    for n, steps in enumerate(everyone):
        expected = [turn * (100.0 + n * 50) for turn in range(6 + n)]
        assert [time - started for time in steps.times] == pytest.approx(expected, abs=CLOSE[loop])
    assert ends == pytest.approx(
        {f"loop {n}": (100.0 + n * 50) * (5 + n) for n in range(20)}, abs=CLOSE[loop]
    )


async def test_loops_may_be_nested(loop: str) -> None:
    inner = [Steps("inner", [100.0]) for _ in range(3)]
    names: list[str] = []

    async def step() -> Step[list[str]]:
        names.append(await run_until_done(inner[len(names)]))
        return Done(names) if len(names) == 3 else Retry(1000.0)

    started = anyio.current_time()
    assert await run_until_done(step) == ["inner"] * 3
    assert anyio.current_time() - started == pytest.approx(2300, abs=CLOSE[loop])


# Backoff


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.floats(min_value=0, max_value=1e308),
    st.floats(min_value=0, max_value=1e308),
    st.integers(min_value=1, max_value=10**9),
)
def test_a_backoff_is_never_beyond_its_ceiling(initial: float, longest: float, failures: int) -> None:
    policy = RetryPolicy(initial_delay=initial, max_delay=longest)
    ceiling = min(longest, initial * 2.0 ** min(failures - 1, 1000))
    assert 0 <= backoff(policy, failures) <= ceiling


def test_a_backoff_is_spread_over_the_whole_range_below_its_ceiling() -> None:
    policy = RetryPolicy(initial_delay=1.0, max_delay=30.0)
    for failures, ceiling in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (50, 30)]:
        drawn = [backoff(policy, failures) for _ in range(500)]
        assert min(drawn) < 0.1 * ceiling
        assert 0.9 * ceiling < max(drawn) <= ceiling


@pytest.mark.parametrize("policy", [RetryPolicy(initial_delay=0), RetryPolicy(max_delay=0)])
def test_a_backoff_of_zero_can_be_asked_for(policy: RetryPolicy) -> None:
    assert [backoff(policy, failures) for failures in (1, 2, 10_000)] == [0.0, 0.0, 0.0]
