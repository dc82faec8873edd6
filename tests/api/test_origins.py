"""Who may see the key, and what may be fetched at all."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.origins import Origin, Service, origin_of
from segmind_swap._errors import ConfigurationError

SEGMIND = Service("https://api.segmind.com")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.segmind.com", Origin("https", "api.segmind.com", 443)),
        ("https://api.segmind.com/v1?a=b#c", Origin("https", "api.segmind.com", 443)),
        ("https://api.segmind.com?a@b", Origin("https", "api.segmind.com", 443)),
        ("https://api.segmind.com/@user:pass/x", Origin("https", "api.segmind.com", 443)),
        ("HTTPS://API.Segmind.COM/x", Origin("https", "api.segmind.com", 443)),
        ("https://api.segmind.com:443/", Origin("https", "api.segmind.com", 443)),
        ("https://api.segmind.com:08443/", Origin("https", "api.segmind.com", 8443)),
        ("http://localhost:8000", Origin("http", "localhost", 8000)),
        ("http://127.0.0.1/", Origin("http", "127.0.0.1", 80)),
        ("http://[::1]:8000/", Origin("http", "[::1]", 8000)),
        ("http://[0:0:0:0:0:0:0:1]/", Origin("http", "[::1]", 80)),
        ("https://[2001:DB8::A]/", Origin("https", "[2001:db8::a]", 443)),
        ("https://[::ffff:127.0.0.1]/", Origin("https", "127.0.0.1", 443)),
        ("https://[::ffff:7f00:1]/", Origin("https", "127.0.0.1", 443)),
        ("https://my_host-1.example/", Origin("https", "my_host-1.example", 443)),
        ("https://host/a%20b/%2e%2e/c", Origin("https", "host", 443)),
    ],
)
def test_a_plain_url_has_an_origin(url: str, expected: Origin) -> None:
    assert origin_of(url) == expected


TRICKY: dict[str, str] = {
    "empty": "",
    "relative": "/requests/1",
    "scheme-relative": "//api.segmind.com/1",
    "no scheme": "api.segmind.com/1",
    "ftp": "ftp://api.segmind.com/1",
    "file": "file:///etc/passwd",
    "javascript": "javascript:alert(1)//api.segmind.com",
    "no host": "https:///1",
    "one slash": "https:/api.segmind.com",
    "three slashes": "https:///api.segmind.com/",
    "user": "https://api.segmind.com@evil.example/",
    "user and password": "https://user:password@api.segmind.com/",
    "empty user": "https://@api.segmind.com/",
    "backslash in the host": "https://evil.example\\.segmind.com/",
    "backslash for a slash": "https://evil.example\\@api.segmind.com/",
    "backslashes after the scheme": "https:\\\\api.segmind.com/",
    "backslash in the path": "https://api.segmind.com/\\evil.example",
    "leading space": " https://api.segmind.com/",
    "trailing space": "https://api.segmind.com/ ",
    "trailing newline": "https://api.segmind.com/\n",
    "space in the host": "https://api.segmind.com .evil.example/",
    "space in the path": "https://api.segmind.com/a b",
    "tab in the scheme": "ht\ttps://api.segmind.com/",
    "newline in the host": "https://evil.example\n.segmind.com/",
    "carriage return in the path": "https://api.segmind.com/\r\nx-api-key: 1",
    "NUL in the host": "https://evil.example\x00.segmind.com/",
    "non-breaking space": "https://api.segmind.com\u00a0.evil.example/",
    "trailing dot": "https://api.segmind.com./",
    "leading dot": "https://.segmind.com/",
    "leading hyphen": "https://-a.segmind.com/",
    "trailing hyphen": "https://segmind.com-/",
    "empty port": "https://api.segmind.com:/",
    "port zero": "https://api.segmind.com:0/",
    "port too large": "https://api.segmind.com:65536/",
    "port of six digits": "https://api.segmind.com:000443/",
    "negative port": "https://api.segmind.com:-443/",
    "port no number": "https://api.segmind.com:https/",
    "two ports": "https://api.segmind.com:443:443/",
    "port of other digits": "https://api.segmind.com:\u0664\u0664\u0663/",
    "percent-encoded dot": "https://evil%2eexample/",
    "percent-encoded slash": "https://evil.example%2f.segmind.com/",
    "percent-encoded at": "https://evil.example%40.segmind.com/",
    "percent-encoded host": "https://%61pi.segmind.com/",
    "umlaut": "https://s\u00ebgmind.com/",
    "Cyrillic look-alike": "https://\u0430pi.segmind.com/",
    "full-width": "https://\uff41pi.segmind.com/",
    "ideographic full stop": "https://evil.example\u3002segmind.com/",
    "one dot leader": "https://evil\u2024segmind.com/",
    "fraction slash": "https://evil.example\u2044.segmind.com/",
    "letter that folds to s in the host": "https://api.\u017fegmind.com/",
    "letter that folds to k in the host": "https://\u212a.segmind.com/",
    "letter that folds to s in the scheme": "http\u017f://api.segmind.com/",
    "dotted capital I": "https://api.segm\u0130nd.com/",
    "dotless i": "https://ap\u0131.segmind.com/",
    "letter that folds in the path": "https://api.segmind.com/\u017f",
    "unicode path": "https://api.segmind.com/gr\u00f6\u00dfe",
    "number host": "https://2130706433/",
    "short address": "https://127.1/",
    "octal address": "https://0177.0.0.1/",
    "leading zero": "https://127.0.0.01/",
    "hexadecimal host": "https://0x7f000001/",
    "hexadecimal part": "https://127.0.0.0x1/",
    "upper-case hexadecimal": "https://0X7F.1/",
    "five parts": "https://1.2.3.4.5/",
    "part too large": "https://1.2.3.256/",
    "numeric last label": "https://evil.example.1/",
    "IPv6 without brackets": "https://::1/",
    "IPv6 open": "https://[::1/",
    "IPv6 with zone": "https://[fe80::1%25eth0]/",
    "IPv6 nonsense": "https://[:::]/",
    "IPv6 brackets, empty": "https://[]/",
    "IPv6 brackets around a name": "https://[api.segmind.com]/",
    "IPvFuture": "https://[v1.a]/",
    "too long": "https://api.segmind.com/" + "a" * 4096,
}


@pytest.mark.parametrize("url", TRICKY.values(), ids=TRICKY.keys())
def test_a_url_that_two_parsers_might_read_differently_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"^\S"):
        origin_of(url)
    assert SEGMIND.poll_url_problem(url) is not None
    assert SEGMIND.picture_url_problem(url) is not None
    with pytest.raises(ConfigurationError, match="base_url"):
        Service(url)


def test_a_password_is_named_as_the_mistake_and_never_repeated() -> None:
    with pytest.raises(ConfigurationError, match="user name or password") as caught:
        Service("https://user:hunter2@api.segmind.com/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://api.segmind.com:443/x", "https://api.segmind.com"),
        ("https://api.segmind.com:8443/x", "https://api.segmind.com:8443"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[::1]:81", "http://[::1]:81"),
    ],
)
def test_an_origin_is_written_without_its_default_port(url: str, text: str) -> None:
    assert str(origin_of(url)) == text
    assert origin_of(str(origin_of(url))) == origin_of(url)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:8000", True),
        ("http://a.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://[::ffff:127.0.0.1]", True),
        ("http://localhost.example", False),
        ("http://notlocalhost", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://[::]", False),
        ("http://128.0.0.1", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(url: str, loopback: bool) -> None:
    assert origin_of(url).loopback is loopback


# Who may see the key


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://segmind.com/x", True),
        ("https://api.segmind.com/x", True),
        ("https://api.segmind.com:443/x", True),
        ("https://API.SEGMIND.COM/x", True),
        ("https://workflows-api.segmind.com/x", True),
        ("https://api.spotprod.segmind.com/x", True),
        ("http://api.segmind.com/x", False),
        ("https://api.segmind.com:8443/x", False),
        ("https://api.segmind.com:80/x", False),
        ("http://api.segmind.com:443/x", False),
        ("https://evilsegmind.com/x", False),
        ("https://segmind.com.evil.example/x", False),
        ("https://segmind.co/x", False),
        ("https://segmind.com.co/x", False),
        ("https://xn--egmind-6wb.com/x", False),
        ("https://evil.example/?.segmind.com", False),
        ("https://evil.example#.segmind.com", False),
        ("https://evil.example/https://api.segmind.com", False),
        ("https://127.0.0.1/x", False),
        ("https://localhost/x", False),
        ("https://[::1]/x", False),
    ],
)
def test_by_default_the_key_goes_to_segminds_own_https_hosts_only(url: str, trusted: bool) -> None:
    assert SEGMIND.trusts(origin_of(url)) is trusted
    complaint = SEGMIND.poll_url_problem(url)
    assert (complaint is None) is trusted
    assert trusted or "must not see the key" in str(complaint)


@pytest.mark.parametrize(
    ("base_url", "url", "trusted"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/x", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/x", False),
        ("http://127.0.0.1:8000", "https://127.0.0.1:8000/x", False),
        ("http://127.0.0.1:8000", "http://localhost:8000/x", False),
        ("http://127.0.0.1:8000", "https://api.segmind.com/x", False),
        ("http://[::1]:8000", "http://[0:0::1]:8000/x", True),
        ("https://proxy.example/segmind", "https://proxy.example/other", True),
        ("https://proxy.example", "https://a.proxy.example/x", False),
        ("https://proxy.example", "https://api.segmind.com/x", False),
        ("https://eu.segmind.com", "https://eu.segmind.com/x", True),
        # Another of Segmind's own hosts hands out poll URLs on Segmind's own hosts.
        ("https://eu.segmind.com", "https://api.segmind.com/x", True),
        ("https://eu.segmind.com", "https://segmind.com.evil.example/x", False),
    ],
)
def test_with_a_changed_base_url_the_key_goes_to_its_origin_and_among_segminds_own(
    base_url: str, url: str, trusted: bool
) -> None:
    service = Service(base_url)
    assert service.trusts(origin_of(url)) is trusted
    assert (service.poll_url_problem(url) is None) is trusted


@pytest.mark.parametrize(
    ("base_url", "upload"),
    [
        ("https://api.segmind.com", "https://workflows-api.segmind.com"),
        ("https://API.segmind.com:443/", "https://workflows-api.segmind.com"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("https://proxy.example/segmind//", "https://proxy.example/segmind"),
    ],
)
def test_uploads_follow_a_changed_base_url(base_url: str, upload: str) -> None:
    service = Service(base_url)
    assert service.upload_base_url == upload
    assert not service.base_url.endswith("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.segmind.com", "clear text"),
        ("http://10.0.0.1:8000", "clear text"),
        ("http://localhost.example", "clear text"),
        ("http://0.0.0.0:8000", "clear text"),
        ("https://proxy.example?x=1", "query"),
        ("https://proxy.example/#x", "fragment"),
    ],
)
def test_a_base_url_that_would_leak_or_break_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Service(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8", "http://a.localhost"]
)
def test_clear_text_is_allowed_on_this_machine(url: str) -> None:
    assert Service(url).base_url == url


def test_clear_text_elsewhere_must_be_asked_for() -> None:
    service = Service("http://10.0.0.1:8000", allow_http=True)
    assert service.trusts(origin_of("http://10.0.0.1:8000/x"))
    assert not service.trusts(origin_of("http://10.0.0.2:8000/x"))


def test_clear_text_for_the_base_url_alone_is_for_its_own_origin_and_never_for_segmind() -> None:
    service = Service("http://emulator:8765", allow_http_base=True)
    assert service.sends_in_clear_text
    assert service.trusts(origin_of("http://emulator:8765/x"))
    assert service.poll_url_problem("http://emulator:8766/x") is not None
    assert service.picture_url_problem("http://emulator:8765/files/a.png") is None
    for url in ("http://emulator:8766/a.png", "http://cdn.example/a.png", "http://images.segmind.com/a.png"):
        assert service.picture_url_problem(url) == "it is not https"
    assert Service("https://proxy.example", allow_http_base=True).picture_url_problem("http://a.example/b")
    for url in ("http://api.segmind.com", "http://segmind.com:8080", "http://API.SEGMIND.COM/v1"):
        with pytest.raises(ConfigurationError, match="clear text"):
            Service(url, allow_http_base=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://proxy.example", SEGMIND.base_url])
def test_a_service_on_this_machine_or_over_https_sends_nothing_in_clear_text(url: str) -> None:
    assert not Service(url, allow_http_base=True).sends_in_clear_text


# What may be fetched

NOT_PUBLIC = [
    "https://localhost/a.png",
    "https://a.localhost/a.png",
    "https://127.0.0.1/a.png",
    "https://127.255.255.254/a.png",
    "https://[::1]/a.png",
    "https://[::]/a.png",
    "https://0.0.0.0/a.png",
    "https://10.0.0.1/a.png",
    "https://172.16.0.1/a.png",
    "https://192.168.1.1/a.png",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/a.png",
    "https://192.0.2.1/a.png",
    "https://198.18.0.1/a.png",
    "https://240.0.0.1/a.png",
    "https://255.255.255.255/a.png",
    "https://[fe80::1]/a.png",
    "https://[fc00::1]/a.png",
    "https://[fd12:3456:789a::1]/a.png",
    "https://[2001:db8::1]/a.png",
    "https://[::ffff:127.0.0.1]/a.png",
    "https://[::ffff:10.0.0.1]/a.png",
    "https://[::ffff:a9fe:a9fe]/a.png",
]
EMBEDDED = [
    "https://[::127.0.0.1]/a.png",
    "https://[64:ff9b::127.0.0.1]/a.png",
    "https://[64:ff9b::a9fe:a9fe]/a.png",
    "https://[2002:7f00:1::]/a.png",
    "https://[2002:a9fe:a9fe::1]/a.png",
]
MULTICAST = ["https://224.0.0.1/a.png", "https://[ff02::1]/a.png", "https://[fec0::1]/a.png"]
PUBLIC = [
    "https://images.segmind.com/a.png",
    "https://cdn.example:8443/a.png?sig=1",
    "https://8.8.8.8/a.png",
    "https://[2606:4700::1111]/a.png",
    "https://[::ffff:8.8.8.8]/a.png",
]


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_a_picture_is_never_fetched_from_inside_the_network(url: str) -> None:
    for service in (
        SEGMIND,
        Service("https://proxy.example"),
        Service("http://proxy.example", allow_http=True),
    ):
        assert "not a public address" in str(service.picture_url_problem(url))


@pytest.mark.parametrize("url", EMBEDDED)
def test_a_private_address_inside_an_ipv6_address_is_seen(url: str) -> None:
    assert SEGMIND.picture_url_problem(url) is not None


@pytest.mark.parametrize("url", MULTICAST)
def test_a_picture_is_never_fetched_from_a_group_or_a_site(url: str) -> None:
    assert SEGMIND.picture_url_problem(url) is not None


@pytest.mark.parametrize("url", PUBLIC)
def test_a_picture_may_be_fetched_from_any_public_https_host(url: str) -> None:
    assert SEGMIND.picture_url_problem(url) is None
    assert SEGMIND.picture_url_problem(url.replace("https:", "http:")) == "it is not https"
    assert Service("https://proxy.example", allow_http=True).picture_url_problem(url) is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/a.png", "http://localhost:9/a.png", "https://[::1]/a.png"]
)
def test_an_emulator_on_this_machine_may_name_this_machine(url: str) -> None:
    assert Service("http://127.0.0.1:8000").picture_url_problem(url) is None
    assert SEGMIND.picture_url_problem(url) is not None


@pytest.mark.parametrize(
    "url", ["http://images.example/a.png", "https://10.0.0.1/a.png", "http://169.254.169.254/"]
)
def test_an_emulator_on_this_machine_may_not_name_another(url: str) -> None:
    assert Service("http://127.0.0.1:8000").picture_url_problem(url) is not None


def test_pictures_may_come_from_the_very_service_the_user_named() -> None:
    service = Service("http://10.0.0.1:8000", allow_http=True)
    assert service.picture_url_problem("http://10.0.0.1:8000/files/a.png") is None
    assert service.picture_url_problem("http://10.0.0.2:8000/files/a.png") is not None


# Whatever a server may name

_arbitrary = settings(max_examples=100, deadline=None, database=None)
_urls = (
    st.text(max_size=60)
    | st.text(alphabet="htps:/.@[]%\\segmindco0127x \u017f\u212a", max_size=40).map(
        lambda rest: f"https://{rest}"
    )
    | st.from_regex(r"(?i)https?://[^/]{1,30}\.?segmind\.com[^ ]{0,10}", fullmatch=True)
)


@_arbitrary
@given(_urls)
def test_whatever_the_url_it_has_an_origin_or_is_refused(url: str) -> None:
    try:
        origin = origin_of(url)
    except ValueError:
        assert SEGMIND.poll_url_problem(url) is not None
        return
    assert origin.scheme in {"http", "https"}
    assert 0 < origin.port < 65536
    assert origin.host.isascii()
    assert origin.host == origin.host.lower()
    assert not set(origin.host) & set("@\\/?#% \t\r\n")
    assert origin_of(str(origin)) == origin


@_arbitrary
@given(_urls)
def test_whatever_the_url_only_segminds_hosts_are_trusted(url: str) -> None:
    if SEGMIND.poll_url_problem(url) is None:
        authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
        host = authority.removesuffix(":443").lower()
        assert host == "segmind.com" or host.endswith(".segmind.com")
        assert url.lower().startswith("https://")


@_arbitrary
@given(st.ip_addresses())
def test_whatever_the_address_a_private_one_is_never_fetched(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = str(address) if address.version == 4 else f"[{address}]"
    complaint = SEGMIND.picture_url_problem(f"https://{host}/a.png")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if not (mapped or address).is_global:
        assert complaint is not None
