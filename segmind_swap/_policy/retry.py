"""Repeats a step until the step is done. Only this file uses tenacity.

A step returns `Done` with a value, or `Retry` with a delay. An exception of a step, cancellation included,
ends the loop and is raised unchanged.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast

import anyio
import tenacity

from .._config import RetryPolicy

T = TypeVar("T")
_LARGEST_EXPONENT = 62


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The last step. `value` is the value of the loop."""

    value: T


@dataclass(frozen=True, slots=True)
class Retry:
    """The step must be repeated after `delay` seconds."""

    delay: float


Step: TypeAlias = Done[T] | Retry
"""How one step ended."""


def _delay(state: tenacity.RetryCallState) -> float:
    assert state.outcome is not None  # noqa: S101 - tenacity asks only after a step
    return cast("Retry", state.outcome.result()).delay


async def run_until_done(take: Callable[[], Awaitable[Step[T]]]) -> T:
    """Takes steps until a step is `Done`. Returns the value of that step."""
    step = await take()
    if isinstance(step, Done):
        # Most loops end here, and tenacity's loop costs more than such a step.
        return step.value
    # A new object for each loop: two tasks that share one object mix up their states. No stop rule, because
    # tenacity's rules read the wall clock; the callers have deadlines of the event loop.
    retrying = tenacity.AsyncRetrying(
        sleep=anyio.sleep,
        wait=_delay,
        retry=tenacity.retry_if_result(lambda step: isinstance(step, Retry)),
    )
    await anyio.sleep(step.delay)
    return cast("Done[T]", await retrying(take)).value


def backoff(policy: RetryPolicy, failures: int) -> float:
    """Seconds to wait after `failures` failures in a row: full jitter under an exponential ceiling.

    After Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    exponent = min(failures - 1, _LARGEST_EXPONENT)
    ceiling = min(policy.max_delay, policy.initial_delay * 2.0**exponent)
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, hides nothing
