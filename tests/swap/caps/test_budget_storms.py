"""Many swaps at once on one client with a budget: the emulator's bill is the witness."""

import random
from typing import Any, Literal

import anyio
import pytest

from segmind_swap import (
    BudgetExceededError,
    PollPolicy,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapRequest,
)
from segmind_swap.emulator import Emulator, Fault
from segmind_swap.testing import connect

PRICE = 0.1522
ROOM = 7
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "headers": {"retry-after": "1"}},
    "500": {"status": 500},
    "400": {"status": 400},
    "502, not billed": {"status": 502},
    "503, billed": {"status": 503, "accepts": True},
    "cut before the body": {"cut": "before-body"},
    "cut after the body": {"cut": "after-body"},
    "cut in the answer": {"cut": "mid-answer"},
    "not JSON": {"malformed": "html"},
    "late": {"delay": 3.0},
}
PROVABLY_FREE = {"429", "500", "400", "cut before the body", "late"}
Policy = Literal["documented", "strict"]


def faults_of(names: list[str], chooser: random.Random) -> list[Fault]:
    return [Fault(on="submit", probability=chooser.uniform(0.05, 0.25), **FAULTS[name]) for name in names]


def emulator_of(seed: int, names: list[str], **settings: Any) -> Emulator:
    chooser = random.Random(seed)
    faults = faults_of(names, chooser)
    return Emulator(
        duration=20, engine="none", price_usd=PRICE, credits_usd=1000, faults=faults, seed=seed, **settings
    )


def pictures(number: int) -> dict[str, Any]:
    return {
        "reference_character_image": "https://pictures.example/hero.png",
        "character_image": f"https://pictures.example/{number}.jpg",
    }


def billed(emulator: Emulator) -> float:
    return sum(charge.price_usd for charge in emulator.ledger)


def budgeted(emulator: Emulator, policy: Policy, **settings: Any) -> SwapClient:
    return connect(
        emulator,
        budget_usd=ROOM * PRICE,
        price_usd=PRICE,
        retry=RetryPolicy(submit=policy),
        polling=PollPolicy(interval=7.0),
        **settings,
    )


async def storm(swaps: SwapClient, chooser: random.Random, *, cancels: bool = False) -> list[SwapError]:
    """50 calls, of which some wait for their pictures, and some are cancelled; a second wave comes later."""
    errors: list[SwapError] = []

    async def one(number: int) -> None:
        await anyio.sleep(chooser.choice([0.0, 0.0, 1.0, 30.0]))
        seconds = chooser.uniform(0.0, 6.0) if cancels and chooser.random() < 0.3 else 10_000.0
        with anyio.move_on_after(seconds):
            try:
                if number % 3:
                    await swaps.swap(**pictures(number))
                else:
                    await swaps.submit(**pictures(number))
            except SwapError as error:
                errors.append(error)

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(one, number)
    return errors


@pytest.mark.parametrize("policy", ["documented", "strict"])
@pytest.mark.parametrize("seed", range(20))
async def test_the_bill_never_exceeds_the_budget_of_the_client_whatever_goes_wrong(
    seed: int, policy: Policy
) -> None:
    chooser = random.Random(1000 + seed)
    names = chooser.sample(list(FAULTS), 4)
    emulator = emulator_of(seed, names, failed_status=200, gateway_bills=bool(seed % 2))
    async with budgeted(emulator, policy) as swaps:
        errors = await storm(swaps, chooser, cancels=seed % 3 == 0)
        await anyio.sleep(100)
        assert billed(emulator) <= swaps.committed_usd + 1e-9 <= ROOM * PRICE + 2e-9, names
    assert any(isinstance(error, BudgetExceededError) for error in errors), "50 swaps want more than 7 prices"


@pytest.mark.parametrize("policy", ["documented", "strict"])
@pytest.mark.parametrize("seed", range(20))
async def test_the_budget_is_used_up_to_the_last_price_where_nothing_is_in_doubt(
    seed: int, policy: Policy
) -> None:
    chooser = random.Random(2000 + seed)
    names = chooser.sample(sorted(PROVABLY_FREE), 3)
    emulator = emulator_of(seed, names)
    async with budgeted(emulator, policy) as swaps:
        errors = await storm(swaps, chooser)
        assert len(emulator.ledger) == ROOM
        assert swaps.committed_usd == pytest.approx(ROOM * PRICE)
    refused = sum(isinstance(error, BudgetExceededError) for error in errors)
    assert refused == 50 - ROOM - sum(not isinstance(error, BudgetExceededError) for error in errors)
    assert not [error for error in errors if isinstance(error, SubmissionUnknownError)]


@pytest.mark.parametrize("seed", range(4))
async def test_failed_runs_and_several_batches_share_one_budget(seed: int) -> None:
    chooser = random.Random(3000 + seed)
    emulator = emulator_of(seed, ["429", "cut after the body", "503, billed"])
    emulator.inject(Fault(on="poll", probability=0.3, status=200, body={"status": "FAILED"}))
    stopped: list[SwapError | None] = []
    async with budgeted(emulator, "documented") as swaps, anyio.create_task_group() as group:

        async def batch(first: int) -> None:
            requests = [SwapRequest(id=str(n), **pictures(n)) for n in range(first, first + 20)]
            async with swaps.swap_many(requests, max_futile=None) as outcomes:
                async for _ in outcomes:
                    pass
            stopped.append(outcomes.stopped_by)

        for first in (100, 200):
            group.start_soon(batch, first)
        await storm(swaps, chooser)
    assert billed(emulator) <= swaps.committed_usd + 1e-9 <= ROOM * PRICE + 2e-9
    assert len(stopped) == 2
    assert all(isinstance(error, BudgetExceededError) for error in stopped), stopped
