"""The progress of one swap."""

import re

import pytest

from segmind_swap import Accepted, RateLimited, RetryScheduled, Submitting, SwapJob, Uploaded
from segmind_swap.cli._terminal.swap_progress import SwapProgress

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")


def test_without_a_terminal_each_change_of_state_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = SwapProgress()
    with progress.display:
        for event in (
            Uploaded(swap=1, url="https://x.example/a", size_bytes=1),
            Uploaded(swap=1, url="https://x.example/b", size_bytes=1),
            Submitting(swap=1, id=None, attempt=1),
            RateLimited(swap=1, call="submit", delay=3.0),
            RetryScheduled(
                swap=1,
                call="submit",
                id=None,
                job=None,
                attempt=1,
                delay=2.0,
                cause="no\x1b[2J\nanswer",
                status_code=None,
            ),
        ):
            progress(event)
        assert progress.job is None
        progress(Accepted(swap=1, id=None, job=JOB))
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"^ +\d+\.\d s  ", "", line) for line in lines] == [
        "uploaded a picture",
        "submitting",
        "rate limited (429): next submit in 3 s",
        "no␛[2J answer; submitting again in 2.0 s",
        f"accepted as {JOB.name}",
    ]
    assert progress.job == JOB


def test_what_is_to_be_kept_of_an_accepted_job_is_done_before_it_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def keep(job: SwapJob) -> str:
        assert capsys.readouterr().err == ""
        return f"to download {job.name}:\n  a command"

    progress = SwapProgress(keep)
    with progress.display:
        progress(Accepted(swap=1, id=None, job=JOB))
    state, *hint = capsys.readouterr().err.splitlines()
    assert state.endswith(f"accepted as {JOB.name}")
    assert hint == [f"to download {JOB.name}:", "  a command"]
