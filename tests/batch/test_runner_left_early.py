"""A batch that is left early: its tasks belong to the client, and to no scope of its caller."""

import gc
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from segmind_swap import (
    ConfigurationError,
    Journal,
    OutcomeState,
    SwapClient,
    SwapOutcome,
)
from segmind_swap.emulator import Emulator

from ..support.batches import client_of, emulator, run, states, swaps_of

# Trio warns of a generator that is never closed, and closes it in a cancelled scope.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")


async def stream(client: SwapClient, **options: Any) -> AsyncGenerator[SwapOutcome, None]:
    async with client.swap_many(swaps_of(40), concurrency=4, **options) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def first_of(client: SwapClient, *, closes: bool, **options: Any) -> SwapOutcome:
    if closes:
        async with aclosing(stream(client, **options)) as outcomes:
            async for outcome in outcomes:
                return outcome
    else:
        async for outcome in stream(client, **options):
            return outcome
    raise AssertionError("there are outcomes")


async def a_swap(client: SwapClient) -> None:
    await client.swap(reference_character_image="https://a.example/1", character_image="https://a.example/2")


async def submits_settle(service: Emulator) -> int:
    gc.collect()
    await anyio.sleep(2000)
    return len(service.ledger)


@pytest.mark.parametrize("closes", [True, False])
async def test_a_generator_around_a_batch_may_be_left_early_and_the_task_goes_on(closes: bool) -> None:
    service = emulator()
    async with client_of(service) as client:
        assert (await first_of(client, closes=closes)).state is OutcomeState.COMPLETED
        await a_swap(client)
        assert await submits_settle(service) <= 1 + 4 + 4
        await a_swap(client)


@pytest.mark.parametrize("closes", [True, False])
async def test_the_journal_is_free_again_and_the_next_run_pays_for_nothing_twice(closes: bool) -> None:
    service, journal = emulator(), Journal(":memory:")
    async with client_of(service) as client:
        await first_of(client, closes=closes, journal=journal)
        paid = await submits_settle(service)
        again = await run(service, swaps_of(40), {"journal": journal})
    assert states(again) == {"completed": 40}
    assert (paid <= 9, len(service.ledger)) == (True, 40)


async def test_a_batch_whose_outcomes_nobody_takes_submits_no_more_than_its_slots() -> None:
    service = emulator()
    async with client_of(service) as client:
        left = client.swap_many(swaps_of(40), concurrency=4)
        outcomes = await left.__aenter__()
        assert await submits_settle(service) == 4
        del left, outcomes
        assert await submits_settle(service) == 4
        await a_swap(client)


async def test_a_client_that_closes_ends_its_batches_and_names_what_was_paid(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, journal = emulator(), Journal(":memory:")
    client = client_of(service)
    outcomes = await client.swap_many(swaps_of(4), journal=journal).__aenter__()
    await anyio.sleep(30)
    with caplog.at_level(logging.WARNING):
        await client.aclose()
    assert len(outcomes.unfinished) == 4
    assert caplog.text.count("is billed") == 4
    with pytest.raises(ConfigurationError, match="the client was closed while its batch ran"):
        await anext(outcomes)
    assert states(await run(service, swaps_of(4), {"journal": journal})) == {"completed": 4}
    assert len(service.ledger) == 4


async def test_a_finished_outcome_that_nobody_has_read_is_logged_unless_a_journal_keeps_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for journal, lines in ((None, 2), (Journal(":memory:"), 0)):
        caplog.clear()
        async with (
            client_of(emulator()) as client,
            client.swap_many(swaps_of(3), journal=journal) as outcomes,
        ):
            await anext(outcomes)
            await anyio.sleep(1000)
        assert caplog.text.count("before the outcome of swap") == lines


async def test_a_block_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    service = emulator()
    async with client_of(service) as client:
        batch = client.swap_many(swaps_of(40), concurrency=4)

        async def enter() -> None:
            outcomes = await batch.__aenter__()
            assert (await anext(outcomes)).state is OutcomeState.COMPLETED

        async def leave() -> None:
            await batch.__aexit__(None, None, None)

        for step in (enter, leave):
            async with anyio.create_task_group() as group:
                group.start_soon(step)
        await a_swap(client)
        assert await submits_settle(service) <= 9


async def test_a_generator_that_is_closed_in_a_cancelled_scope_ends_its_batch() -> None:
    service = emulator()
    async with client_of(service) as client:
        outcomes = stream(client)
        await anext(outcomes)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await outcomes.aclose()
        await a_swap(client)
        assert await submits_settle(service) <= 9
