"""The job of an entry of the history: from its own output or poll URL, else from a URL that is asked once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..._api.account.history import HistoryEntry, HistoryState, poll_url_like
from ..._api.messages import NoResponse, Response
from ..._api.requests import poll_request
from ..._api.responses import error_of_response, read_status
from ..._errors import OutputError, SwapError
from ..._models import Call, SwapJob
from ..._protocols.entry import Entry

if TYPE_CHECKING:
    from ..._swap.session import Session

_IDS = ("request_id", "requestId", "id", "_id", "inference_request_id")
_URLS = ("poll_url", "status_url", "response_url", "output", "outputs", "output_image", "generation_url")
_PARTS = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class NoJob:
    """An entry whose job cannot be waited for.

    Attributes:
        reason: Why not, in words.
    """

    reason: str


async def job_of(
    session: Session, row: Entry, listed: HistoryEntry, known: Sequence[SwapJob]
) -> SwapJob | NoJob:
    """The job of an entry that is the request of a row. Sends at most one poll, which is free.

    Args:
        session: The session.
        row: The row.
        listed: The entry, which has an id.
        known: The jobs of the ledger, the latest first.
    """
    if listed.state is HistoryState.DONE and listed.outputs:
        return _job(session, row, listed)
    if listed.poll_url is not None:
        return _job(session, row, listed, listed.poll_url)
    if listed.other_poll_url is not None:
        return await _asked_once(session, _job(session, row, listed, listed.other_poll_url), needs_name=False)
    id = listed.request_id or ""
    for other in known:
        url = poll_url_like(other.poll_url or "", other.request_id or "", id)
        if url is not None:
            return await _asked_once(session, _job(session, row, listed, url), needs_name=True)
    return NoJob("the history names neither its picture nor where to ask for its state")


def _job(session: Session, row: Entry, listed: HistoryEntry, poll_url: str | None = None) -> SwapJob:
    """The job with a poll URL, or with the outputs of the entry: a known picture needs no poll."""
    return SwapJob(
        poll_url=poll_url,
        request_id=listed.request_id,
        workflow=session.workflow,
        submitted_at=listed.at or row.posts[-1].at,
        possible_duplicates=max(0, row.billable_posts - 1),
        outputs=listed.outputs if poll_url is None else (),
    )


async def _asked_once(session: Session, job: SwapJob, *, needs_name: bool) -> SwapJob | NoJob:
    """The job, if one poll is answered with a state of it, and (`needs_name`) with its name."""
    url = job.poll_url or ""
    problem = session.http.service.poll_url_problem(url)
    if problem is not None:
        return NoJob(f"its state cannot be asked for: {problem}")
    response = await session.http.request(poll_request(session.http.service.poll_url(url)))
    if isinstance(response, NoResponse):
        return NoJob(f"asked for its state once, {error_of_response(response, Call.POLL)}")
    try:
        read_status(response, job)
    except OutputError:
        # COMPLETED without a picture is a state, too: the next run keeps its answer.
        pass
    except SwapError as exc:
        return NoJob(f"asked for its state once, {exc}")
    if needs_name and not _names(response, job.request_id or ""):
        return NoJob("asked for its state once, the answer did not name the request")
    return job


def _names(response: Response, id: str) -> bool:
    """Whether an answer says which request it is about: by an id, or by a URL with the id as a part."""
    if response.request_id == id:
        return True
    fields = response.fields() or {}
    if any(fields.get(key) == id for key in _IDS):
        return True
    texts = (str(fields[key]) for key in _URLS if key in fields)
    return any(id in _PARTS.split(unquote(text)) for text in texts)
