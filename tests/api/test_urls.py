"""A URL as it goes over the wire: encoded once, and the same for every reader."""

import httpx
import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.origins import origin_of
from segmind_swap._api.urls import percent_encoded, picture_url, redirect_target

HOST = "https://a.example"


@pytest.mark.parametrize(
    ("rest", "encoded"),
    [
        ("/a b.png", "/a%20b.png"),
        ("/結果.png", "/%E7%B5%90%E6%9E%9C.png"),
        ("/café.png", "/caf%C3%A9.png"),
        ("/cafe\u0301.png", "/cafe%CC%81.png"),
        ("/a\u00a0b\u202e.png", "/a%C2%A0b%E2%80%AE.png"),
        ("/😀", "/%F0%9F%98%80"),
        ('/"<>`{}', "/%22%3C%3E%60%7B%7D"),
        ("/|^[]!$&'()*+,;=:@~", "/|^[]!$&'()*+,;=:@~"),
        ("/a%20b%2fc%C3%A9", "/a%20b%2fc%C3%A9"),
        ("/100%", "/100%"),
        ("/100%.png?50%&%zzé", "/100%.png?50%&%zz%C3%A9"),
        ("?q=a b\"<>`{}'é", "?q=a%20b%22%3C%3E`{}'%C3%A9"),
        ("/a?b?c /d#e f#é`", "/a?b?c%20/d#e%20f#%C3%A9%60"),
        ("", ""),
        ("/", "/"),
        ("#é", "#%C3%A9"),
    ],
)
def test_path_query_and_fragment_are_encoded_as_httpx_encodes_them(rest: str, encoded: str) -> None:
    for spelled in (percent_encoded, picture_url):
        assert spelled(f"{HOST}{rest}") == f"{HOST}{encoded}"
        assert spelled(f"{HOST}{encoded}") == f"{HOST}{encoded}", "never twice"
        assert spelled(f" {HOST}{rest}\n") == f"{HOST}{encoded}"
    sent = httpx.URL(f"{HOST}{rest}")
    assert sent == httpx.URL(f"{HOST}{encoded}")
    assert origin_of(f"{HOST}{encoded}") == origin_of(HOST)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.png",
        "/a b.png",
        "ftp://a.example/a b",
        "https://a.example/a\\b c",
        "https://a.example\\@evil.example/a b",
        "https://a.example/a\tb c",
        "https://a.example/a\nb c",
        "https://a.example/a\x00b c",
        "https://a.example/a\x7fb c",
        "https://a.example/a\x85b c",
        "https://a.example/a\ud800b c",
        "http\u017f://a.example/a b",
        "https://a.example/" + "é" * 4096,
    ],
)
def test_a_text_that_no_encoding_makes_usable_stays_as_it_is_and_has_no_origin(url: str) -> None:
    for spelled in (percent_encoded, picture_url):
        assert spelled(url) == url
        with pytest.raises(ValueError, match=r"^it "):
            origin_of(spelled(url))


@pytest.mark.parametrize(
    "authority",
    [
        "пример.рф",
        "a.example.",
        "\uff41pi.segmind.com",
        "api.\u017fegmind.com",
        "us er.example",
        "us%65r.example",
        "u@a.example",
    ],
)
def test_the_authority_of_a_url_that_gets_the_key_is_never_changed(authority: str) -> None:
    assert percent_encoded(f"https://{authority}/a b") == f"https://{authority}/a%20b"
    with pytest.raises(ValueError, match=r"^it "):
        origin_of(percent_encoded(f"https://{authority}/a b"))


@pytest.mark.parametrize(
    "host",
    [
        "пример.рф",
        "例え.テスト",
        "bücher.example",
        "BÜCHER.example",
        "straße.de",
        "παράδειγμα.example",
        "한국.example",
        "مثال.example",
        "a.例え.example",
        "e\u0301cole.example",
    ],
)
def test_the_host_of_a_picture_goes_by_the_a_labels_that_browsers_use(host: str) -> None:
    a_labels = idna.encode(host, uts46=True).decode()
    assert picture_url(f"https://{host}:8443/a") == f"https://{a_labels}:8443/a"
    assert picture_url(f"https://{host}./a") == f"https://{a_labels}/a"
    assert origin_of(picture_url(f"https://{host}/a")).host == a_labels


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("a.example.", "a.example"),
        ("127.0.0.1.", "127.0.0.1"),
        ("localhost.", "localhost"),
        ("[::1]", "[::1]"),
    ],
)
def test_the_host_of_a_picture_is_judged_in_the_only_way_it_can_be_reached(host: str, written: str) -> None:
    assert picture_url(f"https://{host}/a") == f"https://{written}/a"
    assert origin_of(picture_url(f"https://{host}/a")).public is (written == "a.example")


@pytest.mark.parametrize(
    "host",
    ["a.example..", ".", "", "a b.example", "a\u2026b.example", "☃.example", "u@пример.рф", "a\u2044b.рф"],
)
def test_a_host_that_is_no_name_stays_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        origin_of(picture_url(f"https://{host}/a"))


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b c.png", f"{HOST}/b%20c.png"),
        ("b c.png", f"{HOST}/x/b%20c.png"),
        ("../é.png", f"{HOST}/%C3%A9.png"),
        ("?a b", f"{HOST}/x/y.png?a%20b"),
        ("//пример.рф/a", "https://xn--e1afmkfd.xn--p1ai/a"),
        ("https://b.example./a", "https://b.example/a"),
        (" /b.png ", f"{HOST}/b.png"),
        ("/b\tc.png", "/b\tc.png"),
        ("/b\\c.png", "/b\\c.png"),
        ("http://[", "http://["),
    ],
)
def test_a_redirect_names_a_target_beside_the_url_it_came_from(location: str, target: str) -> None:
    assert redirect_target(f"{HOST}/x/y.png", location) == target


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.text(st.characters(codec="utf-8") | st.sampled_from("/?#%\\ .@:é"), max_size=30),
    st.sampled_from([percent_encoded, picture_url]),
)
def test_whatever_is_encoded_goes_over_the_wire_as_it_was_judged(rest: str, spelled: object) -> None:
    assert callable(spelled)
    url = spelled(f"{HOST}/{rest}")
    assert spelled(url) == url
    try:
        origin = origin_of(url)
    except ValueError:
        return
    sent = httpx.URL(url)
    assert (sent.host, sent.scheme) == ("a.example", "https")
    assert origin == origin_of(HOST)
    target = url.removeprefix(HOST).partition("#")[0]
    if not any(part in {".", ".."} for part in target.partition("?")[0].split("/")):
        assert sent.raw_path.decode() == target
