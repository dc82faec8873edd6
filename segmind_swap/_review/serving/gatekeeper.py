"""Decides which requests the review server answers: none of another site, and none without the token."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from .messages import Request, Response

_NOT_FOUND = Response(status=404, body=b"not found: open the whole address that the command has printed")


class Gatekeeper:
    """Checks Host, Origin and token.

    Other programs of this machine can connect to the port, and so can pages of other sites, through the
    browser of the person who reviews. Neither knows the token. The check of Host stops DNS rebinding: a site
    whose name was changed to 127.0.0.1 still sends its own name.
    """

    def __init__(self, port: int) -> None:
        self.token: str = secrets.token_urlsafe(24)
        self.address: str = f"127.0.0.1:{port}"
        self._hosts = {self.address, f"localhost:{port}"}

    @property
    def url(self) -> str:
        """The address of the page. Whoever has it can see the pictures, and decide."""
        return f"http://{self.address}/{self.token}/"

    def refusal(self, request: Request) -> Response | None:
        """The response to a request that must not be answered; None if it may be."""
        host = request.headers.get("host", "")
        if host not in self._hosts:
            return Response(status=421, body=b"this server answers for 127.0.0.1 and localhost only")
        if not secrets.compare_digest(request.segments[0].encode(), self.token.encode()):
            return _NOT_FOUND
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return Response(status=403, body=b"no page of another site may ask this server")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return Response(status=403, body=b"no page of another origin may ask this server")
        if request.method not in {"GET", "HEAD"}:
            media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if request.method != "POST" or media_type != "application/json":
                return Response(status=405, body=b"this server reads, and takes decisions as JSON by POST")
        return None
