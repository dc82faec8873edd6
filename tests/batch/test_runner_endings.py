"""A batch stops when money brings no picture several times in a row, and goes on from zero when run again."""

import json
import pickle
from pathlib import Path
from typing import Any

import anyio
import pytest

from segmind_swap import (
    PRICE_USD,
    ConfigurationError,
    Journal,
    NoResultsError,
    Outcomes,
    OutcomeState,
    RateLimit,
    SwapError,
)
from segmind_swap._swap import output_files
from segmind_swap.emulator import Emulator, Fault

from ..support.batches import client_of, emulator, states, swaps_of

S = OutcomeState
FAILS = {"status": "FAILED", "error": "no"}
FOREIGN = {"poll_url": "https://inner.example/workflows/request/1", "request_id": "1"}

FUTILE = {
    "status_url instead of poll_url": (
        Fault(on="submit", status=200, accepts=True, body={"status_url": "https://a.example/1"}),
        "unknown",
    ),
    "poll_url of another host": (Fault(on="submit", status=200, accepts=True, body=FOREIGN), "unknown"),
    "http poll_url": (
        Fault(on="submit", status=200, accepts=True, body={"poll_url": "http://api.example/1"}),
        "unknown",
    ),
    "a page of HTML": (Fault(on="submit", malformed="html"), "unknown"),
    "an empty 2xx": (Fault(on="submit", malformed="empty"), "unknown"),
    "204": (Fault(on="submit", status=204, accepts=True), "unknown"),
    "520": (Fault(on="submit", status=520, accepts=True), "unknown"),
    "cut": (Fault(on="submit", cut="after-body"), "unknown"),
    "picture under another name": (
        Fault(on="poll", status=200, body={"status": "COMPLETED", "made": {"as": "a.png"}}),
        "unreadable",
    ),
    "expired": (Fault(on="poll", status=404), "expired"),
    "timed out": (Fault(on="poll", status=200, body={"status": "PROCESSING"}), "accepted"),
    "polls refused": (Fault(on="poll", status=403), "accepted"),
}


async def _run(
    service: Emulator, count: int, options: dict[str, Any], **settings: Any
) -> tuple[dict[str, int], Outcomes]:
    async with (
        client_of(service, **settings) as client,
        client.swap_many(swaps_of(count), **options) as outcomes,
    ):
        return dict(states([outcome async for outcome in outcomes])), outcomes


@pytest.mark.parametrize("kind", FUTILE)
async def test_a_batch_that_pays_for_nothing_stops_after_five(kind: str) -> None:
    fault, state = FUTILE[kind]
    service, journal = emulator(faults=[fault]), Journal(":memory:")
    ended, outcomes = await _run(service, 200, {"journal": journal, "concurrency": 4})
    assert 5 <= service.count("submit") <= 5 + 4
    assert ended[state] == service.count("submit")
    assert set(ended) <= {state, "pending"}
    assert isinstance(outcomes.stopped_by, NoResultsError)
    assert (outcomes.stopped_by.bound, outcomes.stopped_by.count) == ("max_futile", 5)
    assert isinstance(outcomes.stopped_by.example, SwapError)
    assert str(outcomes.stopped_by.example) in str(outcomes.stopped_by)
    assert outcomes.committed_usd == pytest.approx(service.count("submit") * PRICE_USD)
    assert str(pickle.loads(pickle.dumps(outcomes.stopped_by))) == str(outcomes.stopped_by)


@pytest.mark.parametrize("status", [403, 404])
async def test_pictures_that_cannot_be_fetched_stop_a_batch(status: int, tmp_path: Path) -> None:
    service = emulator(faults=[Fault(on="file", status=status)])
    ended, outcomes = await _run(service, 200, {"save_to": tmp_path, "concurrency": 2})
    assert 5 <= ended["completed"] == service.count("submit") <= 5 + 2
    assert isinstance(outcomes.stopped_by, NoResultsError)


async def test_pictures_that_cannot_be_saved_stop_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, saved = emulator(), 0

    def full(path: Path, data: bytes, *, temporary: Path) -> None:
        nonlocal saved
        saved += 1
        if saved > 3:
            raise OSError(28, "No space left on device")
        whole(path, data, temporary=temporary)

    whole = output_files.create_atomically
    monkeypatch.setattr(output_files, "create_atomically", full)
    ended, outcomes = await _run(service, 60, {"save_to": tmp_path, "concurrency": 1})
    assert ended["saved"] == 3
    assert 5 <= ended["completed"] <= 6
    assert isinstance(outcomes.stopped_by, NoResultsError)


async def test_twenty_failed_swaps_in_a_row_stop_a_batch() -> None:
    service = emulator(faults=[Fault(on="poll", status=200, body=FAILS)])
    ended, outcomes = await _run(service, 200, {"concurrency": 4})
    assert 20 <= service.count("submit") == ended["failed"] <= 20 + 4
    assert isinstance(outcomes.stopped_by, NoResultsError)
    assert outcomes.stopped_by.bound == "max_failed"


async def test_a_good_ending_starts_the_count_anew() -> None:
    wrong = [number for number in range(1, 41) if number % 5]
    service = emulator(faults=[Fault(on="submit", malformed="html", calls=wrong)])
    ended, outcomes = await _run(service, 40, {"concurrency": 1})
    assert ended == {"unknown": 32, "completed": 8}
    assert outcomes.stopped_by is None


@pytest.mark.parametrize(("option", "bound"), [("max_futile", 2), ("max_futile", None), ("max_failed", 3)])
async def test_the_bounds_are_options(option: str, bound: int | None) -> None:
    fault = (
        Fault(on="submit", malformed="html")
        if option == "max_futile"
        else Fault(on="poll", status=200, body=FAILS)
    )
    service = emulator(faults=[fault])
    _, outcomes = await _run(service, 30, {option: bound, "concurrency": 1})
    assert (outcomes.stopped_by is None) is (bound is None)
    assert service.count("submit") <= (30 if bound is None else bound + 1)


@pytest.mark.parametrize("option", ["max_futile", "max_failed"])
@pytest.mark.parametrize("bound", [0, -1, 1.5, True, "5"])
async def test_a_bound_that_is_no_whole_number_is_refused(option: str, bound: Any) -> None:
    async with client_of(emulator()) as client:
        with pytest.raises(ConfigurationError, match=option):
            client.swap_many(swaps_of(1), **{option: bound})


async def test_the_same_batch_goes_on_from_zero_and_what_was_settled_before_counts_for_nothing() -> None:
    service, journal = emulator(faults=[Fault(on="submit", malformed="html")]), Journal(":memory:")
    for run in (1, 2, 3):
        _, outcomes = await _run(service, 60, {"journal": journal, "concurrency": 1})
        assert isinstance(outcomes.stopped_by, NoResultsError)
        assert 5 * run <= service.count("submit") <= 6 * run
    service.withdraw_all()
    ended, outcomes = await _run(service, 60, {"journal": journal, "concurrency": 1})
    assert outcomes.stopped_by is None
    assert ended["completed"] >= 60 - 18


async def test_waits_of_earlier_runs_count_for_nothing() -> None:
    service, journal = emulator(faults=[Fault(on="poll", status=500)]), Journal(":memory:")
    await _run(service, 8, {"journal": journal, "max_futile": None}, timeout=20.0)
    assert journal.summary().states == {S.ACCEPTED: 8}
    service.withdraw_all()
    service.inject(Fault(on="poll", status=404, calls=_Old(service.count("submit"))))
    ended, outcomes = await _run(service, 9, {"journal": journal})
    assert outcomes.stopped_by is None
    assert len(service.ledger) == 9
    assert ended.get("pending") is None


class _Old:
    """The polls of the first seconds: those of the jobs of the earlier run."""

    def __init__(self, jobs: int) -> None:
        self._left = 4 * jobs

    def __contains__(self, number: object) -> bool:
        self._left -= 1
        return self._left >= 0


async def test_requests_in_the_gate_are_withdrawn_when_a_batch_stops() -> None:
    service = emulator(faults=[Fault(on="submit", malformed="html")])
    limit = RateLimit(requests_per_minute=6)
    with anyio.fail_after(300):
        ended, outcomes = await _run(service, 200, {"concurrency": 32}, rate_limit=limit)
    assert isinstance(outcomes.stopped_by, NoResultsError)
    assert service.count("submit") == ended["unknown"] == 5, "one at a time is on the wire"
    assert ended["pending"] <= 32


async def test_the_reason_is_in_the_outcomes_that_were_not_started_and_in_their_json() -> None:
    service = emulator(faults=[Fault(on="submit", malformed="html")])
    async with client_of(service) as client:
        outcomes = await client.swap_all(swaps_of(30), concurrency=2)
    pending = [outcome for outcome in outcomes if outcome.state is S.PENDING]
    assert all(isinstance(outcome.error, NoResultsError) for outcome in pending)
    told = json.loads(pending[0].model_dump_json())["error"]
    assert (told["error"], told["bound"], told["count"]) == ("NoResultsError", "max_futile", 5)
    again = type(pending[0]).model_validate_json(pending[0].model_dump_json())
    assert str(again.error) == str(pending[0].error)


async def test_what_was_on_the_wire_ends_with_its_own_error() -> None:
    service = emulator(faults=[Fault(on="submit", malformed="html")])
    async with client_of(service) as client, client.swap_many(swaps_of(50), concurrency=8) as outcomes:
        unknown = [outcome async for outcome in outcomes if outcome.state is S.UNKNOWN]
    assert len(unknown) > 5
    assert all("answered 200 without a poll URL" in str(outcome.error) for outcome in unknown)
