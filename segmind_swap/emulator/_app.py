"""The ASGI application: logs each call, asks the API for the response, and applies the fault that hits it."""

import os
from contextlib import suppress
from datetime import UTC, datetime

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ._control.controls import Account, Controls
from ._control.routes import ControlApi
from ._control.traffic import Exchange, excerpt
from ._faults.effects import faulty_response
from ._faults.fault import Fault
from ._service import responses, shapes
from ._service.api import ApiRequest
from ._service.auth import presented_schemes
from ._service.calls import Kind
from ._service.requests import ClientDisconnectedError, base_url_of, read_body
from ._service.routes import find_route

CUT = "segmind_swap.emulator.cut"
"""The ASGI extension by which a server lets the application cut: ``async cut(*, flush: bool) -> None``."""

BODY_LIMIT_BYTES = 112 * 1024 * 1024
"""Four uploads of the largest size in base64. A longer body gets a 413, and the rest is not read."""


class App:
    """The application. It starts no tasks and no threads. A reset replaces the account between two calls.

    A cut needs the server's extension `CUT`. Without the extension, as under httpx's ASGITransport, the
    application raises ``ConnectionResetError`` instead.
    """

    def __init__(self, controls: Controls, control_api: ControlApi) -> None:
        self._controls = controls
        self._control_api = control_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the emulator speaks HTTP only, not {scope['type']}")
        if self._control_api.handles(scope["path"]):
            with suppress(ClientDisconnectedError):
                await self._control_api(scope, receive, send)
            return
        route = find_route(scope)
        now = self._controls.clock.now()
        account = self._controls.account
        exchange = account.traffic.record(
            method=scope["method"], path=scope["path"], at=now, headers=scope["headers"]
        )
        try:
            if isinstance(route, Response):
                _add_headers(route, datetime.now(UTC))
                self._record_response(exchange, route)
                await route(scope, receive, send)
            else:
                await self._call(route, account, Request(scope, receive), exchange, send)
        except ClientDisconnectedError:
            exchange.ending = "left"
        finally:
            if exchange.ending == "waiting":
                exchange.ending = "broken"

    async def _call(
        self, route: tuple[Kind, str], account: Account, request: Request, exchange: Exchange, send: Send
    ) -> None:
        kind, name = route
        scope = request.scope
        call = exchange.call = account.calls.record(kind, now=exchange.at, schemes=presented_schemes(request))
        fault = self._controls.rules.match(call, now=exchange.at)
        exchange.fault = None if fault is None else str(fault)
        if fault is not None and fault.cut == "before-body":
            await anyio.sleep(fault.delay)
            exchange.ending = "cut"
            await _cut(scope, flush=False)
            return
        body = await read_body(request.receive, limit_bytes=BODY_LIMIT_BYTES)
        exchange.body, exchange.size_bytes = excerpt(body or b""), len(body or b"")
        wall = datetime.now(UTC)
        if body is None:
            response = responses.html_page(413)
        elif fault is not None and not (
            fault.handled or (fault.undecided and account.api.contract.gateway_bills)
        ):
            # Looks like an accepted submit, but no job exists. The fault replaces or cuts this response.
            base_url = str(base_url_of(scope))
            response = shapes.accepted(base_url, os.urandom(16).hex(), contract=account.api.contract)
        else:
            now = self._controls.clock.now()
            api_request = ApiRequest(
                http=request, name=name, body=body, now=now, wall=wall, fault=exchange.fault
            )
            response = await account.api.respond(kind, api_request)
        if fault is not None:
            response = faulty_response(fault, response)
            await anyio.sleep(fault.delay)
            if kind == "submit" and (fault.hides_answer or await request.is_disconnected()):
                account.ledger.lose_answer(response.headers.get("x-request-id", ""))
        _add_headers(response, wall)
        if fault is not None and fault.cut is not None:
            exchange.ending = "cut"
            await _send_and_cut(response, fault, scope, send)
            return
        # Stored before sending: a client in another thread may read the log as soon as it has the response.
        call.status = response.status_code
        self._record_response(exchange, response)
        await response(scope, request.receive, send)

    def _record_response(self, exchange: Exchange, response: Response) -> None:
        exchange.ending, exchange.status = "answered", response.status_code
        exchange.answered_at = self._controls.clock.now()
        exchange.answer_headers, exchange.answer_size_bytes = response.raw_headers, len(response.body)
        if not (response.media_type or "").startswith("image/"):
            exchange.answer_body = excerpt(bytes(response.body))


def _add_headers(response: Response, wall: datetime) -> Response:
    response.headers.setdefault("date", responses.http_date(wall))
    if "x-request-id" not in response.headers:
        response.headers["x-request-id"] = os.urandom(16).hex()
    return response


async def _send_and_cut(response: Response, fault: Fault, scope: Scope, send: Send) -> None:
    if fault.cut == "mid-answer":
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
        half = bytes(response.body)[: len(response.body) // 2]
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await _cut(scope, flush=fault.cut == "mid-answer")


async def _cut(scope: Scope, *, flush: bool) -> None:
    extensions = scope.get("extensions") or {}
    if CUT not in extensions:
        raise ConnectionResetError("the emulator cut the connection")
    await extensions[CUT](flush=flush)
