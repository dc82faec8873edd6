"""A service on this machine whose every answer is a test's own, and which remembers all that it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Told:
    """What it is answered. Header values are bytes: not all that travels is text."""

    status: int = 200
    headers: dict[str, bytes] = field(default_factory=dict)
    body: bytes = b""


class Parrot:
    """Where it is, and what it was asked.

    Attributes:
        url: Its address, from the moment in which it listens.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []

    def count(self, words: str) -> int:
        """How many requests have these words in their method and path."""
        return sum(words in f"{asked.method} {asked.path}" for asked in self.asked)


@contextmanager
def a_parrot(answer: Callable[[str, Asked], Told]) -> Iterator[Parrot]:
    """Serves while the block runs; `answer` is given the service's own URL and the request."""
    parrot = Parrot()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(method=self.command, path=self.path, headers=headers, body=body)
            parrot.asked.append(asked)
            told = answer(parrot.url, asked)
            head = f"HTTP/1.1 {told.status} Whatever\r\nConnection: close\r\n".encode()
            for name, value in {**told.headers, "Content-Length": str(len(told.body)).encode()}.items():
                head += name.encode() + b": " + value + b"\r\n"
            self.close_connection = True
            self.wfile.write(head + b"\r\n" + told.body)

        do_GET = do_POST = do_CONNECT = handle_any  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    parrot.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield parrot
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
