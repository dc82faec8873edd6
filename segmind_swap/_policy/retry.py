"""Doing a thing again until it is done: the only file that knows tenacity.

A step says for itself how it went: `Done` with its value, or `Retry` after a delay. What it raises ends the
loop and passes unchanged, cancellation included.
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
    """The step reached its end."""

    value: T


@dataclass(frozen=True, slots=True)
class Retry:
    """The step wants another turn, after `delay` seconds."""

    delay: float


Turn: TypeAlias = Done[T] | Retry
Step: TypeAlias = Callable[[], Awaitable[Turn[T]]]


def _delay(state: tenacity.RetryCallState) -> float:
    assert state.outcome is not None  # noqa: S101 - tenacity asks only after a turn
    return cast("Retry", state.outcome.result()).delay


async def run_until_done(step: Step[T]) -> T:
    """Takes turns until one is `Done`; returns its value."""
    turn = await step()
    if isinstance(turn, Done):
        # Most are done at once, and a loop costs more than such a turn.
        return turn.value
    # A fresh object for each loop: two tasks that share one mix up their state. No stop rule: tenacity's read
    # the wall clock, and who calls this sits inside a deadline of the event loop.
    retrying = tenacity.AsyncRetrying(
        sleep=anyio.sleep,
        wait=_delay,
        retry=tenacity.retry_if_result(lambda turn: isinstance(turn, Retry)),
    )
    await anyio.sleep(turn.delay)
    return cast("Done[T]", await retrying(step)).value


def backoff(policy: RetryPolicy, failures: int) -> float:
    """Seconds to wait after the n-th failure in a row: full jitter under an exponential ceiling.

    After Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    exponent = min(failures - 1, _LARGEST_EXPONENT)
    ceiling = min(policy.max_delay, policy.initial_delay * 2.0**exponent)
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, hides nothing
