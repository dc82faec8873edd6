"""The response that a fault sends in place of the API's response."""

from starlette.responses import Response

from .._service.calls import Kind
from .._service.responses import error, json_response
from .encoding import encoded
from .fault import Fault, Malformed

_NOT_FOUND: dict[Kind, str] = {"poll": "Request not found", "credits": "No credits found for the user"}


def faulty_response(fault: Fault, response: Response) -> Response:
    """The response to send in place of the API's ``response``. A delay or a cut changes nothing here."""
    faulty = _replaced(fault, response)
    return faulty if fault.encoding is None else encoded(fault.encoding, faulty)


def _replaced(fault: Fault, response: Response) -> Response:
    if fault.status is not None:
        faulty = _answer(fault, fault.status)
    elif fault.malformed is not None:
        faulty = _malformed(fault.malformed, response)
    else:
        return response
    if "x-request-id" in response.headers:
        # The id of a job that was started stays in the header, as a gateway would log it.
        faulty.headers.setdefault("x-request-id", response.headers["x-request-id"])
    return faulty


def _answer(fault: Fault, status: int) -> Response:
    if fault.body is None:
        response = error(status, _NOT_FOUND.get(fault.on) if status == 404 else None)
    elif isinstance(fault.body, dict | list):
        response = json_response(fault.body, status)
    elif isinstance(fault.body, bytes):
        response = Response(fault.body, status, media_type="application/json")
    else:
        media_type = "text/html" if fault.body.lstrip().startswith("<") else "text/plain"
        response = Response(fault.body, status, media_type=media_type)
    response.headers.update(fault.headers or {})
    return response


def _malformed(how: Malformed, response: Response) -> Response:
    body = bytes(response.body)
    if how == "truncated":
        return Response(body[: len(body) // 2], media_type=response.media_type)
    if how == "html":
        return Response("<html><body>ok</body></html>", media_type="text/html")
    bodies = {"empty": b"", "list": b'["unexpected"]', "not-utf8": b'{"poll_url":"\xff\xfe\x80"}'}
    return Response(bodies[how], media_type="application/json")
