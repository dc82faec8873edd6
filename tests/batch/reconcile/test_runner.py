"""A reconciliation from the ledger to the history and back. The story of this name has all situations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    AuthenticationError,
    ConfigurationError,
    HistoryVerdict,
    JournalError,
    OutcomeState,
    Reconciliation,
    SwapJob,
)
from segmind_swap._batch.reconcile.runner import reconcile
from segmind_swap._models import SwapOutput
from segmind_swap._protocols.entry import Entry
from segmind_swap._protocols.ledger import Amendment

from .rows import HERO, NOW, a_post, a_row, accepted, minutes, scene, unknown
from .service import FakeHistory, rows_of

V = HistoryVerdict
PICTURE = "https://o.example/1.png"


class Fleet:
    """A ledger of a fleet, in memory: the source of an amendment, and the amendment."""

    name = "fleet"

    def __init__(self, *rows: Entry, gone: Collection[int] = ()) -> None:
        self.rows = rows
        self.gone = gone
        self.asked: dict[str, str] = {}
        self.done: list[tuple[str, str, SwapJob | None]] = []
        self.is_open = False

    async def amend(self, *, origin: str, workflow: str) -> Amendment:
        self.asked = {"origin": origin, "workflow": workflow}
        self.is_open = True
        return self

    async def entries(self) -> Sequence[Entry]:
        return self.rows

    async def adopt(self, entry: Entry, job: SwapJob) -> None:
        self.done.append(("adopt", entry.id, job))

    async def resubmit(self, entry: Entry) -> None:
        self.done.append(("resubmit", entry.id, None))

    async def without_pictures(self) -> Collection[int]:
        return self.gone

    async def aclose(self) -> None:
        self.is_open = False


def ours(id: str, pictures: str = "a", *, ago: float = 180, **more: Any) -> dict[str, Any]:
    inputs = {"reference_character_image": HERO, "character_image": scene(pictures)}
    return {"request_id": id, "request_body": inputs, "created_at": minutes(ago).isoformat(), **more}


async def run(
    fleet: Fleet, history: FakeHistory, *, apply: bool = True, resubmit_missing: int | None = None
) -> Reconciliation:
    with history.session() as session:
        return await reconcile(
            session, fleet, apply=apply, resubmit_missing=resubmit_missing, now=lambda: NOW
        )


async def test_without_an_unknown_swap_nothing_is_asked() -> None:
    fleet, history = Fleet(accepted(1, "known")), FakeHistory(rows_of())
    assert await run(fleet, history) == Reconciliation(applied=True)
    assert (history.requests, fleet.is_open) == ([], False)
    assert fleet.asked == {"origin": "https://api.segmind.com", "workflow": "678aa4026426baad7e5392fb-v7"}


async def test_any_ledger_gets_the_jobs_that_were_found_and_only_with_apply() -> None:
    page = rows_of([ours("one", generation_url=PICTURE, model_status="COMPLETED"), ours("x", "other")])
    for apply in (False, True):
        fleet = Fleet(unknown(1), unknown(2, "b"))
        found = await run(fleet, FakeHistory(page), apply=apply)
        assert [(swap.id, swap.verdict, swap.adopted) for swap in found.swaps] == [
            ("s1", V.FOUND, apply),
            ("s2", V.NOT_LISTED, False),
        ]
        job = found.swaps[0].job
        assert job is not None
        assert (job.request_id, job.poll_url, job.outputs) == ("one", None, (SwapOutput(data=PICTURE),))
        assert fleet.done == ([("adopt", "s1", job)] if apply else [])
        assert "other" not in found.model_dump_json(), "nothing of somebody else's"


@pytest.mark.parametrize(
    ("oldest", "since"),
    [(0.05, "2026-11-29"), (5.0, "2026-11-24"), (29.0, "2026-10-31"), (90.0, "2026-10-31")],
)
async def test_the_history_is_asked_from_the_day_before_the_oldest_post_and_31_days_at_most(
    oldest: float, since: str
) -> None:
    history = FakeHistory(rows_of())
    found = await run(Fleet(unknown(1, ago=180), unknown(2, "b", ago=oldest * 24 * 60)), history)
    assert {request.url.params["from_date"] for request in history.requests} == {since}
    is_covered = not any("older than what the history" in text for text in found.swaps[1].missing_proof)
    assert is_covered is (oldest < 30)


async def test_swaps_without_a_known_post_are_for_a_person() -> None:
    (swap,) = (await run(Fleet(a_row(1, billable_posts=1)), FakeHistory(rows_of([ours("one")])))).swaps
    assert (swap.verdict, swap.missing_proof) == (V.UNCLEAR, ())


async def test_a_swap_with_two_posts_has_one_possible_duplicate() -> None:
    row = a_row(1, a_post(), a_post(), billable_posts=2)
    (swap,) = (await run(Fleet(row), FakeHistory(rows_of([ours("one", poll_url="/requests/one")])))).swaps
    assert swap.possible_duplicates == 1
    assert swap.job is not None
    assert swap.job.possible_duplicates == 1


async def test_the_wrong_number_changes_nothing_not_even_what_was_found() -> None:
    fleet = Fleet(unknown(1), unknown(2, "b"))
    history = FakeHistory(rows_of([ours("one", poll_url="/requests/one")]))
    with pytest.raises(ConfigurationError, match="0 swaps may be submitted again, not 1"):
        await run(fleet, history, resubmit_missing=1)
    assert (fleet.done, fleet.is_open) == ([], False)


async def test_a_history_that_refuses_the_key_is_an_error_and_the_ledger_is_closed() -> None:
    fleet = Fleet(unknown(1))
    with pytest.raises(AuthenticationError):
        await run(fleet, FakeHistory(lambda _: httpx.Response(401)))
    assert (fleet.done, fleet.is_open) == ([], False)


async def test_a_reconciliation_that_is_cancelled_closes_the_ledger() -> None:
    # The pause that the history asks for is longer than the patience of the caller.
    fleet = Fleet(unknown(1))
    busy = FakeHistory(lambda _: httpx.Response(503, headers={"retry-after": "60"}))
    with anyio.move_on_after(5.0) as scope:
        await run(fleet, busy)
    assert (scope.cancelled_caught, fleet.is_open) == (True, False)


async def test_a_ledger_that_fails_stops_the_reconciliation() -> None:
    class Full(Fleet):
        async def adopt(self, entry: Entry, job: SwapJob) -> None:
            raise JournalError("the disk is full", path="fleet")

    fleet = Full(unknown(1))
    with pytest.raises(JournalError, match="the disk is full"):
        await run(fleet, FakeHistory(rows_of([ours("one", poll_url="/requests/one")])))
    assert not fleet.is_open


async def test_a_running_job_of_the_ledger_is_the_form_for_a_request_that_has_only_an_id() -> None:
    known = accepted(2, "5b1f0c2d", "b", ago=10)

    def poll(url: str) -> httpx.Response:
        return httpx.Response(200, json={"status": "PROCESSING", "request_id": url.rpartition("/")[2]})

    history = FakeHistory(rows_of([ours("6c2e1d3f")]), poll)
    (swap,) = (await run(Fleet(unknown(1), known), history)).swaps
    assert swap.adopted
    assert history.polled == ["https://api.segmind.com/workflows/request/6c2e1d3f"]


async def test_a_swap_whose_pictures_are_not_kept_is_never_offered_for_another_submit() -> None:
    page = rows_of(
        [
            ours("later", "b", ago=150, generation_url=PICTURE, model_status="COMPLETED"),
            ours("running", "c", ago=1, model_status="PROCESSING"),
        ]
    )
    others = accepted(2, "later", "b", ago=150, state=OutcomeState.SAVED), accepted(3, "running", "c", ago=1)
    kept = await run(Fleet(unknown(1), *others), FakeHistory(page), apply=False)
    assert (kept.may_resubmit, kept.swaps[0].pictures_are_kept) == (1, True)
    fleet = Fleet(unknown(1), *others, gone={1})
    found = await run(fleet, FakeHistory(page), apply=False)
    (reason,) = found.swaps[0].missing_proof
    assert (found.may_resubmit, found.swaps[0].pictures_are_kept) == (0, False)
    assert "enqueues the swap with the pictures and `pay_again`" in reason
    with pytest.raises(ConfigurationError, match="0 swaps may be submitted again, not 1"):
        await run(fleet, FakeHistory(page), resubmit_missing=1)
    assert fleet.done == []
