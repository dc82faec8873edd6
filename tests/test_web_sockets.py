"""Server-sent events through uvicorn and real sockets: browsers that leave, come back, or do not read."""

import gc
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from segmind_swap import OutcomeState
from segmind_swap.web import SSE_HEADERS, sse_events

from .support.served import PATIENCE, Served, served, until
from .support.sse import EventReader
from .support.updates import StubService, an_update

pytestmark = pytest.mark.real_time

HEARTBEAT = 0.05
ACCEPTED, SAVED = OutcomeState.ACCEPTED, OutcomeState.SAVED


def site_of(service: StubService, heartbeat: float = HEARTBEAT) -> Starlette:
    async def events(request: Request) -> StreamingResponse:
        seen = request.headers.get("last-event-id")
        stream = sse_events(service, "a", last_event_id=seen, heartbeat=heartbeat)
        return StreamingResponse(stream, headers=SSE_HEADERS)

    return Starlette(routes=[Route("/events", events)])


@contextmanager
def a_browser(port: int, *, buffer: int = 0) -> Iterator[socket.socket]:
    """A connection that has asked for the events, and has read no answer yet."""
    with socket.socket() as connection:
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: site\r\n\r\n")
        yield connection


def browse(
    server: Served,
    reader: EventReader,
    when: Callable[[EventReader], bool] = lambda reader: False,
    then: Callable[[], object] = lambda: None,
    *,
    last_event_id: str = "",
) -> None:
    """Reads to the end of the body. Does `then` on the loop of the server, once, when `when` is true."""
    url, is_done = f"http://127.0.0.1:{server.port}/events", False
    headers = {"last-event-id": last_event_id} if last_event_id else {}
    with httpx.Client(timeout=PATIENCE) as client, client.stream("GET", url, headers=headers) as answer:
        for piece in answer.iter_raw():
            reader.feed(piece)
            if not is_done and when(reader):
                is_done = True
                server.call(then)


def listeners(service: StubService) -> int:
    gc.collect()
    return len(service.listeners)


def test_browsers_that_leave_in_any_way_leave_no_listener(caplog: pytest.LogCaptureFixture) -> None:
    service = StubService(an_update())
    with served(site_of(service)) as server:
        with a_browser(server.port) as polite, a_browser(server.port) as rude, a_browser(server.port) as deaf:
            for connection in (polite, rude):
                assert connection.recv(16).startswith(b"HTTP/1.1 200")
            until(lambda: listeners(service) == 3)
            polite.shutdown(socket.SHUT_RDWR)
            # A reset, as of a browser that crashed.
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            rude.close()
            until(lambda: listeners(service) == 1)
            assert deaf.fileno() > 0
        until(lambda: listeners(service) == 0)
        reader = EventReader()
        server.call(lambda: service.tell(an_update(SAVED, change=2)))
        browse(server, reader)
        assert [one.event for one in reader.received] == ["update", "end"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_heartbeats_keep_a_silent_connection_alive_until_the_end() -> None:
    service = StubService(an_update())
    reader = EventReader()
    with served(site_of(service)) as server:
        end = an_update(SAVED, change=2)
        browse(server, reader, lambda reader: reader.comments == 5, lambda: service.tell(end))
    assert reader.comments >= 5
    assert [one.event for one in reader.received] == ["update", "update", "end"]


def test_a_browser_goes_on_at_the_restarted_server_where_it_was() -> None:
    service = StubService(an_update(ACCEPTED, change=5))
    reader = EventReader()
    with served(site_of(service)) as server:
        browse(server, reader, lambda reader: reader.id == "5", service.close)
    assert [one.event for one in reader.received] == ["update"], "no end"

    restarted = StubService(an_update(SAVED, change=7))
    again = EventReader()
    with served(site_of(restarted), server.port) as server:
        browse(server, again, last_event_id=reader.id)
    assert [(one.event, one.id) for one in again.received] == [("update", "7"), ("end", "7")]


def test_a_browser_that_does_not_read_holds_nothing_back_and_costs_bounded_memory() -> None:
    service = StubService(an_update())
    told = 50_000
    with served(site_of(service, heartbeat=30)) as server, a_browser(server.port, buffer=4096) as browser:
        until(lambda: listeners(service) == 1)
        for change in range(2, told):
            server.call(partial(service.tell, an_update(ACCEPTED, change=change)))
        server.call(lambda: service.tell(an_update(SAVED, change=told)))
        until(lambda: service.last["a"].change == told)
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            piece = browser.recv(65536)
            assert piece
            data += piece
    assert data.count(b"event: update") < told / 4, "it skips what is no longer new"
    assert (data.count(b'"saved"'), data.count(b"event: end")) == (1, 1)
