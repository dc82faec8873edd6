"""Requests: the method, the URL and the body of each call."""

import pytest

from segmind_swap._api.messages import Request, SwapUrls
from segmind_swap._api.origins import Service
from segmind_swap._api.requests import (
    credits_request,
    download_request,
    poll_request,
    submit_request,
    upload_request,
)
from segmind_swap._config import WORKFLOW
from segmind_swap._models import Call

from ..support.readings import BEHIND_A_PATH, LOCAL, SEGMIND, URL


@pytest.mark.parametrize(
    ("service", "base"),
    [
        (SEGMIND, "https://api.segmind.com"),
        (LOCAL, "http://127.0.0.1:8000"),
        (BEHIND_A_PATH, "https://proxy.example/segmind"),
    ],
)
def test_every_endpoint_follows_the_base_url(service: Service, base: str) -> None:
    upload_base = "https://workflows-api.segmind.com" if service is SEGMIND else base
    submit = submit_request(service, WORKFLOW, SwapUrls(reference="https://a.example/r", scene="https://a/s"))
    assert (submit.method, submit.url) == ("POST", f"{base}/workflows/678aa4026426baad7e5392fb-v7")
    upload = upload_request(service, "data:image/png;base64,AA==")
    assert (upload.method, upload.url) == ("POST", f"{upload_base}/upload-asset")
    asked = credits_request(service)
    assert asked.call is Call.CREDITS
    assert (asked.method, asked.url, asked.body) == ("GET", f"{base}/v1/get-user-credits", None)


def test_a_submit_always_sends_both_pictures_under_their_exact_names() -> None:
    request = submit_request(
        SEGMIND,
        WORKFLOW,
        SwapUrls(reference="https://a.example/hero.png", scene="https://a.example/street.jpg"),
    )
    assert request.call is Call.SUBMIT
    assert request.body == (
        b'{"reference_character_image":"https://a.example/hero.png",'
        b'"character_image":"https://a.example/street.jpg"}'
    )


def test_an_upload_sends_one_data_url() -> None:
    request = upload_request(SEGMIND, "data:image/png;base64,iVBORw==")
    assert request.call is Call.UPLOAD
    assert request.body == b'{"data_urls":["data:image/png;base64,iVBORw=="]}'


@pytest.mark.parametrize(
    "url",
    [URL, "https://api.segmind.com/v1/requests/x?sig=a%2Fb&n=1", "https://API.segmind.com:443//x/../y"],
)
def test_a_poll_asks_exactly_the_url_it_was_given(url: str) -> None:
    assert poll_request(url) == Request(call=Call.POLL, method="GET", url=url)
    assert download_request(url) == Request(call=Call.DOWNLOAD, method="GET", url=url)
