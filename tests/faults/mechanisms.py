"""What keeps the promises, and what the package is like without it: each can be deleted for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from segmind_swap._books import Account

from segmind_swap import OutcomeState
from segmind_swap._api.origins import Service
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.circuit_breaker import CircuitBreaker
from segmind_swap._http.gate import LocalGate

_step = Account._step
_unwritten: WeakKeyDictionary[Account, dict[str, Any]] = WeakKeyDictionary()


async def _step_written_late(account: Account, state: OutcomeState, **more: Any) -> None:
    """Writes the intent only when there is an answer to write, so that no row refuses it."""
    if state is OutcomeState.SENDING:
        _unwritten[account] = more
        return
    intent = _unwritten.pop(account, None)
    if intent is not None:
        await _step(account, OutcomeState.SENDING, **intent)
    await _step(account, state, **more)


_DELETIONS: dict[str, list[tuple[type, str, object]]] = {
    # Only an answer then tells that a request had left.
    "held-body": [(OneShotBody, "sent", property(lambda _: False))],
    "intent-commit": [(Account, "_step", _step_written_late)],
    "origin-check": [
        (Service, "trusts", lambda _service, _origin: True),
        (Service, "complaint_about_poll_url", lambda _service, _url: None),
    ],
    "request-gate": [(LocalGate, "limited", lambda _pace, _admission, _hint: 0.0)],
    "breaker": [(CircuitBreaker, "failed", lambda _outage, _cause, *, alone: None)],
}
MECHANISMS = tuple(_DELETIONS)


@contextmanager
def deleted(name: str | None) -> Iterator[None]:
    """Runs the block without a mechanism."""
    changes = _DELETIONS[name] if name else []
    before = [(owner, attribute, vars(owner)[attribute]) for owner, attribute, _ in changes]
    for owner, attribute, value in changes:
        setattr(owner, attribute, value)
    try:
        yield
    finally:
        for owner, attribute, value in before:
            setattr(owner, attribute, value)
