"""Where the API is, which hosts may see the key, and which URLs may be fetched at all."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .._config import BASE_URL, HISTORY_BASE_URL, UPLOAD_BASE_URL
from .._errors import ConfigurationError
from .urls import MAX_URL_LENGTH, percent_encoded

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Any name before the colon, so that a misspelt scheme is reported as such and not as a missing file. A single
# letter is a drive of Windows.
_SCHEME = re.compile(r"[^/\\:]{2,}://")
_AUTHORITY = re.compile(r"[^/]+//[^/?#]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Far narrower than RFC 3986 on purpose: it rejects everything that two URL parsers have ever read differently
# (user info, backslashes, white space, encoded hosts).
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#][\x21-\x5b\x5d-\x7e]*)?",
    re.IGNORECASE | re.ASCII,
)


def is_url(text: str) -> bool:
    """Whether a text is meant as a URL, and not as the path of a file. The URL may still be unusable."""
    return _SCHEME.match(text) is not None


class Origin(NamedTuple):
    """Scheme, host and port: what decides which machine a request reaches."""

    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine (RFC 6761 reserves `localhost`)."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        address = _address(self.host)
        return address is not None and address.is_loopback

    @property
    def is_segmind(self) -> bool:
        """Whether the host belongs to Segmind, over https on its usual port."""
        return _is_segmind_host(self.host) and self.scheme == "https" and self.port == _DEFAULT_PORTS["https"]

    @property
    def public(self) -> bool:
        """Whether the host, as written, may be reached from the internet."""
        address = _address(self.host)
        return not self.loopback and (address is None or _public(address))

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


@lru_cache(maxsize=1024)
def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL.

    Raises:
        ValueError: the text is no absolute http(s) URL, has user info, or is ambiguous.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"it is longer than {MAX_URL_LENGTH} characters")
    match = _URL.fullmatch(url)
    if match is None:
        if re.match(r"https?://[^/?#]*@", url, re.IGNORECASE):
            raise ValueError("it carries a user name or password")
        raise ValueError("it is not a plain absolute http(s) URL")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise ValueError(f"{port} is not a port")
    if host.startswith("[") or _numeric(host):
        address = _address(host)
        if address is None:
            raise ValueError(f"{host} is not an address")
        # One spelling for each address: origins are compared as text.
        host = f"[{address}]" if address.version == 6 else str(address)
    return Origin(scheme, host, port)


def _is_segmind_host(host: str) -> bool:
    return host == "segmind.com" or host.endswith(".segmind.com")


def _numeric(host: str) -> bool:
    """Whether resolvers may read the host as a number (`127.1`, `0x7f000001`, `2130706433`)."""
    last = host.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is on the internet. In IPv6, only 2000::/3 is; 2002::/16 contains IPv4 addresses."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _GLOBAL_UNICAST or address.sixtofour):
        return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True, slots=True)
class Service:
    """The service that a client uses.

    Attributes:
        base_url: The address of the API, without a trailing slash.
        allow_http: Whether the user accepts that the key and pictures are sent in clear text.
        allow_http_base: Whether the user accepts this for the origin of `base_url` only, unless the origin is
            Segmind's: for an emulator on another machine, which makes its own pictures and has no secret key.
    """

    base_url: str
    allow_http: bool = False
    allow_http_base: bool = False

    def __post_init__(self) -> None:
        try:
            origin = origin_of(self.base_url)
        except ValueError as exc:
            problem = str(exc)
        else:
            if "?" in self.base_url or "#" in self.base_url:
                problem = "it has a query or a fragment"
            elif self._sends_in_clear_text(origin) and not self._accepts_clear_text(origin):
                problem = "http:// would send the key in clear text: use https://"
                if not _is_segmind_host(origin.host):
                    problem += " (for an emulator on another machine: `allow_http`, or SEGMIND_ALLOW_HTTP=1)"
            else:
                object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
                return
        raise ConfigurationError(f"`base_url` {_without_userinfo(self.base_url)!r} cannot be used: {problem}")

    @staticmethod
    def _sends_in_clear_text(origin: Origin) -> bool:
        return origin.scheme == "http" and not origin.loopback

    def _accepts_clear_text(self, origin: Origin) -> bool:
        return self.allow_http or (self.allow_http_base and not _is_segmind_host(origin.host))

    @property
    def sends_in_clear_text(self) -> bool:
        """Whether the key and the pictures leave this machine without encryption."""
        return self._sends_in_clear_text(self.origin)

    @property
    def origin(self) -> Origin:
        """The origin of the base URL."""
        return origin_of(self.base_url)

    @property
    def upload_base_url(self) -> str:
        """The address for uploads: another host than the API's, unless the base URL was changed."""
        return UPLOAD_BASE_URL if self.origin == origin_of(BASE_URL) else self.base_url

    @property
    def history_base_url(self) -> str:
        """The address of the history: another host than the API's, unless the base URL was changed."""
        return HISTORY_BASE_URL if self.origin == origin_of(BASE_URL) else self.base_url

    def trusts(self, origin: Origin) -> bool:
        """Whether the key may be sent to an origin: that of the base URL, or Segmind's own."""
        return origin == self.origin or (origin.is_segmind and self.origin.is_segmind)

    def poll_url(self, url: str) -> str:
        """A poll URL as it is requested: percent-encoded, and with the scheme of the base URL.

        A service behind a gateway that ends TLS may name its own address with `http://`. The host that took
        the submit over https is asked over https: in clear text, the key must not be sent.
        """
        url = percent_encoded(url)
        try:
            origin = origin_of(url)
        except ValueError:
            return url
        ours = self.origin
        is_downgrade = origin.scheme == "http" and ours.scheme == "https" and origin.host == ours.host
        if not is_downgrade or origin.port not in {_DEFAULT_PORTS["http"], ours.port}:
            return url
        return f"{ours}{_AUTHORITY.sub('', url, count=1)}"

    def poll_url_problem(self, url: str) -> str | None:
        """Why a poll URL must not be requested with the key of this client; None if it may."""
        try:
            origin = origin_of(url)
        except ValueError as exc:
            return str(exc)
        if self.trusts(origin):
            return None
        return f"{origin} does not belong to {self.origin}, so it must not see the key"

    def picture_url_problem(self, url: str) -> str | None:
        """Why a picture must not be fetched from a URL (without the key); None if it may.

        Protects a back end from a server that names an address inside the back end's network. Only the host
        as written is checked, not the addresses that a name resolves to.
        """
        try:
            origin = origin_of(url)
        except ValueError as exc:
            return str(exc)
        if origin == self.origin or (self.origin.loopback and origin.loopback):
            return None
        if origin.scheme == "http" and not self.allow_http:
            return "it is not https"
        return None if origin.public else f"{origin.host} is not a public address"

    def input_url_problem(self, url: str) -> str | None:
        """Why Segmind could not fetch an input from a URL; None if it could, or for another service."""
        origin = origin_of(url)
        if origin.public or not self.origin.is_segmind:
            return None
        return f"{origin.host} is not a public address"


def _without_userinfo(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//***@", url)
