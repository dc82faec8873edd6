"""The exit codes of the commands: what happened to the money, whatever could be printed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes of all commands.

    A code speaks of the run that ends with the code. What an earlier run has settled does not count.
    `meaning` is the text of `--help` and of the documentation.
    """

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """A member with its number and its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "done; every picture is saved"
    REFUSED = 1, "refused or not reached; nothing is charged"
    USAGE = 2, "an option or an input cannot be used; nothing was sent"
    UNFINISHED = 3, "a job is billed, but its picture is not saved: wait for the job"
    UNKNOWN = 4, "a submit was perhaps accepted and billed"
    STOPPED = 5, "stopped before every input was submitted: the same command continues"
    FAILED = 6, "the service ran the job, and the job failed; perhaps charged"
    UNDECIDED = 7, "pictures are undecided, as `review --list undecided` says"
    HUNG_UP = 129, "the terminal was closed (SIGHUP)"
    INTERRUPTED = 130, "interrupted by Ctrl-C (SIGINT)"
    TERMINATED = 143, "ended by SIGTERM"

    @classmethod
    def of_signal(cls, number: int) -> ExitCode:
        """The code of a command that a signal ended: 128 and the number, as shells count."""
        return next(code for code in cls if code == 128 + number)


def most_urgent(codes: Iterable[ExitCode]) -> ExitCode:
    """The code of several swaps together: that of the swap which needs a person first."""
    found = set(codes)
    return next((code for code in _BY_URGENCY if code in found), ExitCode.DONE)


_BY_URGENCY = (
    ExitCode.UNKNOWN,
    ExitCode.UNFINISHED,
    ExitCode.STOPPED,
    ExitCode.FAILED,
    ExitCode.USAGE,
    ExitCode.REFUSED,
)
