"""Builds requests of the API from values. `swap` is the number of the swap, for the request's events."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .._models import Call
from .messages import Request, SwapUrls
from .origins import Service


def submit_request(service: Service, workflow: str, urls: SwapUrls, *, swap: int | None = None) -> Request:
    """The paid request. It always has both pictures: for a missing picture, the service bills a sample."""
    document = {"reference_character_image": urls.reference, "character_image": urls.scene}
    url = f"{service.base_url}/workflows/{workflow}"
    return Request(call=Call.SUBMIT, method="POST", url=url, body=_json(document), swap=swap)


def poll_request(poll_url: str, *, swap: int | None = None, attempt: int = 1) -> Request:
    """Asks for the state of a job, at the URL that the server gave (`Service.poll_url`). Free."""
    return Request(call=Call.POLL, method="GET", url=poll_url, swap=swap, attempt=attempt)


def upload_request(service: Service, data_url: str, *, swap: int | None = None) -> Request:
    """Uploads one picture. Free. One picture a request, because the order of several URLs is not promised."""
    url = f"{service.upload_base_url}/upload-asset"
    return Request(call=Call.UPLOAD, method="POST", url=url, body=_json({"data_urls": [data_url]}), swap=swap)


def credits_request(service: Service) -> Request:
    """Asks for the credits of the account. Free, and runs nothing."""
    return Request(call=Call.CREDITS, method="GET", url=f"{service.base_url}/v1/get-user-credits")


def download_request(url: str, *, swap: int | None = None) -> Request:
    """Fetches a finished picture. Free, and sent without the key."""
    return Request(call=Call.DOWNLOAD, method="GET", url=url, swap=swap)


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
