"""Checks Host and Origin: no page of another site may reach the emulator through a visitor's browser."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD"})


def is_loopback(host: str) -> bool:
    """Whether this name or address means this machine on every system, without a DNS query."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def host_problem(header: str | None) -> str | None:
    """Why a request with this ``Host`` is refused by a server on loopback, or None.

    This stops DNS rebinding: a site changes its DNS name to 127.0.0.1, so that its page has the same origin
    as the emulator for the browser. Only the ``Host`` header still shows the name of the site.
    """
    try:
        name = urlsplit(f"//{header}").hostname if header else None
    except ValueError:
        name = None
    if name is not None and is_loopback(name):
        return None
    return (
        "this emulator answers only requests for a name of this machine, such as 127.0.0.1 or localhost; "
        "allow_remote allows other names"
    )


def origin_problem(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request to the controls is refused, or None.

    Browsers send ``Origin`` and ``Sec-Fetch-Site``, and ask with a preflight request before they send JSON to
    another site; no preflight is ever allowed. Other programs send neither header.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return "the controls answer the emulator's own page and programs, not pages of other sites"
    if method in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return (
            "the controls accept changes from the emulator's page and from programs, not from other origins"
        )
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and media_type != "application/json":
        return "a change must be sent with the header content-type: application/json"
    return None
