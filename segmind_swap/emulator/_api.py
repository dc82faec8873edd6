"""What the API does with a call: one handler a route, from a request to an answer."""

import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from . import _answers as answers
from ._files import Files, TooLargeError, from_data_url, name_of
from ._keys import Keys
from ._outputs import SAMPLES, Outputs
from ._state import Charge, Kind, Ledger, RateLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A complete request.

    ``name`` is the variable part of its path, ``now`` loop time, ``wall`` the clock for headers only, and
    ``fault`` what will become of the answer.
    """

    request: Request
    name: str
    body: bytes
    now: float
    wall: datetime
    fault: str | None


class _Refused(Exception):  # noqa: N818 -- carries an answer, is no mistake
    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The emulated service.

    A call passes the key check, then the rate limit, then what its handler looks at. ``workflows`` are the
    ids that exist; ``count_polls`` makes polls use up the rate limit too.
    """

    keys: Keys
    rate_limit: RateLimit
    count_polls: bool
    ledger: Ledger
    uploads: Files
    outputs: Outputs
    workflows: Container[str]

    async def answer(self, kind: Kind, visit: Visit) -> Response:
        """The right answer, and everything that follows from the call."""
        if refusal := self.keys.refusal(visit.request, kind):
            return refusal
        if kind == "submit" or (kind == "poll" and self.count_polls):
            wait = self.rate_limit.wait(visit.now)
            if wait is not None:
                return answers.rate_limited(wait, visit.wall)
        handlers: dict[Kind, Callable[[Visit], Awaitable[Response]]] = {
            "submit": self._submit,
            "poll": self._poll,
            "upload": self._upload,
            "credits": self._credits,
            "file": self._file,
        }
        try:
            return await handlers[kind](visit)
        except _Refused as refused:
            return refused.response

    async def _submit(self, visit: Visit) -> Response:
        if visit.name not in self.workflows:
            return answers.error(404)
        fields = _fields(visit)
        base_url = str(visit.request.base_url)
        names = ("reference_character_image", "character_image")
        # An absent field is not an error: the service runs, and bills, its samples.
        samples = (f"{base_url}files/{name}" for name in SAMPLES)
        images = [fields.get(name, sample) for name, sample in zip(names, samples, strict=True)]
        for name, image in zip(names, images, strict=True):
            if not isinstance(image, str):
                return answers.answer(
                    {"error": {"message": f"{name} must be a URL", "code": "bad_input"}}, 400
                )
        if not self.ledger.affordable:
            have, need = self.ledger.credits_usd, self.ledger.price_usd
            message = f"Insufficient credits. You have {have:.2f} credits, this request needs {need:.2f}"
            return answers.error(406, message)
        digests = [self.outputs.digest(image) for image in images]
        charge = self.ledger.accept(
            images=(images[0], images[1]), digests=digests, now=visit.now, fault=visit.fault
        )
        return answers.accepted(base_url, charge.request_id, self.ledger.credits_usd)

    async def _poll(self, visit: Visit) -> Response:
        charge = self.ledger.record(visit.name, visit.now)
        if charge is None:
            return answers.error(404, f"Request {visit.name} not found")
        state = self.ledger.state(charge, visit.now)
        if state is None:
            netloc = visit.request.base_url.netloc
            settled = await self.outputs.settle(charge, now=visit.now, netloc=netloc)
            charge, state = settled or charge, settled.outcome if settled else "PROCESSING"
        return self._status(visit, charge, state)

    def _status(self, visit: Visit, charge: Charge, state: str | None) -> Response:
        if state == "FAILED":
            return answers.answer({"status": "FAILED", "error": charge.reason})
        if state == "COMPLETED":
            url = f"{visit.request.base_url}files/{charge.request_id}.png"
            return answers.completed(url, self.ledger.credits_usd)
        return answers.answer({"status": "QUEUED"} if state == "QUEUED" else {"output": "", "status": state})

    async def _upload(self, visit: Visit) -> Response:
        data_urls = _fields(visit).get("data_urls")
        if not isinstance(data_urls, list) or not data_urls:
            return answers.error(400, "data_urls must be a list of data URLs")
        try:
            pictures = [from_data_url(url) for url in data_urls]
        except TooLargeError:
            return answers.page(413)
        except ValueError as problem:
            return answers.error(400, str(problem))
        for picture in pictures:
            self.uploads.put(name_of(picture), picture)
        urls = [f"{visit.request.base_url}files/{name_of(picture)}" for picture in pictures]
        return answers.answer({"file_urls": urls, "message": "Files uploaded successfully"})

    async def _credits(self, visit: Visit) -> Response:
        return answers.answer({"credits": self.ledger.credits_usd, "free-credits": 0.0})

    async def _file(self, visit: Visit) -> Response:
        file = await self.outputs.find(visit.name, visit.now)
        return answers.page(404) if file is None else Response(file.data, media_type=file.media_type)


def _fields(visit: Visit) -> dict[str, Any]:
    media_type = visit.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _Refused(answers.error(406))
    try:
        fields = json.loads(visit.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _Refused(answers.error(400))
    return fields
