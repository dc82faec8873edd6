"""Reads responses of the API into values, or into typed errors.

Sources of every shape: Segmind's API page for the workflow, its documentation and its own SDK 1.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import ConnectionFailedError, OutputError, ResponseError, StatusError
from .._models import Call, Credits, SwapJob, SwapState, SwapStatus
from .messages import NoResponse, Response
from .origins import MAX_URL_LENGTH, Service, origin_of
from .outputs import outputs_of, picture_in
from .status_errors import status_error
from .text import failure_text, request_id, shorten

_MAX_KEPT_BODY = 1024 * 1024

_STATES = {
    "QUEUED": SwapState.QUEUED,
    "PROCESSING": SwapState.PROCESSING,
    "COMPLETED": SwapState.COMPLETED,
    "SUCCEEDED": SwapState.COMPLETED,
    "SUCCESS": SwapState.COMPLETED,
    "FAILED": SwapState.FAILED,
    "ERROR": SwapState.FAILED,
    "CANCELLED": SwapState.FAILED,
    "CANCELED": SwapState.FAILED,
    "EXPIRED": SwapState.FAILED,
}


def accepted_job(
    service: Service, response: Response, *, workflow: str, possible_duplicates: int
) -> SwapJob | None:
    """The job in a 2xx to a submit; None if the response names no job that can be waited for.

    Whether the `poll_url` of the job can be trusted is not checked here (`Service.poll_url_problem`).
    """
    fields = response.fields()
    if fields is None or not response.ok:
        return None
    poll_url = fields.get("poll_url")
    poll_url = poll_url.strip() if isinstance(poll_url, str) else None
    if poll_url and poll_url.startswith("/") and not poll_url.startswith("//"):
        poll_url = f"{service.origin}{poll_url}"
    # A longer URL could not be polled.
    if not poll_url or len(poll_url) > MAX_URL_LENGTH:
        poll_url = None
    outputs = outputs_of(fields) if poll_url is None and _state(fields) is SwapState.COMPLETED else ()
    if poll_url is None and picture_in(outputs) is None:
        return None
    return SwapJob(
        poll_url=poll_url,
        request_id=request_id_in(fields) or response.request_id,
        workflow=workflow,
        possible_duplicates=possible_duplicates,
        outputs=outputs,
    )


def request_id_in(fields: Mapping[str, Any]) -> str | None:
    """The `request_id` of a body, if it is usable as an id."""
    return request_id(fields.get("request_id"))


def read_status(response: Response, job: SwapJob) -> SwapStatus:
    """The state of a job, from the response to a poll. The errors have the job.

    Raises:
        OutputError: the job is COMPLETED without a usable picture. The job was paid.
        StatusError: the HTTP status is no success, and the body is not the state of the job.
        ResponseError: a 2xx whose body is not a JSON object.
    """
    fields = response.fields()
    state = _state(fields) if fields is not None else None
    if fields is None or not _is_state_of_the_job(response, fields, state):
        if not response.ok:
            raise refusal(response, Call.POLL, job)
        raise ResponseError(
            f"the poll was answered {response.status_code} with something that is not a JSON object:"
            f" {response.excerpt or 'nothing'}",
            status_code=response.status_code,
            excerpt=response.excerpt,
            job=job,
        )
    outputs = outputs_of(fields) if state is SwapState.COMPLETED else ()
    url = picture_in(outputs)
    if state is SwapState.COMPLETED and url is None:
        raise OutputError(
            f"the job is COMPLETED, but its answer holds no picture URL; the run was paid: {response.text}",
            body=response.body[:_MAX_KEPT_BODY],
            request_id=request_id_in(fields) or response.request_id,
            job=job,
        )
    return SwapStatus(
        state=state or SwapState.PROCESSING,
        raw=shorten(str(fields.get("status") or "")),
        url=url,
        outputs=outputs,
        reason=failure_text(fields) if state is SwapState.FAILED else "",
        cost_usd=_cost_usd(response.headers, fields),
    )


def _state(fields: Mapping[str, Any]) -> SwapState | None:
    word = fields.get("status")
    return _STATES.get(word.strip().upper()) if isinstance(word, str) else None


def _is_state_of_the_job(response: Response, fields: Mapping[str, Any], state: SwapState | None) -> bool:
    """Whether the body is the state of the job, even with an error status (a FAILED job may be a 422)."""
    if response.ok:
        return True
    if not response.kind.may_have_job_state or state is None:
        return False
    # `{"status": "error"}` is what many gateways send for any error of their own.
    return str(fields["status"]).strip().upper() != "ERROR"


def _cost_usd(headers: Mapping[str, str], fields: Mapping[str, Any]) -> float | None:
    metrics = fields.get("metrics")
    in_body = metrics.get("cost") if isinstance(metrics, dict) else None
    for value in (in_body, headers.get("x-cost")):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                cost = float(value)
            except (ValueError, OverflowError):
                continue
            if 0 <= cost < 1e6:
                return cost
    return None


def read_upload(service: Service, response: Response) -> str:
    """The URL of the uploaded picture (in `file_urls` by Segmind's SDK, in `urls` by its documents).

    Raises:
        ResponseError: there is not exactly one URL, or the service could not fetch from that URL.
    """
    fields = response.fields() or {}
    urls = fields.get("file_urls") or fields.get("urls")
    if not isinstance(urls, list) or len(urls) != 1 or not isinstance(urls[0], str):
        problem = "does not hold exactly one URL"
    else:
        url: str = urls[0]
        try:
            origin = origin_of(url)
        except ValueError as exc:
            problem = f"names a URL that cannot be used: {exc}"
        else:
            if origin.scheme == "https" or service.allow_http or service.origin.loopback:
                return url
            problem = "names a URL that is not https"
    raise ResponseError(
        f"the answer to the upload {problem}: {response.excerpt or 'empty'}",
        status_code=response.status_code,
        excerpt=response.excerpt,
    )


def read_credits(response: Response) -> Credits:
    """The credits of the account.

    Raises:
        ResponseError: the body is not the documented object of two numbers.
    """
    try:
        return Credits.model_validate(response.json())
    except ValueError:
        pass
    raise ResponseError(
        f"the answer about credits cannot be read: {response.excerpt or 'empty'}",
        status_code=response.status_code,
        excerpt=response.excerpt,
    )


def refusal(response: Response, call: Call, job: SwapJob | None = None) -> StatusError:
    """The typed error of a response that is no 2xx."""
    return status_error(
        response.status_code, call, reason=response.excerpt, request_id=response.request_id, job=job
    )


def error_of_response(
    response: Response | NoResponse, call: Call, job: SwapJob | None = None
) -> StatusError | ConnectionFailedError:
    """The typed error of a call that did not succeed."""
    if isinstance(response, Response):
        return refusal(response, call, job)
    return ConnectionFailedError(f"the {call} got no answer: {response.reason}", job=job)
