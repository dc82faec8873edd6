"""What keeps the promises, and what the package is like without it: each can be deleted for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from segmind_swap import OutcomeState
from segmind_swap._api.origins import Service
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.circuit_breaker import CircuitBreaker
from segmind_swap._http.gate import LocalGate
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._protocols.entry import Entry

_step = SqliteLedger._step
_unwritten: WeakKeyDictionary[SqliteLedger, dict[int, dict[str, Any]]] = WeakKeyDictionary()


async def _step_written_late(ledger: SqliteLedger, entry: Entry, state: OutcomeState, **more: Any) -> None:
    """Writes the intent only when there is a response to write, so that no row refuses the response."""
    unwritten = _unwritten.setdefault(ledger, {})
    if state is OutcomeState.SENDING:
        unwritten[entry.number] = more
        return
    intent = unwritten.pop(entry.number, None)
    if intent is not None:
        await _step(ledger, entry, OutcomeState.SENDING, **intent)
    await _step(ledger, entry, state, **more)


_DELETIONS: dict[str, list[tuple[type, str, object]]] = {
    # Only an answer then tells that a request had left.
    "held-body": [(OneShotBody, "sent", property(lambda _: False))],
    "intent-commit": [(SqliteLedger, "_step", _step_written_late)],
    "origin-check": [
        (Service, "trusts", lambda _service, _origin: True),
        (Service, "poll_url_problem", lambda _service, _url: None),
    ],
    "request-gate": [(LocalGate, "rate_limited", lambda _gate, _admission, _hint: 0.0)],
    "breaker": [(CircuitBreaker, "failed", lambda _breaker, _cause, *, is_trial: None)],
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
