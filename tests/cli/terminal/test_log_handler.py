"""The library's logged errors on standard error."""

import logging

import pytest

from segmind_swap.cli._terminal.log_handler import StderrLogHandler


def test_an_error_is_shown_and_a_warning_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    handler = StderrLogHandler(logging.ERROR)
    log = logging.getLogger("segmind_swap.test_of_log_handler")
    log.addHandler(handler)
    log.propagate = False
    log.warning("seen by nobody")
    log.error("the job of %r is accepted: keep this line\x1b[2J", "a")
    assert capsys.readouterr().err == "segmind-swap: the job of 'a' is accepted: keep this line␛[2J\n"
