"""Responses of the API to values, or to typed errors.

Sources of every shape: Segmind's API page for the workflow, its documentation and its own SDK 1.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import OutputError, ResponseError, StatusError
from .._models import Call, Credits, SwapJob, SwapState, SwapStatus
from .messages import Response
from .origins import MAX_URL_LENGTH, Service, origin_of
from .outputs import outputs_of, picture_in
from .status_errors import status_error
from .text import failure_text, request_id, shorten

_MAX_KEPT_BODY = 64 * 1024

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
# Besides 2xx. All others come from a gateway or are about the caller, whatever their body says, and the job
# behind them may be well: calling a paid job failed by mistake invites paying for it again.
_ABOUT_THE_JOB = frozenset({400, 422, 500})


def accepted_job(
    service: Service, answer: Response, *, workflow: str, possible_duplicates: int
) -> SwapJob | None:
    """The job a 2xx to a submit tells of; None if it tells of none that could ever be waited for.

    Whether its `poll_url` may be trusted is a question of its own.
    """
    fields = answer.fields()
    if fields is None or not answer.ok:
        return None
    poll_url = fields.get("poll_url")
    poll_url = poll_url.strip() if isinstance(poll_url, str) else None
    if poll_url and poll_url.startswith("/") and not poll_url.startswith("//"):
        poll_url = f"{service.origin}{poll_url}"
    # Longer than any that could be asked.
    if not poll_url or len(poll_url) > MAX_URL_LENGTH:
        poll_url = None
    outputs = outputs_of(fields) if poll_url is None and _state(fields) is SwapState.COMPLETED else ()
    if poll_url is None and picture_in(outputs) is None:
        return None
    return SwapJob(
        poll_url=poll_url,
        request_id=request_id_in(fields) or answer.request_id,
        workflow=workflow,
        possible_duplicates=possible_duplicates,
        outputs=outputs,
    )


def request_id_in(fields: Mapping[str, Any]) -> str | None:
    """The id a body gives, if it is one."""
    return request_id(fields.get("request_id"))


def read_status(answer: Response) -> SwapStatus:
    """What a poll was answered.

    Raises:
        OutputError: the job is COMPLETED without a usable picture.
        StatusError: the HTTP status says no, and the body does not speak of the job.
        ResponseError: a 2xx whose body is not a JSON object.
    """
    fields = answer.fields()
    state = _state(fields) if fields is not None else None
    if fields is None or not _tells_of_the_job(answer, fields, state):
        if not answer.ok:
            raise refusal(answer, Call.POLL)
        raise ResponseError(
            f"the poll was answered {answer.status_code} with something that is not a JSON object:"
            f" {answer.excerpt or 'nothing'}",
            status_code=answer.status_code,
            excerpt=answer.excerpt,
        )
    outputs = outputs_of(fields) if state is SwapState.COMPLETED else ()
    url = picture_in(outputs)
    if state is SwapState.COMPLETED and url is None:
        raise OutputError(
            f"the job is COMPLETED, but its answer holds no picture URL; the run was paid: {answer.text}",
            body=answer.body[:_MAX_KEPT_BODY],
            request_id=request_id_in(fields) or answer.request_id,
        )
    return SwapStatus(
        state=state or SwapState.PROCESSING,
        raw=shorten(str(fields.get("status") or "")),
        url=url,
        outputs=outputs,
        reason=failure_text(fields) if state is SwapState.FAILED else "",
        cost_usd=_cost_usd(answer.headers, fields),
    )


def _state(fields: Mapping[str, Any]) -> SwapState | None:
    word = fields.get("status")
    return _STATES.get(word.strip().upper()) if isinstance(word, str) else None


def _tells_of_the_job(answer: Response, fields: Mapping[str, Any], state: SwapState | None) -> bool:
    """Whether the body's status is to be believed before the HTTP status (FAILED is served as 422)."""
    if answer.ok:
        return True
    if answer.status_code not in _ABOUT_THE_JOB or state is None:
        return False
    # `{"status": "error"}` is what many gateways call any error of theirs.
    return str(fields["status"]).strip().upper() != "ERROR"


def _cost_usd(headers: Mapping[str, str], fields: Mapping[str, Any]) -> float | None:
    metrics = fields.get("metrics")
    told = metrics.get("cost") if isinstance(metrics, dict) else None
    for value in (told, headers.get("x-cost")):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                cost = float(value)
            except (ValueError, OverflowError):
                continue
            if 0 <= cost < 1e6:
                return cost
    return None


def read_upload(service: Service, answer: Response) -> str:
    """The URL of the one picture that was uploaded (`file_urls` in the SDK, `urls` in the documents).

    Raises:
        ResponseError: there is not exactly one URL, or it is one that the service could not read.
    """
    fields = answer.fields() or {}
    urls = fields.get("file_urls") or fields.get("urls")
    if not isinstance(urls, list) or len(urls) != 1 or not isinstance(urls[0], str):
        complaint = "does not hold exactly one URL"
    else:
        url: str = urls[0]
        try:
            origin = origin_of(url)
        except ValueError as exc:
            complaint = f"names a URL that cannot be used: {exc}"
        else:
            if origin.scheme == "https" or service.allow_http or service.origin.loopback:
                return url
            complaint = "names a URL that is not https"
    raise ResponseError(
        f"the answer to the upload {complaint}: {answer.excerpt or 'empty'}",
        status_code=answer.status_code,
        excerpt=answer.excerpt,
    )


def read_credits(answer: Response) -> Credits:
    """What is left on the account.

    Raises:
        ResponseError: the body is not the documented object of two numbers.
    """
    try:
        return Credits.model_validate(answer.json())
    except ValueError:
        pass
    raise ResponseError(
        f"the answer about credits cannot be read: {answer.excerpt or 'empty'}",
        status_code=answer.status_code,
        excerpt=answer.excerpt,
    )


def refusal(answer: Response, call: Call) -> StatusError:
    """The typed error of an answer that says no."""
    return status_error(answer.status_code, answer.headers, answer.body, call)
