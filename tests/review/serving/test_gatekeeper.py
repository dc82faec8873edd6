"""Who gets an answer: the page of the printed address, and nobody else."""

from collections.abc import Mapping

import pytest

from segmind_swap._review.serving.gatekeeper import Gatekeeper
from segmind_swap._review.serving.messages import Request

HOST = "127.0.0.1:8800"
JSON = "application/json"


def refused(
    gate: Gatekeeper, headers: Mapping[str, str], *, method: str = "GET", path: str | None = None
) -> int | None:
    target = f"/{gate.token}/" if path is None else path
    refusal = gate.refusal(Request(method=method, target=target, headers=headers))
    return None if refusal is None else refusal.status


@pytest.mark.parametrize("host", [HOST, "localhost:8800"])
def test_the_printed_address_is_answered(host: str) -> None:
    gate = Gatekeeper(8800)
    assert gate.url == f"http://{HOST}/{gate.token}/"
    assert refused(gate, {"host": host}) is None
    own = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin", "content-type": JSON}
    assert refused(gate, own, method="POST") is None
    assert refused(gate, {"host": host, "content-type": JSON}, method="POST") is None, "a program of the user"


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8800", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.e.example:8800"],
)
def test_the_name_of_another_host_is_refused_also_with_the_token(host: str) -> None:
    assert refused(Gatekeeper(8800), {"host": host}) == 421


@pytest.mark.parametrize("path", ["/", "/x/", "//", "/%2e/", "/caf\xe9/"])
def test_without_the_token_nothing_is_there(path: str) -> None:
    assert refused(Gatekeeper(8800), {"host": HOST}, path=path) == 404


def test_the_token_is_long_and_new_each_time() -> None:
    tokens = {Gatekeeper(1).token for _ in range(10)}
    assert len(tokens) == 10
    assert min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
    ],
)
def test_a_page_of_another_site_is_refused_also_with_the_token(headers: dict[str, str]) -> None:
    gate = Gatekeeper(8800)
    assert refused(gate, {"host": HOST, **headers}) == 403
    assert refused(gate, {"host": HOST, "content-type": JSON, **headers}, method="POST") == 403


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_form_of_another_site_could_send_is_refused(media_type: str) -> None:
    assert refused(Gatekeeper(8800), {"host": HOST, "content-type": media_type}, method="POST") == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_other_methods_are_refused(method: str) -> None:
    assert refused(Gatekeeper(8800), {"host": HOST, "content-type": JSON}, method=method) == 405
