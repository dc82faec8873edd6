"""What a redo does with one swap: whether it begins a new version, and why not."""

from __future__ import annotations

from enum import Enum, auto

from .._outcome import OutcomeState
from .._protocols.entry import Entry, EntryConflict, NewVersion

S = OutcomeState
_ENDED = frozenset({S.FAILED, S.REJECTED, S.ABANDONED})
"""A version that has ended so brings no picture, and none of its POSTs waits for anything."""

_CONTINUES = "run the batch again first, which is free"
_SAME_REDO = "run the same redo again, which"
_OTHER = {
    S.PENDING: f"it was not submitted yet: {_SAME_REDO} submits it",
    S.SENDING: f"its redo is running, or was killed: {_SAME_REDO} says what became of it",
}
"""What is advised about a later version: the batch's own command waits for it, and never submits it."""
_RETRY = "run the batch again with `retry_failed`, which is paid"
_DECIDE = "ask the account's history with `reconcile`, or decide (`wait_again`, `abandon` or `resubmit`)"
_ADVICE = {
    S.PENDING: "it was not submitted yet: run the batch first",
    S.SENDING: "its batch is running, or was killed: run the batch again first",
    S.ACCEPTED: f"its job is billed, and not known to be done: {_CONTINUES}",
    S.UNREADABLE: f"it is done and billed, but its answer cannot be read: {_CONTINUES}, or give it up with"
    " `abandon`",
    S.REJECTED: f"it is rejected, and has no picture: {_RETRY}",
    S.FAILED: f"it has failed, and has no picture: {_RETRY}",
    S.UNKNOWN: f"it was perhaps accepted and billed: {_DECIDE}",
    S.EXPIRED: f"the service no longer knows its job, which is billed: {_DECIDE}",
    S.ABANDONED: "a person gave it up: let the batch submit it again with `resubmit`",
}


class RedoStep(Enum):
    """What a redo does with one swap."""

    BEGIN = auto()
    """It begins the version after the latest one."""
    REPLACE = auto()
    """The version exists, and nothing of it was ever sent: it gets the pictures of this redo."""
    CONTINUE = auto()
    """The version exists, because an earlier run of the same redo has begun it: no further one is begun."""


def redo_step(new: NewVersion, latest: Entry | None) -> RedoStep:
    """What a redo does with a swap.

    A redo names the version that it makes again. So the same redo, when it is run again, finds the version
    that it has begun, and begins none: whatever has become of that version, it is not paid a second time.

    Args:
        new: The version that the redo wants.
        latest: The entry of the latest version of the id; None if there is no such swap.

    Raises:
        EntryConflict: the swap cannot be redone so. The message says why, and what to do.
    """
    if latest is None:
        raise EntryConflict(f"there is no swap {new.id!r} to redo")
    if new.after > latest.version:
        raise EntryConflict(
            f"{latest.id!r} has no version {new.after} to redo: its latest is {latest.version}"
        )
    if new.after == latest.version:
        if latest.state.is_done or (latest.version > 1 and latest.state in _ENDED):
            return RedoStep.BEGIN
        advice = _ADVICE if latest.version == 1 else _ADVICE | _OTHER
        raise EntryConflict(f"{_named(latest)} cannot be redone: {advice[latest.state]}")
    is_next = latest.version == new.after + 1
    if is_next and latest.fingerprint == new.fingerprint:
        return RedoStep.CONTINUE
    if is_next and latest.state is S.PENDING and not _may_have_been_sent(latest):
        return RedoStep.REPLACE
    if latest.state.is_done or latest.state in _ENDED:
        raise EntryConflict(
            f"version {new.after} of {latest.id!r} was redone already: version {latest.version} is"
            f" {latest.state}. To redo that one, name version {latest.version}, which is paid again"
        )
    raise EntryConflict(
        f"version {new.after} of {latest.id!r} is being redone already, with {latest.reference}: version"
        f" {latest.version} is {latest.state}. Finish that redo first"
    )


def unsaved_problem(before: Entry) -> str:
    """Why a redo that saves pictures does not begin after a version whose own picture is in no file yet.

    The batch fetches only the picture of the current version. With a later one, the paid picture is lost.
    """
    return (
        f"{_named(before)} cannot be redone: its picture is paid, and not saved yet. Run the batch again"
        " first, which fetches the picture free. If the service no longer has the picture, give the scene"
        " another id"
    )


def _may_have_been_sent(entry: Entry) -> bool:
    return bool(entry.billable_posts or entry.failed_runs or entry.closed_posts)


def _named(entry: Entry) -> str:
    return f"version {entry.version} of {entry.id!r}" if entry.version > 1 else repr(entry.id)
