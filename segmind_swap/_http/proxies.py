"""Which proxy of the environment a request uses.

httpx reads the same variables, but refuses a whole client for one entry of `NO_PROXY`, or one unused proxy,
that it cannot read. Here, an entry that cannot be read matches nothing, and a proxy matters only to the
requests that would use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.request import getproxies

import httpx


class EnvironmentProxies:
    """The proxies that the environment named when this object was made."""

    def __init__(self, proxies: Mapping[str, str] | None = None) -> None:
        """Reads the environment, or `proxies`, which are as `urllib.request.getproxies()` returns them."""
        found = dict(getproxies() if proxies is None else proxies)
        self._exceptions = [text for part in found.pop("no", "").split(",") if (text := part.strip())]
        self._proxies = {scheme: url for scheme, url in found.items() if url}
        # The environment does not change, and a client asks for few hosts again and again.
        self._known: dict[tuple[str, str, int | None], str | None] = {}

    def __bool__(self) -> bool:
        return bool(self._proxies)

    def proxy_of(self, url: httpx.URL) -> str | None:
        """The URL of the proxy for a request; None for a direct connection."""
        key = (url.scheme, url.host, url.port)
        if key not in self._known:
            self._known[key] = self._find(*key)
        return self._known[key]

    def _find(self, scheme: str, host: str, port: int | None) -> str | None:
        proxy = self._proxies.get(scheme) or self._proxies.get("all")
        if proxy is None or any(_matches(entry, scheme, host, port) for entry in self._exceptions):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _matches(entry: str, scheme: str, host: str, port: int | None) -> bool:
    """Whether an entry of `NO_PROXY` matches: `*`, a name and its subdomains, an address, or a network."""
    wanted_scheme, has_scheme, rest = entry.lower().rpartition("://")
    if has_scheme and wanted_scheme not in {scheme, "all"}:
        return False
    name, wanted_port = _split_port(rest)
    if wanted_port is not None and wanted_port != (port or {"http": 80, "https": 443}.get(scheme)):
        return False
    if name == "*":
        return True
    host = host.lower().rstrip(".")
    address = _address(host)
    if address is not None:
        try:
            return address in ip_network(name, strict=False)
        except ValueError:
            return False
    name = name.lstrip("*").strip(".")
    if name == "localhost":
        return host == name
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(text: str) -> tuple[str, int | None]:
    """The host of an entry without brackets, and its port."""
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
        # A network in brackets has its length inside or behind them.
        return (
            (f"{name}{rest}", None)
            if rest.startswith("/")
            else (name, int(port) if port.isdecimal() else None)
        )
    name, colon, port = text.rpartition(":")
    if colon and ":" not in name and port.isdecimal():
        return name, int(port)
    return text, None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
