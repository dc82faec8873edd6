"""Reads responses of the API into values, or into typed errors.

Sources of every shape: Segmind's API page for the workflow, its documentation and its own SDK 1.3.0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from .._config import MAX_ANSWER_BYTES
from .._errors import ConnectionFailedError, OutputError, ResponseError, StatusError
from .._models import Call, Credits, SwapJob, SwapState, SwapStatus
from .messages import NoResponse, Response
from .origins import Service, origin_of
from .outputs import claimed_outputs, outputs_of, picture_in
from .status_errors import status_error, subject_of
from .text import failure_text, request_id, shorten
from .urls import MAX_URL_LENGTH, picture_url

_ERROR_KEYS = ("error", "error_message", "detail", "error_description")
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

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
    if poll_url:
        poll_url = service.poll_url(poll_url)
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
    return _status(response, response.fields(), job)


def read_poll(
    service: Service, response: Response, job: SwapJob, inputs: Collection[str]
) -> tuple[SwapStatus, SwapStatus | None]:
    """The state of a job as `read_status` reads it, and the state that the picture in the response claims.

    A response claims COMPLETED if its word is unknown, and it names a picture; else the claim is None. The
    caller must see the same picture in two polls: the picture of a job that runs can still change.

    Args:
        service: The service.
        response: The response to a poll.
        job: The job.
        inputs: The URLs of the job's two inputs, as far as they are known.

    Raises:
        OutputError, StatusError, ResponseError: see `read_status`.
    """
    fields = response.fields()
    return _status(response, fields, job), _claim(service, response, fields, job, inputs)


def _status(response: Response, fields: Mapping[str, Any] | None, job: SwapJob) -> SwapStatus:
    state = _state(fields) if fields is not None else None
    if fields is None or not _is_state_of_the_job(response, fields, state):
        if not response.ok:
            raise refusal(response, Call.POLL, job)
        raise ResponseError(
            f"the poll of the job was answered {response.status_code} with something that is not a JSON"
            f" object: {response.excerpt or 'nothing'}",
            status_code=response.status_code,
            excerpt=response.excerpt,
            job=job,
        )
    outputs = outputs_of(fields) if state is SwapState.COMPLETED else ()
    url = picture_in(outputs)
    if state is SwapState.COMPLETED and url is None:
        raise OutputError(
            f"the job is COMPLETED, but its answer holds no picture URL; the run was paid: {response.text}",
            body=response.body[:MAX_ANSWER_BYTES],
            request_id=request_id_in(fields) or response.request_id,
            job=job,
        )
    return SwapStatus(
        state=state or SwapState.PROCESSING,
        raw=shorten(str(fields.get("status") or "")),
        url=url,
        outputs=outputs,
        reason=failure_text(fields) if state in {SwapState.FAILED, None} else "",
        cost_usd=_cost_usd(response.headers, fields),
    )


def _claim(
    service: Service,
    response: Response,
    fields: Mapping[str, Any] | None,
    job: SwapJob,
    inputs: Collection[str],
) -> SwapStatus | None:
    if fields is None or not response.ok or _state(fields) is not None:
        return None
    if failure_text({key: fields[key] for key in _ERROR_KEYS if fields.get(key)}):
        return None
    others = {unquote(url) for url in inputs}
    outputs = tuple(
        item
        for item in claimed_outputs(fields)
        if unquote(item.data) not in others and not _is_url_of_api(service, item.data, job)
    )
    url = picture_in(outputs)
    if url is None or service.picture_url_problem(url) is not None:
        return None
    return SwapStatus(
        state=SwapState.COMPLETED,
        raw=shorten(str(fields.get("status") or "")),
        url=url,
        outputs=outputs,
        cost_usd=_cost_usd(response.headers, fields),
    )


def _is_url_of_api(service: Service, url: str, job: SwapJob) -> bool:
    """Whether a URL is for calls: on the host that is polled, and without the suffix of a picture."""
    try:
        origin = origin_of(url)
        hosts = {service.origin, origin_of(job.poll_url or url)}
    except ValueError:
        return False
    return origin in hosts and not urlsplit(url).path.lower().endswith(_PICTURE_SUFFIXES)


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
    urls = _uploaded_urls(response)
    if not isinstance(urls, list) or len(urls) != 1 or not isinstance(urls[0], str):
        problem = "does not hold exactly one URL"
    else:
        url = picture_url(urls[0])
        try:
            origin = origin_of(url)
        except ValueError as exc:
            problem = f"names a URL that cannot be used: {exc}"
        else:
            is_own = origin == service.origin or service.origin.loopback
            if is_own or origin.scheme == "https" or service.allow_http:
                return url
            problem = "names a URL that is not https"
    raise ResponseError(
        f"the answer to the upload {problem}: {response.excerpt or 'empty'}",
        status_code=response.status_code,
        excerpt=response.excerpt,
    )


def _uploaded_urls(response: Response) -> object:
    # A function of its own, so that a large body's values are freed before the error's excerpt is made.
    fields = response.fields() or {}
    return fields.get("file_urls") or fields.get("urls")


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


def is_challenge(response: Response | NoResponse) -> bool:
    """Whether a firewall asks for a browser instead of passing the request on (Cloudflare's header)."""
    return isinstance(response, Response) and "cf-mitigated" in response.headers


def error_of_response(
    response: Response | NoResponse, call: Call, job: SwapJob | None = None
) -> StatusError | ConnectionFailedError:
    """The typed error of a call that did not succeed."""
    if isinstance(response, Response):
        return refusal(response, call, job)
    asked = f" from {response.origin}" if response.origin else ""
    return ConnectionFailedError(f"{subject_of(call)} got no answer{asked}: {response.reason}", job=job)
