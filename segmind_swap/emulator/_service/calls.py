"""The kinds of calls, and a log of the calls that arrived."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["submit", "poll", "upload", "credits", "history", "file"]
"""The kind of a call. Each kind is counted separately."""

CALLS_KEPT = 100_000
"""How many calls the log keeps. The counts include the calls that were dropped."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request that arrived, in the order of arrival.

    ``number`` counts the calls of this kind from 1. ``at`` is the time of arrival in seconds on the
    emulator's clock. ``schemes`` names the headers that carried a key ("bearer", "x-api-key"). ``status`` is
    set when the response is sent. ``status`` stays None if the connection was cut, or if the client
    disconnected before its body was complete.
    """

    kind: Kind
    number: int
    at: float
    schemes: tuple[str, ...]
    status: int | None = None


class CallLog:
    """The calls that arrived: counted by kind, and the last hundred thousand kept."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._recent: deque[Call] = deque(maxlen=CALLS_KEPT)

    def record(self, kind: Kind, *, now: float, schemes: tuple[str, ...]) -> Call:
        self._counts[kind] += 1
        call = Call(kind=kind, number=self._counts[kind], at=now, schemes=schemes)
        self._recent.append(call)
        return call

    def count(self, kind: Kind) -> int:
        return self._counts[kind]

    def counts(self) -> dict[Kind, int]:
        """The counts of the kinds that were called at least once."""
        return dict(self._counts)

    def recent(self) -> tuple[Call, ...]:
        # `copy` is atomic: another thread may read the log while the server appends to it.
        return tuple(self._recent.copy())
