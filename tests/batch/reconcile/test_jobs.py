"""The job of an entry: from its own picture or poll URL, else from a URL that is asked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from segmind_swap import SwapJob
from segmind_swap._api.account.history import HistoryEntry, HistoryState
from segmind_swap._batch.reconcile.jobs import NoJob, job_of
from segmind_swap._models import SwapOutput

from .rows import BASE, a_job, a_post, a_row, listed, minutes
from .service import Answer, FakeHistory, rows_of

PICTURE = (SwapOutput(data="https://o.example/1.png"),)
ID = "5b1f0c2d9e8a47463b21c0ffee001122"
URL = f"{BASE}/requests/{ID}"
ROW = a_row(1, a_post(), a_post(), billable_posts=2)
KNOWN = [a_job("newest", poll_url=f"{BASE}/opaque/token"), a_job("known", poll_url=f"{BASE}/requests/known")]


async def found(
    entry: HistoryEntry,
    poll: Callable[[str], Answer] = httpx.ConnectError,
    known: list[SwapJob] = KNOWN,
) -> tuple[SwapJob | NoJob, list[str]]:
    history = FakeHistory(rows_of(), poll)
    with history.session() as session:
        return await job_of(session, ROW, entry, known), history.polled


def says(
    http: int = 200, headers: dict[str, str] | None = None, **fields: Any
) -> Callable[[str], httpx.Response]:
    return lambda _: httpx.Response(http, headers=headers, json=fields)


async def test_a_picture_that_is_listed_is_the_job_and_nothing_is_asked() -> None:
    job, polled = await found(listed(ID, state=HistoryState.DONE, outputs=PICTURE, poll_url=URL))
    assert isinstance(job, SwapJob)
    assert (job.outputs, job.poll_url, job.request_id, polled) == (PICTURE, None, ID, [])
    assert (job.submitted_at, job.possible_duplicates, job.workflow) == (
        minutes(180),
        1,
        "678aa4026426baad7e5392fb-v7",
    )


@pytest.mark.parametrize("state", [HistoryState.RUNNING, HistoryState.UNCLEAR, HistoryState.FAILED])
async def test_a_picture_of_a_request_that_is_not_done_is_not_believed(state: HistoryState) -> None:
    job, polled = await found(listed(ID, state=state, outputs=PICTURE, poll_url=URL))
    assert isinstance(job, SwapJob)
    assert (job.poll_url, job.outputs, polled) == (URL, (), [])


async def test_a_poll_url_that_is_listed_is_the_job_and_is_not_asked() -> None:
    job, polled = await found(listed(ID, poll_url=URL))
    assert isinstance(job, SwapJob)
    assert (job.poll_url, polled) == (URL, [])


async def test_another_url_of_the_state_is_asked_once() -> None:
    entry = listed(ID, other_poll_url=URL)
    job, polled = await found(entry, says(status="PROCESSING"))
    assert isinstance(job, SwapJob)
    assert (job.poll_url, polled) == (URL, [URL])
    missing, polled = await found(entry, says(http=404, error="no"))
    assert isinstance(missing, NoJob)
    assert "asked for its state once" in missing.reason
    assert polled == [URL]


@pytest.mark.parametrize(
    "answer",
    [
        says(status="PROCESSING", request_id=ID),
        says(status="QUEUED", id=ID),
        says(status="QUEUED", headers={"x-request-id": ID}),
        says(status="COMPLETED", output=[{"value": {"data": f"https://o.example/{ID}.png"}}]),
        says(status="COMPLETED", output="", request_id=ID),
        says(status="PROCESSING", status_url=f"{BASE}/v2/requests/{ID}/status"),
        says(http=422, status="FAILED", error="no face", request_id=ID),
    ],
)
async def test_an_id_in_the_form_of_another_poll_url_is_asked_once_and_believed_if_it_is_named(
    answer: Callable[[str], httpx.Response],
) -> None:
    job, polled = await found(listed(ID), answer)
    assert isinstance(job, SwapJob), job
    assert (job.poll_url, polled) == (URL, [URL])


@pytest.mark.parametrize(
    "answer",
    [
        says(status="PROCESSING"),
        says(status="PROCESSING", request_id="another"),
        says(status="COMPLETED", output="https://o.example/another.png"),
        says(http=404, error=f"Request {ID} not found"),
        says(http=403, request_id=ID),
        says(http=500, request_id=ID),
        says(http=429, request_id=ID),
        lambda _: httpx.Response(200, text=f"<html>{ID}</html>"),
        lambda _: httpx.Response(200, json=[ID]),
        lambda _: httpx.Response(302, headers={"location": f"https://evil.example/{ID}"}),
        lambda _: httpx.ReadError("cut"),
    ],
)
async def test_an_answer_that_does_not_name_the_request_is_not_believed(
    answer: Callable[[str], Answer],
) -> None:
    job, polled = await found(listed(ID), answer)
    assert isinstance(job, NoJob)
    assert polled == [URL], "asked once, and at Segmind only"


@pytest.mark.parametrize(
    "known",
    [
        [],
        [a_job("newest", poll_url=f"{BASE}/opaque/token")],
        [a_job("known", poll_url=None, outputs=PICTURE)],
    ],
)
async def test_without_a_form_nothing_is_asked(known: list[SwapJob]) -> None:
    job, polled = await found(listed(ID), known=known)
    assert job == NoJob("the history names neither its picture nor where to ask for its state")
    assert polled == []


async def test_a_form_on_a_host_that_must_not_see_the_key_is_not_asked() -> None:
    known = [a_job("known", poll_url="https://evil.example/requests/known")]
    job, polled = await found(listed(ID), says(status="QUEUED", request_id=ID), known)
    assert isinstance(job, NoJob)
    assert "must not see the key" in job.reason
    assert polled == []


@pytest.mark.parametrize("id", ["../../v1/get-user-credits", "a/b", "x?y", "%2e%2e", "é" * 8, "..", ""])
async def test_an_id_with_a_meaning_in_a_url_is_never_put_into_one(id: str) -> None:
    job, polled = await found(listed(id or None), says(status="QUEUED", request_id=id))
    assert isinstance(job, NoJob)
    assert polled == []
