"""The next run of a journal: nothing is paid twice, and no accepted job is lost."""

from pathlib import Path

import anyio
import httpx
import pytest

from segmind_swap import (
    ConfigurationError,
    Event,
    Journal,
    JournalError,
    OutcomeState,
    RetryPolicy,
    SubmissionUnknownError,
    Submitting,
    SwapClient,
    SwapExpiredError,
    SwapTimeoutError,
)
from segmind_swap.emulator import Fault

from ..support.batches import KEY, client_of, crashed, emulator, run, scenes_paid, states, swap_of, swaps_of

S = OutcomeState


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


async def test_a_second_run_gives_every_outcome_again_and_sends_nothing() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(3,), status=400)])
    journal = Journal(":memory:")
    first = await run(service, swaps_of(6), {"journal": journal, "concurrency": 1})
    calls = len(service.calls)
    second = await run(service, swaps_of(6), {"journal": journal, "concurrency": 1})
    assert len(service.calls) == calls
    assert [(o.request, o.state, o.result, repr(o.error)) for o in first] == [
        (o.request, o.state, o.result, repr(o.error)) for o in second
    ]
    assert states(second) == {"completed": 5, "rejected": 1}


async def test_what_failed_is_submitted_again_only_when_that_is_asked_for() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(2,), status=400)])
    journal = Journal(":memory:")
    await run(service, swaps_of(3), {"journal": journal, "concurrency": 1})
    again = await run(service, swaps_of(3), {"journal": journal, "retry_failed": True})
    assert states(again) == {"completed": 3}
    assert service.count("submit") == 4
    assert service.paid_twice() == []


async def test_after_a_crash_accepted_jobs_are_waited_for_and_the_rest_is_submitted_once() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(20), "poll", 12, concurrency=8)
    paid = len(service.ledger)
    assert left.summary().states == {S.ACCEPTED: 8, S.PENDING: 12} or left.summary().states[S.COMPLETED] > 0
    outcomes = await run(service, swaps_of(20), {"journal": left})
    assert states(outcomes) == {"completed": 20}
    assert scenes_paid(service) == {f"{n}.png": 1 for n in range(20)}
    assert 8 <= paid < 20


@pytest.mark.parametrize("after", [False, True])
async def test_a_submit_on_its_way_at_a_crash_is_unknown_and_not_sent_again(after: bool) -> None:
    service = emulator()
    left = await crashed(service, swaps_of(5), "submit", 3, after=after, concurrency=1)
    assert left.summary().states == {S.COMPLETED: 2, S.SENDING: 1, S.PENDING: 2}
    outcomes = await run(service, swaps_of(5), {"journal": left})
    assert states(outcomes) == {"completed": 4, "unknown": 1}
    (unknown,) = [outcome for outcome in outcomes if outcome.state is S.UNKNOWN]
    assert unknown.request.id == "s2"
    assert isinstance(unknown.error, SubmissionUnknownError)
    assert unknown.error.possible_duplicates == 1
    assert scenes_paid(service)["2.png"] == after
    again = await run(service, swaps_of(5), {"journal": left})
    assert states(again) == {"completed": 4, "unknown": 1}
    assert service.paid_twice() == []


async def test_a_swap_that_waits_for_the_rate_limit_at_a_crash_is_pending_and_sent_later() -> None:
    service = emulator(rate_limit=3)
    left = await crashed(service, swaps_of(6), "poll", 1, concurrency=6)
    counts = left.summary().states
    assert counts[S.PENDING] == 3
    assert S.SENDING not in counts
    assert states(await run(service, swaps_of(6), {"journal": left})) == {"completed": 6}
    assert service.paid_twice() == []


async def test_after_a_gateway_error_a_crash_leaves_the_swap_unknown_as_the_first_post_may_be_paid() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1,), status=504, accepts=True)])
    slow = {"retry": RetryPolicy(initial_delay=1000, max_delay=1000)}
    journal = Journal(":memory:")
    with anyio.move_on_after(0.5):
        await run(service, swaps_of(1), {"journal": journal}, **slow)
    outcomes = await run(service, swaps_of(1), {"journal": journal})
    assert states(outcomes) == {"unknown": 1}
    assert len(service.ledger) == 1


async def test_jobs_of_an_earlier_run_are_waited_for_oldest_first_and_before_new_inputs() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(6), "poll", 1, concurrency=6)
    events: list[Event] = []
    async with (
        client_of(service, on_event=events.append) as client,
        client.swap_many([swap_of(9), *swaps_of(6)], journal=left, concurrency=2) as outcomes,
    ):
        seen = [outcome async for outcome in outcomes]
    assert states(seen) == {"completed": 7}
    submits = [event.id for event in events if isinstance(event, Submitting)]
    assert submits == ["s9"]
    assert service.calls[-1].kind == "poll"
    assert scenes_paid(service) == {f"{n}.png": 1 for n in (*range(6), 9)}


async def test_a_job_of_an_earlier_run_whose_input_does_not_come_again_is_an_outcome_too() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(4), "poll", 1)
    outcomes = await run(service, [], {"journal": left})
    assert sorted(str(outcome.request.id) for outcome in outcomes) == ["s0", "s1", "s2", "s3"]
    assert states(outcomes) == {"completed": 4}
    assert len(service.ledger) == 4


async def test_a_job_that_timed_out_or_expired_stays_in_the_journal_to_be_waited_for() -> None:
    service = emulator(duration=5000, record_lifetime=1e6)
    journal = Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal}, timeout=100)
    assert outcome.state is S.ACCEPTED
    assert isinstance(outcome.error, SwapTimeoutError)
    assert outcome.job is not None
    (outcome,) = await run(service, swaps_of(1), {"journal": journal}, timeout=10_000)
    assert outcome.state is S.COMPLETED
    assert len(service.ledger) == 1


async def test_an_expired_job_can_be_waited_for_again_manual() -> None:
    service = emulator(faults=[Fault(on="poll", calls=range(1, 10), status=404)])
    journal = Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.EXPIRED
    assert isinstance(outcome.error, SwapExpiredError)
    assert journal.summary().reserved_usd == pytest.approx(0.1522)
    journal.wait_again("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.COMPLETED
    assert len(service.ledger) == 1


async def test_an_unknown_swap_that_a_person_submits_again_may_be_paid_twice_and_says_so() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "submit", 1, after=True)
    await run(service, swaps_of(1), {"journal": left})
    left.resubmit("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": left})
    assert outcome.state is S.COMPLETED
    assert outcome.job is not None
    assert outcome.job.possible_duplicates == 1
    assert len(service.ledger) == 2
    assert left.summary().spent_usd + left.summary().reserved_usd == pytest.approx(2 * 0.1522)


async def test_an_unknown_swap_that_is_refused_when_a_person_submits_it_again_is_unknown_still() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(2,), status=400)])
    left = await crashed(service, swaps_of(1), "submit", 1, after=True)
    await run(service, swaps_of(1), {"journal": left})
    left.resubmit("s0")
    (outcome,) = await run(service, swaps_of(1), {"journal": left})
    assert outcome.state is S.UNKNOWN


async def test_a_job_that_fails_in_this_run_is_not_one_that_failed_in_an_earlier_run() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "poll", 1)
    told = {"status": "FAILED", "error": "no character"}
    service.inject(Fault(on="poll", calls=range(1, 100), status=200, body=told))
    options = {"journal": left, "retry_failed": True, "concurrency": 1}
    assert states(await run(service, swaps_of(1), options)) == {"failed": 1}
    assert len(service.ledger) == 1


async def test_a_journal_that_calls_a_swap_accepted_without_a_job_ends_its_batch_and_sends_nothing() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(2), "poll", 1, concurrency=1)
    assert left._opening._memory is not None
    left._opening._memory._connection.execute("UPDATE swaps SET job = NULL")
    async with client_of(service) as client:
        for requests in (swaps_of(2), []):
            with pytest.raises(ConfigurationError, match="knows no job of 's0'"):
                await client.swap_all(requests, journal=left)
    assert len(service.ledger) == 1
    assert left.summary().reserved_usd == pytest.approx(0.1522), "it may be paid"


async def test_a_journal_belongs_to_one_service_and_one_workflow() -> None:
    service, journal = emulator(workflows=("678aa4026426baad7e5392fb-v7", "other-v1")), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    with pytest.raises(JournalError, match="belongs to the workflow"):
        await run(service, swaps_of(1), {"journal": journal}, workflow="other-v1")
    transport = httpx.ASGITransport(app=service.app)
    async with SwapClient(KEY, base_url="http://127.0.0.1:81", transport=transport) as client:
        with pytest.raises(JournalError, match=r"belongs to the origin http://127\.0\.0\.1, "):
            await client.swap_all(swaps_of(1), journal=journal)
    assert len(service.ledger) == 1


async def test_two_batches_do_not_share_a_journal_at_a_time() -> None:
    async with client_of(emulator()) as client:
        journal = Journal(":memory:")
        async with client.swap_many(swaps_of(1), journal=journal) as outcomes:
            with pytest.raises(JournalError, match="in use"):
                await client.swap_all(swaps_of(1), journal=journal)
            assert states([outcome async for outcome in outcomes]) == {"completed": 1}
        assert (await client.swap_all(swaps_of(1), journal=journal))[0].ok
