"""The report of a swap: its outcome in each state, and the events of its start and its failure."""

import httpx

from segmind_swap import (
    Event,
    Failed,
    OutcomeState,
    Started,
    SubmissionUnknownError,
    SwapError,
    SwapJob,
    SwapRequest,
)
from segmind_swap._batch.steps.report import Report

from ...support.sessions import session_of

S = OutcomeState
REQUEST = SwapRequest(id="s1", reference_character_image="a.png", character_image="b.png")
JOB = SwapJob(poll_url="https://api.segmind.com/1", workflow="w")


def report_of(events: list[Event]) -> Report:
    return Report(
        session_of(httpx.MockTransport(lambda _: httpx.Response(200)), on_event=events.append), REQUEST
    )


async def test_a_failure_is_an_outcome_and_an_event() -> None:
    events: list[Event] = []
    report = report_of(events)
    report.started()
    error = SwapError("no")
    outcome = report.failed(S.REJECTED, error)
    assert (outcome.state, outcome.error, outcome.request) == (S.REJECTED, error, REQUEST)
    assert events == [
        Started(swap=report.swap, id="s1"),
        Failed(swap=report.swap, id="s1", error=error),
    ]


async def test_the_job_that_an_error_names_is_that_of_the_outcome_but_never_replaces_one() -> None:
    report = report_of([])
    assert report.outcome(S.UNKNOWN, error=SubmissionUnknownError("perhaps", job=JOB)).job == JOB
    other = SwapJob(poll_url="https://api.segmind.com/2", workflow="w")
    assert report.outcome(S.UNKNOWN, error=SubmissionUnknownError("perhaps", job=other)).job == JOB


async def test_what_was_not_sent_has_the_reason_and_not_the_job_of_another_swap() -> None:
    report = report_of([])
    reason = SubmissionUnknownError("of another swap", job=JOB)
    outcome = report.not_started(reason)
    assert (outcome.state, outcome.error, outcome.job) == (S.PENDING, reason, None)
    assert report.job is None


async def test_an_outcome_has_the_version_of_its_entry() -> None:
    report = report_of([])
    report.version = 3
    assert report.outcome(S.SAVED).version == 3
