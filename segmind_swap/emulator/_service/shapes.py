"""The responses whose shape is a choice of the `Contract`: accepted submits, ended jobs, rate limits."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from starlette.responses import Response

from .._contract import Acceptance, Contract, FailureShape, OutputShape, ResetFormat, StateWords
from .responses import compact, error, json_response

KEYNAME = "character_swap_image"
"""The name of the picture among a job's outputs. The name that the real workflow uses is not published."""

UNENCODED_FOLDER = "結果 1/"
"""The folder of jobs and pictures whose URLs are not percent-encoded."""

_WORDS: dict[StateWords, dict[str, str]] = {
    "documented": {},
    "lower-case": {
        "QUEUED": "queued",
        "PROCESSING": "processing",
        "COMPLETED": "completed",
        "FAILED": "failed",
    },
    "aliases": {"COMPLETED": "SUCCEEDED", "FAILED": "ERROR"},
    "unknown": {"QUEUED": "WARMING_UP", "PROCESSING": "WARMING_UP"},
    "unknown-end": {"COMPLETED": "DONE"},
}


def accepted(
    base_url: str, request_id: str, *, contract: Contract, headers: Mapping[str, str] | None = None
) -> Response:
    """The response to an accepted submit. The job need not exist: a fault may answer so without a job."""
    poll_url = f"{base_url}{contract.poll_path[1:]}/{_folder(contract)}{request_id}"
    body = {"poll_url": poll_url} | _beside(contract.acceptance, base_url, request_id)
    if "status" in body:
        body["status"] = _word("QUEUED", contract)
    return json_response(dict(sorted(body.items())), headers=headers)


def hosted_url(base_url: object, name: str, contract: Contract) -> str:
    """The URL of a picture that the emulator hosts."""
    return f"{base_url}files/{_folder(contract)}{name}"


def _folder(contract: Contract) -> str:
    return UNENCODED_FOLDER if contract.urls == "unencoded" else ""


def _beside(acceptance: Acceptance, base_url: str, request_id: str) -> dict[str, Any]:
    if acceptance == "minimal":
        return {}
    if acceptance == "full":
        return {"message": "Request queued", "request_id": request_id, "status": "QUEUED"}
    response_url = f"{base_url}v2/requests/{request_id}"
    return {
        "request_id": request_id,
        "status": "QUEUED",
        "status_url": f"{response_url}/status",
        "response_url": response_url,
    }


def running(state: str, contract: Contract) -> Response:
    """The response to a poll before the job's end.

    While the job is PROCESSING, ``output`` is an empty string.
    """
    beside = {"output": ""} if state == "PROCESSING" else {}
    return json_response(beside | {"status": _word(state, contract)})


def completed(
    output_url: str,
    *,
    contract: Contract,
    metrics: dict[str, float],
    headers: Mapping[str, str],
    engine: str | None,
) -> Response:
    """The response to a poll of a completed job. ``engine`` is a field that only the emulator has."""
    body = {"status": _word("COMPLETED", contract)} | _output(contract.output, output_url)
    made = {} if engine is None else {"engine": engine}
    return json_response(body | _measured(contract, metrics) | made, headers=headers)


def failed(reason: str, *, contract: Contract, metrics: dict[str, float]) -> Response:
    """The response to a poll of a failed job."""
    body = {"status": _word("FAILED", contract)} | _reason(contract.failure, reason)
    return json_response(body | _measured(contract, metrics), contract.failed_status)


def rate_limited(wait: float, wall: datetime, form: ResetFormat) -> Response:
    """A 429 that says when the next window starts, in ``wait`` seconds.

    Both the reset and ``Date`` have whole seconds, so ``wait`` is rounded up: a client that waits for their
    difference is never too early.
    """
    response = error(429)
    if form == "retry-after":
        response.headers["retry-after"] = str(ceil(wait))
    elif form != "none":
        reset = wall.replace(microsecond=0) + timedelta(seconds=ceil(wait))
        formats = {
            "iso": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "space": reset.strftime("%Y-%m-%d %H:%M:%S"),
            "epoch-s": f"{reset.timestamp():.0f}",
            "epoch-ms": f"{reset.timestamp() * 1000:.0f}",
        }
        response.headers["x-rate-limit-reset-at-utc"] = formats[form]
    return response


def _word(state: str, contract: Contract) -> str:
    return _WORDS[contract.state_words].get(state, state)


def _measured(contract: Contract, metrics: dict[str, float]) -> dict[str, Any]:
    return {"metrics": metrics} if contract.metrics else {}


def _output(shape: OutputShape, url: str) -> dict[str, Any]:
    items = [{"keyname": KEYNAME, "value": {"data": url, "type": "image"}}]
    match shape:
        case "json-list":
            return {"output": compact(items)}
        case "list":
            return {"output": items}
        case "json-object":
            return {"output": compact({KEYNAME: url})}
        case "object":
            return {"output": {KEYNAME: url}}
        case "url":
            return {"output": url}
        case "json-url":
            return {"output": compact(url)}
        case "urls":
            return {"output": [url]}
        case "outputs":
            return {"outputs": items}
        case "top-level":
            return {"output_image": url}
        case "bare-values":
            return {"output": compact([{"keyname": KEYNAME, "value": url}])}
        case "data-lists":
            return {"output": compact([{"keyname": KEYNAME, "value": {"data": [url], "type": "image"}}])}
        case "nothing":
            return {"output": ""}


def _reason(shape: FailureShape, reason: str) -> dict[str, Any]:
    match shape:
        case "error" | "error_message":
            return {shape: reason}
        case "object":
            return {"error_message": {"error_message": "Node failed", "details": reason}}
        case "list":
            return {"error_message": [{"model": "character-swap", "error": reason}]}
        case "bare":
            return {}
