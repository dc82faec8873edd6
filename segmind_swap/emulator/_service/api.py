"""The API: one handler for each kind of call, from a request to a response."""

import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response

from .._contract import Contract
from . import responses, shapes
from .auth import KeyCheck
from .calls import Kind
from .files import FileStore, TooLargeError, decode_data_url, upload_name
from .history import BadQuery, History, HistoryQuery
from .ledger import Charge, JobState, Ledger
from .outputs import SAMPLES, DrawingError, Outputs
from .rate_limit import RateLimit
from .requests import base_url_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A complete request.

    ``name`` is the variable part of the path. ``now`` is the time on the emulator's clock, ``wall`` the wall
    clock, which is used for headers only. ``fault`` describes the fault that will hit the response, if any.
    """

    http: Request
    name: str
    body: bytes
    now: float
    wall: datetime
    fault: str | None

    @property
    def base_url(self) -> URL:
        """The emulator's own address, as the client wrote it in the request."""
        return base_url_of(self.http.scope)


class _ErrorResponse(Exception):  # noqa: N818 -- carries a response, is no mistake
    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The emulated service.

    A call passes the key check, then the rate limit, then the checks of its handler. ``workflows`` are the
    ids that exist.
    """

    contract: Contract
    keys: KeyCheck
    rate_limit: RateLimit
    ledger: Ledger
    uploads: FileStore
    outputs: Outputs
    workflows: Container[str]
    history: History

    async def respond(self, kind: Kind, request: ApiRequest) -> Response:
        """The response of the API. A submit is billed here, and a poll may finish its job here."""
        if refusal := self.keys.refusal(request.http, kind):
            return refusal
        if kind == "submit" or (kind == "poll" and self.contract.count_polls):
            wait = self.rate_limit.acquire(request.now)
            if wait is not None:
                return shapes.rate_limited(wait, request.wall, self.contract.reset_format)
        handlers: dict[Kind, Callable[[ApiRequest], Awaitable[Response]]] = {
            "submit": self._submit,
            "poll": self._poll,
            "upload": self._upload,
            "credits": self._credits,
            "history": self._history,
            "file": self._file,
        }
        try:
            return await handlers[kind](request)
        except _ErrorResponse as refused:
            return refused.response

    async def _submit(self, request: ApiRequest) -> Response:
        if request.name not in self.workflows:
            return responses.error(404)
        fields = _json_fields(request)
        base_url = str(request.base_url)
        names = ("reference_character_image", "character_image")
        # A missing field is not an error: the service runs, and bills, its sample pictures.
        samples = (f"{base_url}files/{name}" for name in SAMPLES)
        images = [fields.get(name, sample) for name, sample in zip(names, samples, strict=True)]
        for name, image in zip(names, images, strict=True):
            if not isinstance(image, str):
                return responses.json_response(
                    {"error": {"message": f"{name} must be a URL", "code": "bad_input"}}, 400
                )
        if not self.ledger.affordable:
            have, need = self.ledger.credits_usd, self.ledger.price_usd
            message = f"Insufficient credits. You have {have:.2f} credits, this request needs {need:.2f}"
            return responses.error(self.contract.no_credits_status, message)
        digests = [self.outputs.sha256_of(image) for image in images]
        charge = self.ledger.accept(
            images=(images[0], images[1]), digests=digests, now=request.now, fault=request.fault
        )
        self.history.add(charge, request.wall)
        headers = {"x-request-id": charge.request_id, "x-remaining-credits": self._credits_left}
        return shapes.accepted(base_url, charge.request_id, contract=self.contract, headers=headers)

    async def _poll(self, request: ApiRequest) -> Response:
        charge = self.ledger.find_pollable(request.name, request.now)
        if charge is None:
            return responses.error(404, f"Request {request.name} not found")
        charge, state = await self._current_state(charge, request)
        return self._status(request, charge, state)

    async def _current_state(self, charge: Charge, request: ApiRequest) -> tuple[Charge, JobState]:
        """The state of a job. A job whose time is up is finished first."""
        if state := self.ledger.state(charge, request.now):
            return charge, state
        netloc = request.base_url.netloc
        finished = await self.outputs.finish(charge, now=request.now, netloc=netloc) or charge
        return finished, finished.outcome or "PROCESSING"

    def _status(self, request: ApiRequest, charge: Charge, state: JobState) -> Response:
        if state == "COMPLETED":
            url = shapes.hosted_url(request.base_url, f"{charge.request_id}.png", self.contract)
            headers = {"x-remaining-credits": self._credits_left}
            if self.contract.metrics:
                headers["x-cost"] = f"{charge.price_usd:.4f}"
            metrics = self.ledger.metrics(charge)
            return shapes.completed(
                url,
                contract=self.contract,
                metrics=metrics,
                headers=headers,
                engine=self.outputs.engine_label(charge),
            )
        if state == "FAILED":
            metrics = self.ledger.metrics(charge)
            return shapes.failed(charge.reason or "", contract=self.contract, metrics=metrics)
        return shapes.running(state, self.contract)

    @property
    def _credits_left(self) -> str:
        return f"{self.ledger.credits_usd:.4f}"

    async def _upload(self, request: ApiRequest) -> Response:
        data_urls = _json_fields(request).get("data_urls")
        if not isinstance(data_urls, list) or not data_urls:
            return responses.error(400, "data_urls must be a list of data URLs")
        limit_bytes = self.contract.upload_limit_bytes
        try:
            pictures = [decode_data_url(url, limit_bytes=limit_bytes) for url in data_urls]
        except TooLargeError:
            return responses.html_page(413)
        except ValueError as problem:
            return responses.error(400, str(problem))
        for picture in pictures:
            self.uploads.put(upload_name(picture), picture)
        urls = [
            shapes.hosted_url(request.base_url, upload_name(picture), self.contract) for picture in pictures
        ]
        return responses.json_response(
            {self.contract.upload_field: urls, "message": "Files uploaded successfully"}
        )

    async def _credits(self, request: ApiRequest) -> Response:
        return responses.json_response({"credits": self.ledger.credits_usd, "free-credits": 0.0})

    async def _history(self, request: ApiRequest) -> Response:
        if request.name:
            charge = self.ledger.find(request.name) if self.contract.lists_history else None
            if charge is None:
                return responses.error(404, "Request not found")
            return responses.json_response(await self._history_row(charge, request))
        try:
            query = HistoryQuery.of(request.http.query_params, request.wall)
        except BadQuery as problem:
            return responses.error(400, str(problem))
        charges = self.history.shown(self.ledger.charges(), query, request.now)
        rows = [await self._history_row(charge, request) for charge in self.history.of_page(charges, query)]
        return self.history.page(rows, query, len(charges))

    async def _history_row(self, charge: Charge, request: ApiRequest) -> dict[str, Any]:
        charge, state = await self._current_state(charge, request)
        return self.history.row(charge, state, str(request.base_url))

    async def _file(self, request: ApiRequest) -> Response:
        try:
            file = await self.outputs.find(request.name, request.now)
        except DrawingError as failed:
            return responses.error(500, str(failed))
        return responses.html_page(404) if file is None else Response(file.data, media_type=file.media_type)


def _json_fields(request: ApiRequest) -> dict[str, Any]:
    media_type = request.http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _ErrorResponse(responses.error(406))
    try:
        fields = json.loads(request.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _ErrorResponse(responses.error(400))
    return fields
