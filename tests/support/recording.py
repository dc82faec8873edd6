"""A transport that records each request, a server that records each head, and one call of each kind."""

from collections.abc import Awaitable, Callable
from datetime import date

import httpx

from segmind_swap._api.account.history import history_request
from segmind_swap._api.messages import NoResponse, Response
from segmind_swap._api.requests import download_request
from segmind_swap._http.client import HttpClient
from segmind_swap._models import Call

from .raw_http import Connection
from .sessions import KEY, PICTURE_URL, a_credits_call, a_poll, an_upload, response_of, submitted

MIB = 1024 * 1024


class Recorder(httpx.AsyncBaseTransport):
    """Keeps every request it is given, and answers it with the next of a list, the last one for good."""

    def __init__(self, *answers: httpx.Response | int) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers) or [200]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return httpx.Response(answer, json={}) if isinstance(answer, int) else answer

    @property
    def schemes(self) -> list[str]:
        """With which header each request brought the key."""
        return [key_header(request) for request in self.requests]


def key_header(request: httpx.Request) -> str:
    carried = [name for name, value in request.headers.items() if KEY in value]
    values = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}
    assert all(request.headers[name] == values[name] for name in carried), request.headers
    assert len(carried) <= 1, "the key is never sent in two headers"
    return carried[0] if carried else "none"


async def send(http: HttpClient, call: Call) -> Response | NoResponse:
    match call:
        case Call.SUBMIT:
            return await submitted(http)
        case Call.POLL:
            return await http.request(a_poll(http))
        case Call.UPLOAD:
            return await http.request(an_upload(http))
        case Call.CREDITS:
            return await http.request(a_credits_call(http))
        case Call.HISTORY:
            return await http.request(history_request(http.service, page=1, since=date(2026, 11, 22)))
        case Call.DOWNLOAD:
            return await fetched(http)


async def fetched(http: HttpClient, url: str = PICTURE_URL) -> Response | NoResponse:
    async with await http.lease(Call.DOWNLOAD) as place:
        return await place.send(download_request(url), None)


async def send_well(http: HttpClient) -> None:
    response_of(await http.request(a_poll(http)))


Serve = Callable[[Connection], Awaitable[None]]


def keeping(heads: list[str], *, connections: list[Connection] | None = None) -> Serve:
    """A server that answers `{}` to everything, and keeps what it was asked."""

    async def serve(connection: Connection) -> None:
        if connections is not None:
            connections.append(connection)
        while True:
            heads.append(await connection.head())
            await connection.body(heads[-1])
            await connection.answer(b"{}")

    return serve
