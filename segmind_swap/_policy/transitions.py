"""Which state of a swap may follow which, and what a state means."""

from __future__ import annotations

from collections.abc import Mapping

from .._outcome import OutcomeState

S = OutcomeState
AUTOMATIC: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
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
MANUAL: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
    S.PENDING: (S.UNKNOWN, S.EXPIRED, S.FAILED, S.REJECTED, S.ABANDONED),
    S.ACCEPTED: (S.UNKNOWN, S.EXPIRED, S.FAILED, S.ABANDONED),
    S.ABANDONED: (S.UNKNOWN, S.EXPIRED, S.ACCEPTED),
}
OPEN = (S.SENDING, S.ACCEPTED, S.UNKNOWN, S.EXPIRED)
