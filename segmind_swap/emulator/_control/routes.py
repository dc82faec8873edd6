"""The routes of the controls under ``/_emulator/``, the page at ``/``, and the health check."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from .._service.calls import Kind
from .._service.outputs import DrawingError
from .._service.requests import read_body
from . import serialization, validation
from .controls import Account, Controls
from .origin_check import origin_problem
from .page import page
from .totals import Totals

PREFIX = "/_emulator/"

HEALTH = "/healthz"
"""The path at which a container's health check asks whether the emulator answers."""

BODY_LIMIT_BYTES = 64 * 1024

JOBS_SHOWN = 24
CALLS_SHOWN = 40

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


class _HttpError(Exception):
    def __init__(self, status: int, sentence: str, *, allow: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = {"allow": allow} if allow else {}


class ControlApi:
    """The controls over HTTP. Their requests are not counted as calls, and no fault hits them.

    ``settings`` are fields that ``GET /_emulator/state`` returns unchanged.
    """

    def __init__(self, controls: Controls, *, settings: dict[str, Any]) -> None:
        self._controls = controls
        self._settings = settings
        self._totals_of: tuple[Account, Totals] = (controls.account, Totals())
        self._routes: tuple[tuple[str, re.Pattern[str], _Handler], ...] = (
            ("GET", re.compile("state"), self._state),
            ("GET", re.compile("ledger"), self._ledger),
            ("GET", re.compile(r"jobs/(\d{1,9})"), self._job),
            ("GET", re.compile("calls"), self._calls),
            ("GET", re.compile("faults"), self._faults),
            ("POST", re.compile("faults"), self._inject),
            ("DELETE", re.compile("faults"), self._withdraw_all),
            ("DELETE", re.compile(r"faults/(\d{1,9})"), self._withdraw),
            ("GET", re.compile("clock"), self._clock),
            ("POST", re.compile("clock/(pause|resume|advance)"), self._set_clock),
            ("POST", re.compile("reset"), self._reset),
            ("GET", re.compile("pictures/([^/]+)"), self._picture),
        )

    def handles(self, path: str) -> bool:
        """Whether this path belongs to the controls, the page or the health check, and not to the API."""
        return path in ("/", HEALTH) or path.startswith(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            if (path := request.scope["path"]) in ("/", HEALTH):
                if request.method not in ("GET", "HEAD"):
                    raise _HttpError(405, f"{path} is read with GET or HEAD", allow="GET, HEAD")
                return page() if path == "/" else JSONResponse({"status": "ok"})
            if problem := origin_problem(request.method, request.headers):
                raise _HttpError(403, problem)
            handler, name = self._route(request)
            return await handler(request, name)
        except _HttpError as wrong:
            return JSONResponse({"error": str(wrong)}, wrong.status, wrong.headers)
        except ValueError as problem:
            return JSONResponse({"error": str(problem)}, 400)

    def _route(self, request: Request) -> tuple["_Handler", str]:
        path = str(request.scope["path"]).removeprefix(PREFIX)
        others = []
        for method, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if method == request.method or (method, request.method) == ("GET", "HEAD"):
                    return handler, match[1] if match.groups() else ""
                others.append(method)
        if others:
            problem = f"{PREFIX}{path} takes {' and '.join(others)}, not {request.method}"
            raise _HttpError(405, problem, allow=", ".join(others))
        raise _HttpError(404, f"there is no {PREFIX}{path[:80]}")

    async def _state(self, request: Request, name: str) -> Response:
        query = validation.read_query(request.query_params, "jobs", "calls")
        jobs = validation.read_count(query, "jobs", JOBS_SHOWN, most=500)
        calls = validation.read_count(query, "calls", CALLS_SHOWN, most=500)
        return JSONResponse(
            serialization.state(
                self._controls, self._current_totals(), settings=self._settings, jobs=jobs, calls=calls
            )
        )

    async def _ledger(self, request: Request, name: str) -> Response:
        query = validation.read_query(request.query_params, "before", "limit")
        before = validation.read_count(query, "before", 0, most=10**9) if "before" in query else None
        limit = validation.read_count(query, "limit", 100, most=1000)
        return JSONResponse(
            serialization.ledger(self._controls, self._current_totals(), before=before, limit=limit)
        )

    async def _job(self, request: Request, name: str) -> Response:
        found = serialization.job_in_full(int(name), self._controls, self._current_totals())
        if found is None:
            raise _HttpError(404, f"there is no job {int(name)}")
        return JSONResponse(found)

    async def _calls(self, request: Request, name: str) -> Response:
        query = validation.read_query(request.query_params, "kind", "before", "limit")
        kinds = (*get_args(Kind), "other")
        kind = query.get("kind")
        if kind not in (None, *kinds):
            raise ValueError(f"kind must be one of {', '.join(kinds)}, not {kind!r:.80}")
        before = validation.read_count(query, "before", 0, most=10**15 - 1) if "before" in query else None
        limit = validation.read_count(query, "limit", 50, most=500)
        now = self._controls.clock.now()
        return JSONResponse(
            serialization.calls(self._controls.account, now=now, kind=kind, before=before, limit=limit)
        )

    async def _faults(self, request: Request, name: str) -> Response:
        return JSONResponse(
            {"faults": [serialization.fault(placed) for placed in self._controls.rules.in_force()]}
        )

    async def _inject(self, request: Request, name: str) -> Response:
        fault = validation.read_fault(validation.read_fields(await _body(request), *validation.FAULT_FIELDS))
        number = self._controls.inject(fault)
        return JSONResponse({"number": number}, 201)

    async def _withdraw(self, request: Request, name: str) -> Response:
        if not self._controls.rules.remove(int(name)):
            raise _HttpError(404, f"there is no fault {int(name)}; a fault that is used up is withdrawn")
        return Response(None, 204)

    async def _withdraw_all(self, request: Request, name: str) -> Response:
        self._controls.rules.clear()
        return Response(None, 204)

    async def _clock(self, request: Request, name: str) -> Response:
        return JSONResponse(serialization.clock(self._controls))

    async def _set_clock(self, request: Request, name: str) -> Response:
        fields = validation.read_fields(await _body(request), *(("seconds",) if name == "advance" else ()))
        clock = self._controls.clock
        if name == "advance":
            if "seconds" not in fields:
                raise ValueError("seconds must be given: by how much the clock is advanced")
            clock.advance(validation.read_number(fields["seconds"], "seconds"))
        elif name == "pause":
            clock.pause()
        else:
            clock.resume()
        return JSONResponse(serialization.clock(self._controls))

    async def _reset(self, request: Request, name: str) -> Response:
        validation.read_fields(await _body(request))
        self._controls.reset()
        return Response(None, 204)

    async def _picture(self, request: Request, name: str) -> Response:
        try:
            found = await self._controls.account.outputs.find(name, self._controls.clock.now())
        except DrawingError as failed:
            raise _HttpError(500, str(failed)) from failed
        if found is None:
            raise _HttpError(404, "there is no picture of this name")
        # A name is a sha256 or a job's id, so the picture of a name never changes.
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Response(found.data, media_type=found.media_type, headers=headers)

    def _current_totals(self) -> Totals:
        account, totals = self._totals_of
        if account is not self._controls.account:
            totals = Totals()
            self._totals_of = (self._controls.account, totals)
        return totals


_Handler = Callable[[Request, str], Awaitable[Response]]


async def _body(request: Request) -> bytes:
    body = await read_body(request.receive, limit_bytes=BODY_LIMIT_BYTES)
    if body is None:
        raise _HttpError(413, f"the body must not be longer than {BODY_LIMIT_BYTES} bytes")
    return body
