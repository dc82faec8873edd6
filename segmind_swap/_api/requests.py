"""Values to requests of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .._models import Call
from .messages import Request
from .origins import Service


def submit_request(service: Service, workflow: str, *, reference_url: str, scene_url: str) -> Request:
    """The paid call. Both fields are always sent: without one the service would run, and bill, a sample."""
    document = {"reference_character_image": reference_url, "character_image": scene_url}
    url = f"{service.base_url}/workflows/{workflow}"
    return Request(call=Call.SUBMIT, method="POST", url=url, body=_json(document))


def poll_request(poll_url: str) -> Request:
    """Asks for a job's state, at exactly the URL the server gave."""
    return Request(call=Call.POLL, method="GET", url=poll_url)


def upload_request(service: Service, data_url: str) -> Request:
    """Uploads one picture: of several, the order of the reply's URLs is not promised."""
    url = f"{service.upload_base_url}/upload-asset"
    return Request(call=Call.UPLOAD, method="POST", url=url, body=_json({"data_urls": [data_url]}))


def credits_request(service: Service) -> Request:
    """Asks what is left on the account; runs and costs nothing."""
    return Request(call=Call.CREDITS, method="GET", url=f"{service.base_url}/v1/get-user-credits")


def download_request(url: str) -> Request:
    """Fetches a finished picture, without the key."""
    return Request(call=Call.DOWNLOAD, method="GET", url=url)


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
