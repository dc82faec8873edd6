"""Who may call: the API key, in the header that the call's kind accepts."""

from typing import Literal, get_args

from starlette.requests import Request
from starlette.responses import Response

from ._answers import KEY_MISSING, error
from ._state import Kind

Scheme = Literal["bearer", "x-api-key", "both"]


class Keys:
    """The key check.

    Segmind's documents contradict each other, so the scheme of the workflow calls is a setting. The others
    are documented with ``x-api-key`` and always take it; they take a bearer token only where nothing else
    works.
    """

    def __init__(self, *, api_key: str | None, auth: Scheme) -> None:
        if auth not in get_args(Scheme):
            raise ValueError(f"auth must be one of {get_args(Scheme)}, not {auth!r}")
        if api_key == "":
            raise ValueError("api_key must not be empty; None accepts any key")
        self._api_key = api_key
        self._auth = auth

    def refusal(self, request: Request, kind: Kind) -> Response | None:
        """The 401 for this call, or None if it may pass. Files need no key."""
        if kind == "file":
            return None
        presented = _presented(request)
        if not presented:
            return error(401, KEY_MISSING)
        accepted = {"bearer", "x-api-key"} if self._auth == "both" else {self._auth}
        if kind not in ("submit", "poll"):
            accepted = {"x-api-key"} | (accepted if self._auth == "bearer" else set())
        keys = [key for scheme, key in presented.items() if scheme in accepted]
        return None if any(self._api_key in (None, key) for key in keys) else error(401)


def schemes(request: Request) -> tuple[str, ...]:
    """Which headers of this request carry a key."""
    return tuple(_presented(request))


def _presented(request: Request) -> dict[str, str]:
    found = {}
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        found["bearer"] = token.strip()
    if key := request.headers.get("x-api-key", "").strip():
        found["x-api-key"] = key
    return found
