"""The exit codes, and which code several swaps have together."""

import signal

import pytest

from segmind_swap.cli._terminal.exit_codes import ExitCode, most_urgent

C = ExitCode


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0),
        ([C.DONE, C.DONE], 0),
        ([C.DONE, C.REFUSED], 1),
        ([C.REFUSED, C.FAILED], 6),
        ([C.FAILED, C.STOPPED], 5),
        ([C.STOPPED, C.UNFINISHED], 3),
        ([C.UNFINISHED, C.UNKNOWN], 4),
    ],
)
def test_of_several_swaps_the_most_urgent_decides(codes: list[ExitCode], code: int) -> None:
    assert most_urgent(codes) == most_urgent(reversed(codes)) == code


def test_a_signal_has_the_code_that_shells_count() -> None:
    assert ExitCode.of_signal(signal.SIGINT) is C.INTERRUPTED
    assert ExitCode.of_signal(signal.SIGTERM) is C.TERMINATED
    assert ExitCode.of_signal(signal.SIGHUP) is C.HUNG_UP
