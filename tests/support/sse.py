"""Server-sent events, as a browser's `EventSource` reads them (HTML, section 9.2.6)."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """One event that a page gets: its name, its data, and the last event id at that time."""

    event: str
    data: str
    id: str

    @property
    def fields(self) -> Any:
        return json.loads(self.data)


class EventReader:
    """Takes the bytes of a stream in any pieces. `comments` counts the lines that begin with a colon."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.comments = 0
        self.retry_ms: int | None = None
        self.id = ""
        self._rest = ""
        self._data: list[str] = []
        self._event = ""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (
            (self._rest + data.decode()).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        )
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line:
                self.comments += 1
            case "":
                if self._data:
                    self.received.append(Received(self._event or "message", "\n".join(self._data), self.id))
                self._data, self._event = [], ""
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id":
                self.id = value
            case "retry":
                self.retry_ms = int(value)
            case _:
                raise AssertionError(f"a browser does not know the line {line!r}")


def read_events(*pieces: bytes) -> list[Received]:
    reader = EventReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.received
