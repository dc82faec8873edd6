"""Which state of a swap may follow which."""

from __future__ import annotations

from collections.abc import Mapping

from .._outcome import OutcomeState

S = OutcomeState
_MAY_FOLLOW: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
    S.PENDING: (S.PENDING, S.SENDING),
    S.SENDING: (S.PENDING, S.SENDING),
    S.ACCEPTED: (S.SENDING, S.ACCEPTED, S.EXPIRED),
    S.COMPLETED: (S.SENDING, S.ACCEPTED, S.COMPLETED),
    S.SAVED: (S.SENDING, S.ACCEPTED, S.COMPLETED, S.SAVED),
    S.REJECTED: (S.PENDING, S.SENDING),
    S.UNKNOWN: (S.PENDING, S.SENDING),
    S.FAILED: (S.SENDING, S.ACCEPTED),
    S.EXPIRED: (S.SENDING, S.ACCEPTED),
    S.ABANDONED: (),
}
"""What a batch does by itself. A job is rarely ACCEPTED after SENDING was written, but the disk may fail."""

_BY_HAND: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
    S.PENDING: (S.UNKNOWN, S.EXPIRED, S.FAILED, S.REJECTED, S.ABANDONED),
    # A job may turn up: in the account's history, or rescued from a disk that failed.
    S.ACCEPTED: (S.UNKNOWN, S.EXPIRED, S.FAILED, S.ABANDONED),
    S.ABANDONED: (S.UNKNOWN, S.EXPIRED, S.ACCEPTED),
}
"""What a person may decide."""
