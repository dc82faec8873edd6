"""Finds out which of two auth schemes the account needs, because Segmind's documents contradict each other.

The workflow's own page sends `Authorization: Bearer`. The newer documents and the SDK send `x-api-key`, and
say that the other scheme is answered 401. A 401 comes before anything runs, so trying both schemes is free.
"""

from __future__ import annotations

from .._config import Auth, AuthScheme
from .._models import Call

_OTHER: dict[AuthScheme, AuthScheme] = {"bearer": "x-api-key", "x-api-key": "bearer"}


def header(scheme: AuthScheme, key: str) -> tuple[str, str]:
    """The one header that carries the key: its name and its value."""
    return ("authorization", f"Bearer {key}") if scheme == "bearer" else ("x-api-key", key)


class _SchemeState:
    """The scheme to use, and whether a response has confirmed it."""

    def __init__(self, first: AuthScheme, *, confirmed: bool) -> None:
        self.scheme: AuthScheme = first
        self.confirmed = confirmed


class Schemes:
    """The schemes that one client uses: one for workflow calls, one for the account's calls.

    Submits and polls are workflow calls. Uploads and credits are the account's calls.
    """

    def __init__(self, auth: Auth) -> None:
        pinned = auth != "auto"
        workflow: AuthScheme = "bearer" if auth == "auto" else auth
        account: AuthScheme = "x-api-key" if auth == "auto" else auth
        self._workflow = _SchemeState(workflow, confirmed=pinned)
        self._account = _SchemeState(account, confirmed=pinned)

    def scheme(self, call: Call) -> AuthScheme:
        """The scheme to send this kind of call with."""
        return self._state(call).scheme

    def confirm(self, call: Call, scheme: AuthScheme) -> None:
        """Keeps a scheme that a 2xx response has confirmed, until the client is closed."""
        state = self._state(call)
        state.scheme, state.confirmed = scheme, True

    def next_after(self, call: Call, refused: AuthScheme) -> AuthScheme | None:
        """The scheme to try after a 401 to `refused`; None if there is no other scheme to try.

        Call this method once for each 401: later calls begin with the scheme that it returns. So when many
        calls start together, each call is sent twice at most.
        """
        state = self._state(call)
        if state.confirmed:
            # Another call may have confirmed the right scheme while this request was in flight.
            return state.scheme if state.scheme != refused else None
        state.scheme = _OTHER[refused]
        return state.scheme

    def _state(self, call: Call) -> _SchemeState:
        return self._workflow if call in {Call.SUBMIT, Call.POLL} else self._account
