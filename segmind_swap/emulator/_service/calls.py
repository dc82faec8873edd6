"""The kinds of calls, and a log of the calls that arrived."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["submit", "poll", "upload", "credits", "history", "file"]
"""What a call is for; each kind is counted by itself."""

CALLS_KEPT = 100_000
"""How many calls are remembered; the counts go on beyond it."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request that arrived, in the order of arrival.

    ``number`` counts the calls of this kind from 1 and ``at`` is the time of arrival on the emulator's clock.
    ``schemes`` names the headers that carried a key ("bearer", "x-api-key"). ``status`` is filled in when the
    answer goes out: it stays None if the connection was cut or the client left before its body was complete.
    """

    kind: Kind
    number: int
    at: float
    schemes: tuple[str, ...]
    status: int | None = None


class CallLog:
    """The calls that arrived: counted by kind, the last hundred thousand remembered."""

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
        """The kinds that have been called at all."""
        return dict(self._counts)

    def recent(self) -> tuple[Call, ...]:
        # The copy is one step, so that another thread may read while the server's appends.
        return tuple(self._recent.copy())
