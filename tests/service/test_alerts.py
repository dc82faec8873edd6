"""The warnings for an operator: one for each swap that needs a person, and nothing in them that is secret."""

import logging

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap._service.alerts import warn_of_end
from segmind_swap.emulator import Fault

from ..support.batches import KEY, copy_of, emulator
from ..support.services import enqueue, served, submitting, until

S = OutcomeState


def _warnings(caplog: pytest.LogCaptureFixture, id: str) -> list[str]:
    return [text for text in caplog.messages if f"the swap {id!r} of" in text]


@pytest.mark.parametrize("state", list(S))
def test_only_an_end_that_needs_a_person_is_told(
    caplog: pytest.LogCaptureFixture, state: OutcomeState
) -> None:
    warn_of_end("swaps.db", "a", state)
    levels = [record.levelno for record in caplog.records]
    assert levels == ([logging.WARNING] if state in {S.UNKNOWN, S.EXPIRED} else [])


async def test_an_unknown_swap_is_told_once_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    machine = emulator(faults=[Fault(on="submit", calls=(1,), cut="after-body")])
    journal = Journal(":memory:")
    async with served(machine, journal) as service:
        await enqueue(service, 0, owner="ann@example.org")
        await until(service, "s0", S.UNKNOWN)
        await enqueue(service, 1)
        await service.result("s1")
    async with served(machine, journal) as service:
        await submitting(service)
    (told,) = _warnings(caplog, "s0")
    assert "`reconcile`" in told
    assert not any(secret in told for secret in ("ann@example.org", "?", "http", KEY))
    assert _warnings(caplog, "s1") == []


async def test_a_swap_that_was_sent_when_the_process_was_killed_is_told_by_the_next_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine, journal = emulator(faults=[Fault(on="submit", delay=10.0)]), Journal(":memory:")
    async with served(machine, journal) as service:
        await enqueue(service, 0)
        await until(service, "s0", S.SENDING)
        left = copy_of(journal)
        await service.result("s0")
    assert _warnings(caplog, "s0") == []
    for _ in range(2):
        async with served(machine, left) as service:
            await submitting(service)
    assert len(_warnings(caplog, "s0")) == 1
