"""What the API does with a call: one handler a route, from a request to an answer."""

import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response

from .._contract import Contract
from . import responses as answers
from . import shapes
from .auth import Keys
from .calls import Kind
from .files import Files, TooLargeError, from_data_url, name_of
from .ledger import Charge, JobState, Ledger
from .outputs import SAMPLES, Outputs
from .rate_limit import RateLimit
from .requests import base_url_of

_DIGITS = 1000
"""Python reads no number of more than 4,300 digits."""


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

    @property
    def base_url(self) -> URL:
        """The emulator's own address, as the client wrote it."""
        return base_url_of(self.request.scope)


class _Refused(Exception):  # noqa: N818 -- carries an answer, is no mistake
    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The emulated service.

    A call passes the key check, then the rate limit, then what its handler looks at. ``workflows`` are the
    ids that exist; ``count_polls`` makes polls use up the rate limit too.
    """

    contract: Contract
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
                return shapes.rate_limited(wait, visit.wall, self.contract.reset_format)
        handlers: dict[Kind, Callable[[Visit], Awaitable[Response]]] = {
            "submit": self._submit,
            "poll": self._poll,
            "upload": self._upload,
            "credits": self._credits,
            "history": self._history,
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
        base_url = str(visit.base_url)
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
            return answers.error(self.contract.no_credits_status, message)
        digests = [self.outputs.digest(image) for image in images]
        charge = self.ledger.accept(
            images=(images[0], images[1]), digests=digests, now=visit.now, fault=visit.fault
        )
        headers = {"x-request-id": charge.request_id, "x-remaining-credits": self._credits_left}
        return shapes.accepted(base_url, charge.request_id, contract=self.contract, headers=headers)

    async def _poll(self, visit: Visit) -> Response:
        charge = self.ledger.record(visit.name, visit.now)
        if charge is None:
            return answers.error(404, f"Request {visit.name} not found")
        charge, state = await self._look(charge, visit)
        return self._status(visit, charge, state)

    async def _look(self, charge: Charge, visit: Visit) -> tuple[Charge, JobState]:
        """Where a job is now, its end written down if it has come."""
        if state := self.ledger.state(charge, visit.now):
            return charge, state
        netloc = visit.base_url.netloc
        settled = await self.outputs.settle(charge, now=visit.now, netloc=netloc) or charge
        return settled, settled.outcome or "PROCESSING"

    def _status(self, visit: Visit, charge: Charge, state: JobState) -> Response:
        if state == "COMPLETED":
            url = f"{visit.base_url}files/{charge.request_id}.png"
            headers = {"x-remaining-credits": self._credits_left}
            if self.contract.metrics:
                headers["x-cost"] = f"{charge.price_usd:.4f}"
            metrics = self.ledger.metrics(charge)
            return shapes.completed(
                url,
                contract=self.contract,
                metrics=metrics,
                headers=headers,
                engine=self.outputs.note(charge),
            )
        if state == "FAILED":
            metrics = self.ledger.metrics(charge)
            return shapes.failed(charge.reason or "", contract=self.contract, metrics=metrics)
        return shapes.running(state, self.contract)

    @property
    def _credits_left(self) -> str:
        return f"{self.ledger.credits_usd:.4f}"

    async def _upload(self, visit: Visit) -> Response:
        data_urls = _fields(visit).get("data_urls")
        if not isinstance(data_urls, list) or not data_urls:
            return answers.error(400, "data_urls must be a list of data URLs")
        limit_bytes = self.contract.upload_limit_bytes
        try:
            pictures = [from_data_url(url, limit_bytes=limit_bytes) for url in data_urls]
        except TooLargeError:
            return answers.page(413)
        except ValueError as problem:
            return answers.error(400, str(problem))
        for picture in pictures:
            self.uploads.put(name_of(picture), picture)
        urls = [f"{visit.base_url}files/{name_of(picture)}" for picture in pictures]
        return answers.answer({self.contract.upload_field: urls, "message": "Files uploaded successfully"})

    async def _credits(self, visit: Visit) -> Response:
        return answers.answer({"credits": self.ledger.credits_usd, "free-credits": 0.0})

    async def _history(self, visit: Visit) -> Response:
        if visit.name:
            charge = self.ledger.find(visit.name) if self.contract.lists_history else None
            if charge is None:
                return answers.error(404, "Request not found")
            return answers.answer(await self._row(charge, visit))
        page, per_page = _number(visit, "page", 1), _number(visit, "per_page", 20, most=100)
        charges = self.ledger.charges()[::-1] if self.contract.lists_history else ()
        shown = charges[(page - 1) * per_page : page * per_page]
        rows = [await self._row(charge, visit) for charge in shown]
        return answers.answer({"data": rows, "page": page, "per_page": per_page, "total": len(charges)})

    async def _row(self, charge: Charge, visit: Visit) -> dict[str, Any]:
        charge, _ = await self._look(charge, visit)
        done = charge.outcome == "COMPLETED"
        return {
            "request_id": charge.request_id,
            "model_status": charge.outcome or "PENDING",
            "credits_deduction": 0.0 if charge.refunded else charge.price_usd,
            "request_body": {
                "reference_character_image": charge.reference_character_image,
                "character_image": charge.character_image,
            },
            "generation_url": f"{visit.base_url}files/{charge.request_id}.png" if done else None,
            "error": charge.reason,
        }

    async def _file(self, visit: Visit) -> Response:
        file = await self.outputs.find(visit.name, visit.now)
        return answers.page(404) if file is None else Response(file.data, media_type=file.media_type)


def _number(visit: Visit, name: str, default: int, *, most: int | None = None) -> int:
    """A number in the query, from 1 to ``most``."""
    text = visit.request.query_params.get(name, str(default))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0
    if number < 1 or (most is not None and number > most):
        raise _Refused(answers.error(400, f"{name} is out of range"))
    return number


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
