"""Errors and signals as messages and exit codes."""

import json
from pathlib import Path

import pytest
import typer

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
from segmind_swap.cli._terminal.errors import errors_as_exit_codes, exit_code_of
from segmind_swap.cli._terminal.exit_codes import ExitCode

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (ImageError("x", image="a.png"), 2),
        (AuthenticationError("x", status_code=401), 1),
        (AuthenticationError("x", status_code=401, job=JOB), 3),
        (SwapFailedError("x", reason="", job=JOB), 6),
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


def test_an_error_after_the_job_was_accepted_prints_the_command_that_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as caught, errors_as_exit_codes(Path("my out.png"), as_json=True):
        raise SwapTimeoutError("too late", seconds=1, job=JOB)
    assert caught.value.exit_code == ExitCode.UNFINISHED
    out, err = capsys.readouterr()
    assert f"segmind-swap wait {JOB.poll_url} --out 'my out.png'" in err
    fields = json.loads(out)
    assert (fields["error"], fields["message"]) == ("SwapTimeoutError", "too late")
    assert SwapJob.model_validate(fields["job"]) == JOB


@pytest.mark.parametrize("error", [SwapExpiredError("gone", job=JOB), ConfigurationError("other", job=JOB)])
def test_where_waiting_again_cannot_help_the_command_is_not_printed(
    error: SwapError, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit), errors_as_exit_codes():
        raise error
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"segmind-swap: {error}\n")


def test_ctrl_c_without_a_job_says_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, errors_as_exit_codes(as_json=True):
        raise KeyboardInterrupt
    assert caught.value.exit_code == ExitCode.INTERRUPTED
    out, err = capsys.readouterr()
    assert err == "segmind-swap: interrupted\n"
    assert json.loads(out) == {"error": "Interrupted", "message": "interrupted", "job": None}


def test_without_an_error_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with errors_as_exit_codes(as_json=True):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("job", "is_submitting", "code"),
    [
        (None, False, ExitCode.REFUSED),
        (None, True, ExitCode.UNKNOWN),
        (JOB, False, ExitCode.UNFINISHED),
    ],
)
def test_the_exit_code_of_an_unexpected_error_says_whether_something_was_paid(
    job: SwapJob | None, is_submitting: bool, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = errors_as_exit_codes(current_job=lambda: job, is_submitting=lambda: is_submitting, as_json=True)
    with pytest.raises(typer.Exit) as caught, ending:
        raise RuntimeError("a mistake in this program")
    assert caught.value.exit_code == code
    out, err = capsys.readouterr()
    assert "RuntimeError: a mistake in this program" in err
    assert (f"segmind-swap wait {JOB.poll_url}" in err) == (job is not None)
    assert json.loads(out)["error"] == "RuntimeError"


def test_a_command_that_ended_by_itself_keeps_its_exit_code() -> None:
    with pytest.raises(typer.Exit) as caught, errors_as_exit_codes():
        raise typer.Exit(ExitCode.USAGE)
    assert caught.value.exit_code == ExitCode.USAGE
