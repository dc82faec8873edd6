"""The progress of the demo."""

import pytest

from segmind_swap import Accepted, Failed, RateLimited, RetryScheduled, Submitting, SwapFailedError, SwapJob
from segmind_swap.cli._demo.progress import DemoProgress

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")


def test_a_row_follows_its_swap_and_faults_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    progress = DemoProgress(["a", "b"])
    for event in (
        Submitting(swap=1, id="a", attempt=1),
        RateLimited(swap=1, call="submit", delay=2.0),
        RetryScheduled(
            swap=1,
            call="submit",
            id="a",
            job=None,
            attempt=1,
            delay=2.0,
            cause="the submit was answered 429",
            status_code=429,
        ),
        Accepted(swap=1, id="a", job=JOB),
        RetryScheduled(
            swap=1, call="poll", id=None, job=JOB, attempt=1, delay=1.0, cause="x", status_code=502
        ),
        Failed(swap=1, id="a", error=SwapFailedError("no face\nwas found", reason="", job=JOB)),
    ):
        progress(event)
    row = progress.rows["a"]
    assert row.state == "failed"
    assert row.notes == ["429: waited 2 s", "502 on a poll: retried", "no face was found"]
    assert progress.faults_survived == {"rate limit (429)": 1, "gateway error (502)": 1}
    assert capsys.readouterr().err.splitlines() == [
        "a: submitting",
        "a: 429: waited 2 s",
        "a: queued",
        "a: 502 on a poll: retried",
        "a: no face was found",
        "a: failed",
    ]
    assert progress.rows["b"].seconds(now=5.0) is None


def test_the_seconds_of_a_row_run_from_the_first_submit_to_the_end() -> None:
    row = DemoProgress(["a"]).rows["a"]
    row.started_at = 10.0
    assert row.seconds(now=12.0) == 2.0
    row.ended_at = 13.0
    assert row.seconds(now=20.0) == 3.0
