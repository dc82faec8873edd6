"""The exit codes of errors."""

import pytest

from segmind_swap import (
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    ImageError,
    JournalError,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapTimeoutError,
)
from segmind_swap.cli._exit_codes import ExitCode, exit_code_of

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (ImageError("x", image="a.png"), 2),
        (AuthenticationError("x", status_code=401), 1),
        (AuthenticationError("x", status_code=401, job=JOB), 3),
        (SwapFailedError("x", reason="", job=JOB), 1),
        (SwapTimeoutError("x", seconds=1, job=JOB), 3),
        (SwapExpiredError("x", job=JOB), 3),
        (OutputError("x", body=b"", job=JOB), 3),
        (DownloadError("x", url="https://a.example/b", job=JOB), 3),
        (SubmissionUnknownError("x"), 4),
        (SubmissionUnknownError("x", job=JOB), 4),
    ],
)
def test_the_exit_code_of_an_error_says_whether_something_was_paid(error: SwapError, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_journal_that_cannot_be_used_is_a_usage_error() -> None:
    assert exit_code_of(JournalError("x", path="j")) is ExitCode.USAGE
