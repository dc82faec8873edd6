"""The names by which a job is known again."""

from datetime import UTC, datetime

import pytest

from segmind_swap import (
    OutcomeState,
    SubmissionUnknownError,
    SwapFailedError,
    SwapJob,
    SwapOutput,
    SwapResult,
)
from segmind_swap._api.account.identity import JobNames, parts_of
from segmind_swap._protocols.entry import Entry

BASE = "https://api.segmind.com"


def a_job(id: str | None, url: str | None = None, *outputs: str) -> SwapJob:
    return SwapJob(
        poll_url=url,
        request_id=id,
        workflow="w-v1",
        submitted_at=datetime(2026, 11, 30, tzinfo=UTC),
        outputs=tuple(SwapOutput(data=data) for data in outputs),
    )


def an_entry(**more: object) -> Entry:
    fields = {"number": 1, "id": "a", "fingerprint": "p", "reference": "r", "scene": "s", "run": 1}
    return Entry(state=OutcomeState.UNKNOWN, **{**fields, **more})  # type: ignore[arg-type]


def test_a_job_is_known_by_its_id_its_poll_url_and_the_urls_of_its_outputs() -> None:
    names = JobNames.of_jobs(
        [
            a_job("r-123456", f"{BASE}/requests/token%20789"),
            a_job(None, None, "https://o.example/1.png", "ok"),
        ]
    )
    for ids, urls in (
        (["r-123456"], []),
        (["token 789"], []),
        ([], [f"{BASE}/requests/token 789"]),
        (["x"], ["https://o.example/1.png"]),
    ):
        assert names.has_any(ids, urls)
    assert not names.has_any(["ok", "v1"], ["ok", f"{BASE}/requests/other"])


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(job=a_job("r-123456", f"{BASE}/x")),
        an_entry(past_jobs=(a_job("r-123456", f"{BASE}/x"),)),
        an_entry(
            result=SwapResult(
                job=a_job("r-123456", f"{BASE}/x"), url="https://o.example/1.png", outputs=(), seconds=1.0
            )
        ),
        an_entry(error=SubmissionUnknownError("no answer", request_id="r-123456")),
        an_entry(error=SwapFailedError("failed", reason="no face", job=a_job("r-123456", f"{BASE}/x"))),
    ],
    ids=["job", "past job", "result", "error", "job of the error"],
)
def test_an_entry_has_the_names_of_every_job_that_it_has_or_had(entry: Entry) -> None:
    assert JobNames.of_entry(entry).has(a_job("r-123456", f"{BASE}/y"))
    assert not JobNames.of_entry(entry).has(a_job("r-654321", f"{BASE}/y"))


def test_an_entry_without_a_job_has_no_names() -> None:
    assert JobNames.of_entry(an_entry()) == JobNames()
    assert JobNames.union([JobNames(), JobNames(frozenset("a"))]).ids == {"a"}


def test_the_parts_of_a_url_are_those_long_enough_to_be_an_id() -> None:
    assert parts_of(f"{BASE}/v1/requests/0123456789?token=abcdef&x=1") == {"requests", "0123456789", "abcdef"}
