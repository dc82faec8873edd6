"""A 403 or a 404 to a submit is one input's, or (the first, or three in a row) it is the account's."""

from typing import Any

import anyio
import pytest

from segmind_swap import Journal, NotFoundError, OutcomeState, PermissionDeniedError
from segmind_swap.emulator import Fault

from ..support.batches import client_of, emulator, run, states, swap_of, swaps_of

S = OutcomeState
ERRORS = {403: PermissionDeniedError, 404: NotFoundError, 410: NotFoundError}
CONCURRENCIES = pytest.mark.parametrize("concurrency", [1, 2, 4])


@CONCURRENCIES
@pytest.mark.parametrize("status", ERRORS)
async def test_one_input_that_is_refused_after_others_were_accepted_is_rejected_and_named(
    status: int, concurrency: int
) -> None:
    service = emulator(faults=[Fault(on="submit", status=status, calls=[7])])
    journal = Journal(":memory:")
    outcomes = await run(service, swaps_of(12), {"journal": journal, "concurrency": concurrency})
    assert states(outcomes) == {"completed": 11, "rejected": 1}
    (rejected,) = [outcome for outcome in outcomes if outcome.state is S.REJECTED]
    assert isinstance(rejected.error, ERRORS[status])
    assert f"the swap {rejected.request.id!r} was refused" in str(rejected.error)
    assert journal.summary().states == {S.COMPLETED: 11, S.REJECTED: 1}
    again = await run(service, swaps_of(12), {"journal": journal})
    assert states(again) == {"completed": 11, "rejected": 1}
    assert service.count("submit") == 12


@CONCURRENCIES
@pytest.mark.parametrize("status", ERRORS)
async def test_the_first_submit_of_a_client_that_is_refused_stops_the_batch(
    status: int, concurrency: int
) -> None:
    service, journal = emulator(faults=[Fault(on="submit", status=status)]), Journal(":memory:")
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(12), journal=journal, concurrency=concurrency) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
    assert set(states(ended)) == {"pending"}
    assert isinstance(outcomes.stopped_by, ERRORS[status])
    assert service.count("submit") <= concurrency
    assert set(journal.summary().states) == {S.PENDING}


@CONCURRENCIES
async def test_three_inputs_in_a_row_that_are_refused_stop_the_batch_and_are_pending_again(
    concurrency: int,
) -> None:
    service = emulator(faults=[Fault(on="submit", status=403, calls=range(6, 10_000))])
    journal = Journal(":memory:")
    async with (
        client_of(service) as client,
        client.swap_many(swaps_of(40), journal=journal, concurrency=concurrency) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
    assert isinstance(outcomes.stopped_by, PermissionDeniedError)
    assert states(ended)["completed"] == 5
    assert set(states(ended)) == {"completed", "pending"}
    assert 5 + 3 <= service.count("submit") <= 5 + 3 + concurrency
    assert set(journal.summary().states) == {S.COMPLETED, S.PENDING}
    service.withdraw_all()
    assert states(await run(service, swaps_of(40), {"journal": journal})) == {"completed": 40}


async def test_refusals_with_an_accepted_submit_or_another_refusal_between_them_are_their_inputs() -> None:
    faults = [
        Fault(on="submit", status=403, calls=[2, 3, 5, 6, 8, 9]),
        Fault(on="submit", status=422, calls=[7]),
    ]
    outcomes = await run(emulator(faults=faults), swaps_of(10), {"concurrency": 1})
    assert states(outcomes) == {"completed": 3, "rejected": 7}


async def test_the_same_pictures_under_several_ids_are_one_input() -> None:
    same = {"character_image": "https://pictures.example/blocked.png"}
    requests = [swap_of(0), *(swap_of(number, **same) for number in range(1, 9)), swap_of(9)]
    service = emulator(faults=[Fault(on="submit", status=403, calls=range(2, 10))])
    outcomes = await run(service, requests, {"concurrency": 1})
    assert states(outcomes) == {"completed": 2, "rejected": 8}


@CONCURRENCIES
async def test_the_last_input_of_a_batch_that_is_refused_is_rejected(concurrency: int) -> None:
    service = emulator(faults=[Fault(on="submit", status=403, calls=[4])])
    outcomes = await run(service, swaps_of(4), {"concurrency": concurrency})
    assert states(outcomes) == {"completed": 3, "rejected": 1}


async def test_inputs_that_come_only_after_an_outcome_do_not_wait_for_ever_and_are_pending_in_the_end() -> (
    None
):
    """A producer that waits for each outcome: no other submit can decide whose fault a refusal is."""
    service, journal = emulator(), Journal(":memory:")
    read: list[str] = []

    async def one_at_a_time() -> Any:
        for number in range(9):
            while len(read) < number:  # noqa: ASYNC110 - the reader has no event to set
                await anyio.sleep(1)
            if number == 1:
                service.inject(Fault(on="submit", status=403))
            yield swap_of(number)

    async with client_of(service) as client:
        async with client.swap_many(one_at_a_time(), journal=journal) as outcomes:
            async for outcome in outcomes:
                read.append(outcome.state.value)  # noqa: PERF401 - the inputs wait for it
        assert isinstance(outcomes.stopped_by, PermissionDeniedError)
    assert read == ["completed", "rejected", "rejected", "pending"]
    assert journal.summary().states == {S.COMPLETED: 1, S.PENDING: 3}, "they led to the stop"


async def test_the_money_of_a_refused_input_is_free_for_the_input_that_decides() -> None:
    service = emulator(faults=[Fault(on="submit", status=403, calls=[2])])
    outcomes = await run(service, swaps_of(3), {"concurrency": 1, "budget_usd": 0.31})
    assert states(outcomes) == {"completed": 2, "rejected": 1}


@pytest.mark.parametrize("status", [401, 402])
async def test_a_refusal_of_the_account_stops_the_batch_at_once(status: int) -> None:
    service = emulator(faults=[Fault(on="submit", status=status, calls=range(4, 10_000))])
    outcomes = await run(service, swaps_of(30), {"concurrency": 1})
    assert states(outcomes)["completed"] == 3
    assert set(states(outcomes)) == {"completed", "pending"}
    assert service.count("submit") == 4
