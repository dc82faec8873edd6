"""Which of two auth schemes to use. Segmind's documents contradict each other, so it is found out.

The workflow's own page sends `Authorization: Bearer`, the newer documents and SDK `x-api-key`, and say that
the other is answered 401. A 401 is given before anything runs, so one question with each scheme is free.
"""

from __future__ import annotations

from .._config import Auth, AuthScheme
from .._models import Call

_OTHER: dict[AuthScheme, AuthScheme] = {"bearer": "x-api-key", "x-api-key": "bearer"}


def header(scheme: AuthScheme, key: str) -> tuple[str, str]:
    """The one header that carries the key."""
    return ("authorization", f"Bearer {key}") if scheme == "bearer" else ("x-api-key", key)


class _Knowledge:
    def __init__(self, first: AuthScheme, *, confirmed: bool) -> None:
        self.scheme: AuthScheme = first
        self.confirmed = confirmed


class Schemes:
    """What one client has learnt: of workflow calls, and of the account's (upload, credits)."""

    def __init__(self, auth: Auth) -> None:
        pinned = auth != "auto"
        workflow: AuthScheme = "bearer" if auth == "auto" else auth
        account: AuthScheme = "x-api-key" if auth == "auto" else auth
        self._workflow = _Knowledge(workflow, confirmed=pinned)
        self._account = _Knowledge(account, confirmed=pinned)

    def _of(self, call: Call) -> _Knowledge:
        return self._workflow if call in {Call.SUBMIT, Call.POLL} else self._account

    def scheme(self, call: Call) -> AuthScheme:
        """What to send this call with."""
        return self._of(call).scheme

    def confirm(self, call: Call, scheme: AuthScheme) -> None:
        """A 2xx came: this scheme is right, for the life of the client."""
        known = self._of(call)
        known.scheme, known.confirmed = scheme, True

    def other(self, call: Call, refused: AuthScheme) -> AuthScheme | None:
        """What to try after a 401 to `refused`; None if there is nothing left to try.

        Other calls begin with the answer from now on: of many that start together, each asks once at most.
        """
        known = self._of(call)
        if known.confirmed:
            # Another call may have found the right one while this was under way.
            return known.scheme if known.scheme != refused else None
        known.scheme = _OTHER[refused]
        return known.scheme
