"""The key check: the API key, in the header that the kind of call accepts."""

from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from .._contract import AuthScheme
from .calls import Kind
from .responses import KEY_MISSING, error


class KeyCheck:
    """The key check.

    Segmind's documents contradict each other, so that the header of submit and poll is a setting. The other
    calls are documented with ``x-api-key`` and always accept it. They accept a bearer token only if ``auth``
    is "bearer".
    """

    def __init__(self, *, api_key: str | None, auth: AuthScheme) -> None:
        if api_key == "":
            raise ValueError("`api_key` must not be empty; None accepts any key")
        self._api_key = api_key
        workflow_calls: set[AuthScheme] = {"bearer", "x-api-key"} if auth == "both" else {auth}
        other_calls: set[AuthScheme] = {"x-api-key", "bearer"} if auth == "bearer" else {"x-api-key"}
        self._accepted: dict[Kind, set[AuthScheme]] = {
            kind: workflow_calls if kind in ("submit", "poll") else other_calls for kind in get_args(Kind)
        }

    def refusal(self, request: Request, kind: Kind) -> Response | None:
        """The 401 for this call, or None if the key is accepted. Files need no key."""
        if kind == "file":
            return None
        presented = _presented(request)
        if not presented:
            return error(401, KEY_MISSING)
        accepted = self._accepted[kind]
        keys = [key for scheme, key in presented.items() if scheme in accepted]
        return None if any(self._api_key in (None, key) for key in keys) else error(401)


def presented_schemes(request: Request) -> tuple[AuthScheme, ...]:
    """The headers of this request that carry a key."""
    found = tuple(_presented(request))
    # Equal tuples are shared: the log keeps a hundred thousand calls.
    return _KNOWN_SCHEMES.setdefault(found, found)


_KNOWN_SCHEMES: dict[tuple[AuthScheme, ...], tuple[AuthScheme, ...]] = {}


def _presented(request: Request) -> dict[AuthScheme, str]:
    bearer = key = ""
    for name, value in request.scope["headers"]:
        if name == b"authorization" and not bearer:
            scheme, _, token = value.partition(b" ")
            bearer = token.decode("latin-1").strip() if scheme.lower() == b"bearer" else ""
        elif name == b"x-api-key" and not key:
            key = value.decode("latin-1").strip()
    found: dict[AuthScheme, str] = {"bearer": bearer, "x-api-key": key}
    return {scheme: text for scheme, text in found.items() if text}
