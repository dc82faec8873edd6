"""The faults, one row each: what goes wrong, and for which calls."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from segmind_swap._config import MAX_FUTILE
from segmind_swap.emulator import Fault

from .batch import PATIENCE
from .calls import Calls, During, Every, First, Only
from .proxy import Kind, Trouble

Wrong: TypeAlias = Fault | Trouble
TOO_LATE = PATIENCE + 1.0
CONCURRENCY = 24
STORM = 2.5
OUTAGE = 4.0
DOWN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault.

    Attributes:
        wrong: What goes wrong, given the calls that are hit and the address of a foreign host.
        calls: Makes those calls.
        kills: How often the batch's process is killed.
        at_most: How many answers with a status the service may have to give to submits.
        refuses: The calls of which some have to meet a refused connection.
        max_futile: After how many swaps in a row without a picture the batch stops; None for no limit.
        most_unknown: How many swaps may end as perhaps paid; None for no limit.
        service: How the service differs: arguments of its `Emulator`.
    """

    name: str
    wrong: Callable[[Calls, str], Sequence[Wrong]] = lambda _calls, _foreign: ()
    calls: Callable[[], Calls] = Every
    concurrency: int = CONCURRENCY
    kills: int = 0
    at_most: dict[int, int] = field(default_factory=dict)
    refuses: tuple[str, ...] = ()
    max_futile: int | None = None
    most_unknown: int | None = None
    service: Mapping[str, Any] = field(default_factory=dict)


def _fault(name: str, calls: Callable[[], Calls] = Every, **what: Any) -> Row:
    """A fault of the service's own."""
    return Row(name=name, calls=calls, wrong=lambda calls, _foreign: [Fault(calls=calls, **what)])


def _trouble(name: str, calls: Callable[[], Calls] = Every, **what: Any) -> Row:
    """A fault of the network."""
    return Row(name=name, calls=calls, wrong=lambda calls, _foreign: [Trouble(calls=calls, **what)])


_ON_THE_WAY: dict[str, dict[str, Any]] = {
    "delayed": {"delay": 0.4},
    "in pieces of 7 bytes": {"slice_bytes": 7},
    "request cut after 40 bytes": {"request_bytes": 40},
    "request cut before its last byte": {"request_bytes": -1},
    "cut before the answer": {"answer_bytes": 0},
    "reset before the answer": {"answer_bytes": 0, "ending": "reset"},
    "half-closed before the answer": {"answer_bytes": 0, "ending": "half-close"},
    "answer cut after 100 bytes": {"answer_bytes": 100},
    "answer reset before its last byte": {"answer_bytes": -1, "ending": "reset"},
    "silence": {"silent": True},
    "answer too late": {"hold": TOO_LATE},
}


def _network() -> Iterator[Row]:
    kinds: tuple[Kind, ...] = ("submit", "poll", "download")
    for on in kinds:
        for name, what in _ON_THE_WAY.items():
            yield _trouble(f"{on}: {name}", on=on, **what)
    yield _trouble("connection reset at once", on="connection", request_bytes=0, ending="reset")
    yield _trouble("connection silent", on="connection", silent=True)


def _service() -> Iterator[Row]:
    for status in (502, 503, 504):
        yield _fault(f"submit: {status}, started", on="submit", status=status, accepts=True)
        yield _fault(f"submit: {status}, not started", on="submit", status=status)
    yield _fault("submit: 504, started, three in a row", on="submit", status=504, accepts=True, calls=_Threes)
    for status in (400, 403, 404, 500):
        yield _fault(f"submit: {status}", on="submit", status=status)
    yield _fault("submit: 401 once", on="submit", status=401, calls=First)
    yield _fault("submit: 429", on="submit", status=429, headers={"retry-after": "1"}, calls=_Rarely)
    # The status of a complete refusal counts, whatever its body decodes to.
    for status, calls in ((429, _Rarely), (400, Every)):
        yield _fault(
            f"submit: {status}, gzip without a body",
            on="submit",
            status=status,
            body=b"",
            headers={"retry-after": "1"},
            encoding="gzip",
            calls=calls,
        )
    kinds: tuple[Kind, ...] = ("submit", "poll")
    for on in kinds:
        for encoding, words in _ENCODED.items():
            yield _fault(f"{on}: {words}", on=on, encoding=encoding)
    for how in ("html", "truncated", "empty", "list", "not-utf8"):
        yield _fault(f"submit: 200 with {_MALFORMED[how]}", on="submit", malformed=how)
    yield _fault("submit: accepted, answered too late", on="submit", delay=TOO_LATE)
    for status in (404, 500, 502):
        yield _fault(f"poll: {status}", on="poll", status=status)
    yield _fault("poll: 401", on="poll", status=401, calls=partial(Every, 20))
    yield _fault("poll: 429", on="poll", status=429, headers={"retry-after": "1"}, calls=_Rarely)
    for how in ("html", "truncated", "not-utf8"):
        yield _fault(f"poll: 200 with {_MALFORMED[how]}", on="poll", malformed=how)
    for status in (403, 404, 503, 520):
        yield _fault(f"download: {status}", on="file", status=status)
    yield _fault("download: a Content-Encoding that is no coding", on="file", encoding="no-coding")
    yield _fault("download: 200 with half a picture", on="file", malformed="truncated")


_MALFORMED = {
    "html": "a page",
    "truncated": "half the JSON",
    "empty": "nothing",
    "list": "a list",
    "not-utf8": "no text",
}
_ENCODED = {
    "no-coding": "a Content-Encoding that is no coding",
    "gzip-members": "two gzip members",
    "raw-deflate": "raw deflate",
    "bom": "JSON after a byte order mark",
    "surrogate": "JSON with half a letter",
}
_Rarely = partial(Every, 25)


class _Threes(Calls):
    """Three calls in a row of each dozen."""

    def chooses(self, number: int) -> bool:
        return number % 12 < 3


def _foreign_poll_url(calls: Calls, foreign: str) -> list[Wrong]:
    told = {"poll_url": f"{foreign}/workflows/request/a1", "request_id": "a1", "status": "QUEUED"}
    return [Fault(on="submit", calls=calls, status=200, body=told, accepts=True)]


def _redirected(calls: Calls, foreign: str) -> list[Wrong]:
    there = {"location": f"{foreign}/workflows/request/a1"}
    return [Fault(on="poll", calls=calls, status=302, headers=there)]


def _away(calls: Calls, _foreign: str) -> list[Wrong]:
    return [Fault(on="submit", calls=calls, status=503), Fault(on="credits", calls=calls, status=503)]


def _slow(calls: Calls, _foreign: str) -> list[Wrong]:
    return [Fault(on="submit", calls=calls, delay=PATIENCE / 2)]


def foreign_answer(foreign: str) -> Fault:
    """What a host that is nobody's business answers to whoever asks it about a job."""
    output = [{"keyname": "a", "value": {"data": f"{foreign}/files/sample-scene.png", "type": "image"}}]
    return Fault(on="poll", status=200, body={"status": "COMPLETED", "output": json.dumps(output)})


def _special() -> Iterator[Row]:
    yield Row(name="submit: poll_url on a foreign host", wrong=_foreign_poll_url)
    yield Row(name="poll: redirected to a foreign host", wrong=_redirected)
    yield Row(name="poll: an unknown word at the end", service={"state_words": "unknown-end"})
    few = 4
    # Every acceptance is unusable: the batch must stop by itself.
    yield Row(
        name="submit: status_url instead of poll_url, each time",
        wrong=lambda calls, foreign: [
            Fault(on="submit", calls=calls, status=200, body={"status_url": foreign}, accepts=True)
        ],
        calls=partial(Every, 1),
        concurrency=few,
        max_futile=MAX_FUTILE,
        most_unknown=MAX_FUTILE + few,
    )
    storm = partial(During, STORM)
    # Those in flight meet the limit together; then one at a time asks, once a second.
    yield Row(
        name=f"429 storm of {STORM:g} s",
        wrong=lambda calls, _: [Fault(on="submit", calls=calls, status=429, headers={"retry-after": "1"})],
        calls=storm,
        at_most={429: CONCURRENCY + 8},
    )
    # Four fail, then the fifth and all that are in flight beside it.
    yield Row(
        name=f"outage of {OUTAGE:g} s",
        wrong=_away,
        calls=partial(During, OUTAGE),
        concurrency=8,
        at_most={503: 13},
    )
    # Twice: while jobs are polled, and while pictures are fetched and make room for submits.
    yield Row(
        name=f"nobody listens, twice for {DOWN:g} s",
        wrong=lambda calls, _: [Trouble(on=on, calls=calls, down=DOWN) for on in ("poll", "download")],
        calls=partial(Only, 6),
        refuses=("submit", "poll", "download"),
    )
    # Killed while a few submits are sure to be on their way: accepted, and not answered yet.
    slow = partial(First, 4 * few)
    yield Row(name="killed four times (SIGKILL)", wrong=_slow, calls=slow, concurrency=few, kills=4)


NO_FAULT = Row(name="no fault")
ROWS = {row.name: row for row in (NO_FAULT, *_network(), *_service(), *_special())}
