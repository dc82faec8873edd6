"""The proxies of the environment, and the hosts that are reached without them."""

import httpx
import pytest

from segmind_swap._http.proxies import EnvironmentProxies

PROXY = "http://proxy.example:3128"


def is_direct(no_proxy: str, url: str) -> bool:
    return EnvironmentProxies({"all": PROXY, "no": no_proxy}).proxy_of(httpx.URL(url)) is None


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://a.example"),
        ("a.example", "https://a.example"),
        ("A.Example", "https://sub.a.example"),
        (".a.example", "https://a.example"),
        ("*.a.example", "https://sub.a.example"),
        ("localhost", "http://localhost:8765"),
        ("127.0.0.1", "http://127.0.0.1:8765"),
        ("10.0.0.0/8", "http://10.20.30.40"),
        ("::1", "http://[::1]:8765"),
        ("[::1]", "http://[::1]:8765"),
        ("[::1]:8765", "http://[::1]:8765"),
        ("fd00::/8", "http://[fd00::12]"),
        ("[fd00::]/8", "http://[fd00::12]"),
        ("[fd00::/8]", "http://[fd00::12]"),
        ("a.example:443", "https://a.example"),
        ("https://a.example", "https://a.example"),
        ("x.example, a.example ,", "https://a.example"),
        ("[, ://, a.example", "https://a.example"),
    ],
)
def test_an_entry_matches(no_proxy: str, url: str) -> None:
    assert is_direct(no_proxy, url)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "https://a.example"),
        ("a.example", "https://ba.example"),
        ("a.example:8443", "https://a.example"),
        ("http://a.example", "https://a.example"),
        ("10.0.0.0/8", "http://11.0.0.1"),
        ("fd00::/8", "http://[::1]"),
        ("10.0.0.0/99, [/], /, .", "http://10.0.0.1"),
        ("localhost", "http://sub.localhost"),
    ],
)
def test_an_entry_does_not_match(no_proxy: str, url: str) -> None:
    assert not is_direct(no_proxy, url)


def test_the_scheme_of_the_request_chooses_before_the_proxy_for_all() -> None:
    proxies = EnvironmentProxies({"https": "secure.example:1", "all": PROXY})
    assert proxies.proxy_of(httpx.URL("https://a.example")) == "http://secure.example:1"
    assert proxies.proxy_of(httpx.URL("http://a.example")) == PROXY


def test_without_a_proxy_every_request_is_direct() -> None:
    proxies = EnvironmentProxies({"no": "a.example"})
    assert not proxies
    assert proxies.proxy_of(httpx.URL("https://a.example")) is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("no_proxy", "[::1],b.example")
    proxies = EnvironmentProxies()
    assert proxies.proxy_of(httpx.URL("https://a.example")) == PROXY
    assert proxies.proxy_of(httpx.URL("https://b.example")) is None
