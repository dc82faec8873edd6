"""Whom the server answers: no page of another site may use a visitor's browser to reach it."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD"})


def is_loopback(host: str) -> bool:
    """Whether this name or address is this machine itself, for every resolver."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def host_problem(header: str | None) -> str | None:
    """Why a request with this ``Host`` is not answered on loopback, or None.

    A page whose own name has come to point to 127.0.0.1 is of this origin to its browser; only the name that
    it used tells.
    """
    try:
        name = urlsplit(f"//{header}").hostname if header else None
    except ValueError:
        name = None
    if name is not None and is_loopback(name):
        return None
    return (
        "this emulator answers to the names of this machine only, such as 127.0.0.1 or localhost; "
        "allow_remote lets it answer to others"
    )


def origin_problem(method: str, headers: Mapping[str, str]) -> str | None:
    """Why a request to the controls may be another site's doing, or None.

    Browsers say where a request comes from, and ask before they send JSON to another site, which is never
    allowed to; programs say nothing.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return "the controls answer to their own page and to programs, not to pages of other sites"
    if method in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return "the controls take changes from their own page and from programs, not from other origins"
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and media_type != "application/json":
        return "a change is sent with the header content-type: application/json"
    return None
