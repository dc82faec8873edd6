"""The history of the account's requests: the request for a page, and a lenient, bounded reading of it.

Segmind's SDK 1.3.0 shows the call and its parameters. How a page and an entry look is not published. So each
fact is looked for under every name that services use, and a fact that cannot be read is None.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import unquote, urlencode

from ..._errors import ResponseError
from ..._models import Call, SwapOutput
from ..bounded_json import parsed
from ..messages import Request, Response
from ..origins import Service, origin_of
from ..outputs import outputs_of, picture_in
from ..text import request_id, shorten
from .moments import moment_in

PER_PAGE = 100
"""How many entries a page is asked to have: the most that Segmind's SDK allows."""

MAX_DAYS = 31
"""How many days the history may be asked for at once, by Segmind's SDK."""

_MAX_ENTRIES = 1_000
_MAX_DEPTH = 3
_IDS = ("request_id", "requestId", "requestID", "inference_request_id", "id", "_id", "uuid")
_BODIES = (
    "request_body",
    "requestBody",
    "request",
    "inputs",
    "input",
    "parameters",
    "params",
    "payload",
    "body",
    "data",
)
_STATES = ("status", "model_status", "modelStatus", "request_status", "state")
_OUTPUTS = (
    "output",
    "outputs",
    "result",
    "generation_url",
    "generationUrl",
    "generation_urls",
    "output_url",
    "image_url",
)
_POLL_URLS = ("poll_url", "pollUrl")
_OTHER_POLL_URLS = ("status_url", "statusUrl", "response_url", "responseUrl")
_LISTS = ("data", "requests", "history", "items", "results", "records", "rows", "entries", "generations")
_TOTALS = ("total", "total_count", "totalCount", "count_total", "total_items", "totalItems")


class HistoryState(StrEnum):
    """What the history says of a request."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNCLEAR = "unclear"


_WORDS = {
    **dict.fromkeys(
        (
            "QUEUED",
            "PENDING",
            "PROCESSING",
            "RUNNING",
            "STARTED",
            "STARTING",
            "IN_PROGRESS",
            "IN_QUEUE",
            "WAITING",
            "SUBMITTED",
            "ACCEPTED",
            "CREATED",
        ),
        HistoryState.RUNNING,
    ),
    **dict.fromkeys(
        ("COMPLETED", "COMPLETE", "SUCCEEDED", "SUCCESS", "SUCCESSFUL", "DONE", "FINISHED"),
        HistoryState.DONE,
    ),
    **dict.fromkeys(
        ("FAILED", "FAILURE", "ERROR", "ERRORED", "CANCELLED", "CANCELED", "EXPIRED", "TIMEOUT", "TIMED_OUT"),
        HistoryState.FAILED,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One request in the history, as far as it can be read.

    Attributes:
        ids: The ids of the entry, that of the request first; empty if there is none.
        urls: The URLs of the reference and of the scene; None if the entry does not name both.
        has_body: Whether the entry shows what was sent. Without a body, nobody can tell whose request it is.
        at: When the request was made, in UTC; None if the entry has no time with a minute.
        state: What the history says of the request.
        outputs: The outputs, if a picture is among them that may be fetched; else empty.
        poll_url: The poll URL, if this client may poll it; else None.
        other_poll_url: Another URL of the state or of the result, if this client may ask there; else None.
    """

    ids: tuple[str, ...] = ()
    urls: tuple[str, str] | None = None
    has_body: bool = False
    at: datetime | None = None
    state: HistoryState = HistoryState.UNCLEAR
    outputs: tuple[SwapOutput, ...] = field(default=(), repr=False)
    poll_url: str | None = None
    other_poll_url: str | None = None

    @property
    def request_id(self) -> str | None:
        """The id of the request; None if the entry has none."""
        return self.ids[0] if self.ids else None

    @property
    def names(self) -> tuple[str, ...]:
        """The URLs by which the job of the entry may be known already."""
        polled = (url for url in (self.poll_url, self.other_poll_url) if url is not None)
        return (*polled, *(item.data for item in self.outputs))


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page of the history.

    Attributes:
        entries: The entries that can be read.
        unreadable: How many elements of the page are no entry.
        is_cut: Whether the page has more entries than are read.
        total: How many entries the whole answer has, by the server's own count; None if it gives none.
    """

    entries: tuple[HistoryEntry, ...]
    unreadable: int = 0
    is_cut: bool = False
    total: int | None = None

    @property
    def length(self) -> int:
        """How many elements were read."""
        return len(self.entries) + self.unreadable


def history_request(service: Service, *, page: int, since: date) -> Request:
    """Asks for one page of the history, from the day `since` until now. Free.

    The end of the window is left out: by the SDK it is today, by the server's own calendar.
    """
    query = urlencode({"page": page, "per_page": PER_PAGE, "from_date": since.isoformat()})
    url = f"{service.history_base_url}/inference-request/request-history?{query}"
    return Request(call=Call.HISTORY, method="GET", url=url, attempt=1)


def read_history(service: Service, response: Response) -> HistoryPage:
    """The entries of one page.

    Raises:
        ResponseError: the body is no list of entries, in any of the known shapes.
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    found = _list_in(body, 0)
    if found is None:
        shown = response.excerpt if body is None else _shape_of(body)
        raise ResponseError(
            f"the history of the account cannot be read: {shown or 'empty'}",
            status_code=response.status_code,
            excerpt=shown,
        )
    rows = found[:_MAX_ENTRIES]
    entries = tuple(_entry(service, cast("dict[str, Any]", row)) for row in rows if isinstance(row, dict))
    return HistoryPage(
        entries=entries,
        unreadable=len(rows) - len(entries),
        is_cut=len(found) > len(rows),
        total=_total_in(body, 0),
    )


def same_url(url: str) -> str:
    """A form of a URL in which two spellings of it are equal: without percent-encoding."""
    return unquote(url.strip())


def _shape_of(body: object) -> str:
    """A JSON body in words, without its values: they may be requests of others."""
    if not isinstance(body, dict):
        return f"a JSON {type(body).__name__}"
    names = [str(key) for key in cast("dict[object, object]", body) if str(key).isidentifier()]
    return shorten(f"a JSON object without a list of requests; its keys are {', '.join(names[:10]) or 'odd'}")


def _list_in(value: object, depth: int) -> list[object] | None:
    if isinstance(value, list):
        return cast("list[object]", value)
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    fields = cast("dict[str, object]", value)
    return next((rows for key in _LISTS if (rows := _list_in(fields.get(key), depth + 1)) is not None), None)


def _total_in(value: object, depth: int) -> int | None:
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    fields = cast("dict[str, object]", value)
    for key in _TOTALS:
        total = fields.get(key)
        if isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            return total
    inner = (_total_in(fields.get(key), depth + 1) for key in (*_LISTS, "pagination", "meta"))
    return next((total for total in inner if total is not None), None)


def _entry(service: Service, fields: Mapping[str, Any]) -> HistoryEntry:
    bodies = [fields, *_bodies_in(fields)]
    urls = next((pair for body in bodies if (pair := _urls_in(body)) is not None), None)
    outputs = _outputs_in(service, fields, urls or ())
    return HistoryEntry(
        ids=tuple(dict.fromkeys(_ids_in(fields))),
        urls=urls,
        has_body=urls is not None or len(bodies) > 1,
        at=moment_in(fields),
        state=_state_in(fields, has_picture=bool(outputs)),
        outputs=outputs,
        poll_url=_poll_url_in(service, fields, _POLL_URLS),
        other_poll_url=_poll_url_in(service, fields, _OTHER_POLL_URLS),
    )


def _ids_in(fields: Mapping[str, Any]) -> Iterator[str]:
    for key in _IDS:
        value = fields.get(key)
        if isinstance(value, dict):
            # As databases write their own ids.
            value = cast("dict[str, object]", value).get("$oid")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if (id := request_id(value)) is not None:
            yield id


def _bodies_in(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The inputs of a request, as objects: parsed or as a string of JSON, and one level deeper."""
    for key in _BODIES:
        body = _object(fields.get(key))
        if not body:
            continue
        yield body
        for inner in ("input", "inputs", "data", "parameters", "body"):
            if deeper := _object(body.get(inner)):
                yield deeper


def _object(value: object) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parsed(value)
        except ValueError:
            return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _urls_in(body: Mapping[str, Any]) -> tuple[str, str] | None:
    reference, scene = body.get("reference_character_image"), body.get("character_image")
    if isinstance(reference, str) and isinstance(scene, str) and reference and scene:
        return same_url(reference), same_url(scene)
    return None


def _state_in(fields: Mapping[str, Any], *, has_picture: bool) -> HistoryState:
    words = [word.strip() for key in _STATES if isinstance(word := fields.get(key), str) and word.strip()]
    known = [_WORDS.get(word.upper().replace("-", "_").replace(" ", "_")) for word in words]
    if not words and has_picture:
        # A list of results needs no word for each of them.
        return HistoryState.DONE
    return next((state for state in known if state is not None), HistoryState.UNCLEAR)


def _outputs_in(
    service: Service, fields: Mapping[str, Any], inputs: Collection[str]
) -> tuple[SwapOutput, ...]:
    """The outputs under the first key that has a picture. An input is never taken for the result."""
    for key in _OUTPUTS:
        found = outputs_of({"outputs": fields.get(key)})
        outputs = tuple(item for item in found if same_url(item.data) not in inputs)
        url = picture_in(outputs)
        if url is not None and service.picture_url_problem(url) is None:
            return outputs
    return ()


def _poll_url_in(service: Service, fields: Mapping[str, Any], keys: Collection[str]) -> str | None:
    for key in keys:
        url = fields.get(key)
        if not isinstance(url, str) or not url.strip():
            continue
        url = url.strip()
        if url.startswith("/") and not url.startswith("//"):
            url = f"{service.origin}{url}"
        url = service.poll_url(url)
        if service.poll_url_problem(url) is None:
            return url
    return None


def poll_url_like(known_url: str, known_id: str, id: str) -> str | None:
    """The poll URL of another job, in the form of a known one; None if that form cannot be told.

    A poll URL must not be built in general. This one is asked once, and believed only if the answer names the
    request.

    Args:
        known_url: The poll URL of a job that the service has accepted.
        known_id: The request id of that job.
        id: The request id of the other job.
    """
    if not _is_plain(known_id) or not _is_plain(id):
        return None
    parts = known_url.split("/")
    if parts.count(known_id) != 1 or parts.index(known_id) < len(["https:", "", "x"]):
        return None
    url = "/".join(id if part == known_id else part for part in parts)
    try:
        return url if origin_of(url) == origin_of(known_url) else None
    except ValueError:
        return None


def _is_plain(id: str) -> bool:
    """Whether an id can be part of a path without a meaning of its own."""
    return len(id) >= 4 and all(c.isascii() and (c.isalnum() or c in "-_") for c in id)
