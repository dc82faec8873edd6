"""Rows of a ledger and entries of a history, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from segmind_swap import OutcomeState, SubmissionUnknownError, SwapJob
from segmind_swap._api.account.history import HistoryEntry, HistoryState
from segmind_swap._protocols.entry import Entry, Post

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HERO = "https://inputs.example/hero.png"
BASE = "https://api.segmind.com"
S = OutcomeState


def scene(name: str) -> str:
    return f"https://inputs.example/{name}.png"


def minutes(number: float) -> datetime:
    """So many minutes before now."""
    return NOW - timedelta(minutes=number)


def a_post(pictures: str = "a", *, ago: float = 180, key: str = "tag") -> Post:
    return Post(at=minutes(ago), reference_url=HERO, scene_url=scene(pictures), key_tag=key)


def a_job(id: str, *, ago: float = 180, **more: Any) -> SwapJob:
    fields: dict[str, Any] = {
        "poll_url": f"{BASE}/workflows/request/{id}",
        "request_id": id,
        "workflow": "w-v1",
        "submitted_at": minutes(ago),
        **more,
    }
    return SwapJob(**fields)


def a_row(number: int, *posts: Post, state: OutcomeState = S.UNKNOWN, **more: Any) -> Entry:
    fields: dict[str, Any] = {"billable_posts": len(posts), **more}
    return Entry(
        number=number,
        id=f"s{number}",
        fingerprint="p",
        reference="hero.png",
        scene="street.png",
        state=state,
        run=1,
        posts=posts,
        **fields,
    )


def unknown(number: int, pictures: str = "a", *, ago: float = 180, **more: Any) -> Entry:
    """A row whose only POST is in doubt."""
    return a_row(number, a_post(pictures, ago=ago), **more)


def accepted(number: int, id: str, pictures: str = "a", *, ago: float = 180, **more: Any) -> Entry:
    """A row with a job."""
    fields: dict[str, Any] = {"state": S.ACCEPTED, "job": a_job(id, ago=ago), **more}
    return a_row(number, a_post(pictures, ago=ago), **fields)


def listed(
    id: str | None, pictures: str | None = "a", *, ago: float | None = 180, **more: Any
) -> HistoryEntry:
    """An entry of the history; of somebody else, if it has no pictures of ours."""
    fields: dict[str, Any] = {
        "ids": () if id is None else (id,),
        "urls": None if pictures is None else (HERO, scene(pictures)),
        "has_body": True,
        "at": None if ago is None else minutes(ago),
        "state": HistoryState.RUNNING,
        **more,
    }
    return HistoryEntry(**fields)


def in_doubt(request_id: str | None = None) -> SubmissionUnknownError:
    return SubmissionUnknownError("no answer came", request_id=request_id)
