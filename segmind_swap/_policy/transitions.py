"""Which state of a swap may follow which state. `OutcomeState` documents the meaning of each state."""

from __future__ import annotations

from collections.abc import Mapping

from .._outcome import OutcomeState

_S = OutcomeState

AUTOMATIC: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
    _S.PENDING: (_S.PENDING, _S.SENDING),
    _S.SENDING: (_S.PENDING, _S.SENDING),
    _S.ACCEPTED: (_S.SENDING, _S.ACCEPTED, _S.EXPIRED),
    _S.UNREADABLE: (_S.SENDING, _S.ACCEPTED, _S.UNREADABLE),
    _S.COMPLETED: (_S.SENDING, _S.ACCEPTED, _S.UNREADABLE, _S.COMPLETED),
    _S.SAVED: (_S.SENDING, _S.ACCEPTED, _S.UNREADABLE, _S.COMPLETED, _S.SAVED),
    _S.REJECTED: (_S.PENDING, _S.SENDING),
    _S.UNKNOWN: (_S.PENDING, _S.SENDING),
    _S.FAILED: (_S.SENDING, _S.ACCEPTED),
    _S.EXPIRED: (_S.SENDING, _S.ACCEPTED),
    # A service cancels an order that was not sent.
    _S.ABANDONED: (_S.PENDING,),
}
"""Each state, and the states that it may follow without a person.

COMPLETED, UNREADABLE, FAILED and EXPIRED usually follow ACCEPTED. They may follow SENDING, because the disk
may have failed to record the acceptance. FAILED and EXPIRED never follow UNREADABLE: the service has said
that the job is done, and a swap that is done must not be submitted again automatically.
"""

MANUAL: Mapping[OutcomeState, tuple[OutcomeState, ...]] = {
    _S.PENDING: (_S.UNKNOWN, _S.EXPIRED, _S.UNREADABLE, _S.FAILED, _S.REJECTED, _S.ABANDONED),
    # A job may be found later: in the account's history, or in a rescue file.
    _S.ACCEPTED: (_S.UNKNOWN, _S.EXPIRED, _S.FAILED, _S.ABANDONED),
    # An abandoned swap whose answer was kept becomes UNREADABLE again, and not ACCEPTED.
    _S.UNREADABLE: (_S.ABANDONED,),
    _S.ABANDONED: (_S.UNKNOWN, _S.EXPIRED, _S.ACCEPTED, _S.UNREADABLE),
}
"""Each state, and the states that it may follow when a person decides so."""


def states_before(state: OutcomeState, *, manual: bool = False) -> tuple[OutcomeState, ...]:
    """The states that `state` may follow: automatically, or (`manual`) when a person decides so."""
    return (MANUAL if manual else AUTOMATIC).get(state, ())
