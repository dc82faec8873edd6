"""Unknown swaps, looked for in every history that a service may keep: found for free, never paid twice."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segmind_swap import (
    ConfigurationError,
    HistoryVerdict,
    Journal,
    OutcomeState,
    ReconciledSwap,
    Reconciliation,
    SwapClient,
    SwapRequest,
)
from segmind_swap._batch.reconcile.runner import reconcile
from segmind_swap.emulator import (
    Acceptance,
    Emulator,
    Fault,
    HistoryPage,
    HistoryPages,
    HistoryRow,
    HistoryTime,
    PollPath,
)

from ..conftest import VirtualTimeLoop
from ..support.batches import client_of, emulator, run

S, V = OutcomeState, HistoryVerdict
NEVER = 1e9
JOB_TIME = 70.0

BILLED: dict[str, Any] = {"cut": "after-body"}
UNBILLED: dict[str, Any] = {"cut": "after-body", "accepts": False}
SITUATIONS: dict[str, tuple[str, list[dict[str, Any] | None]]] = {
    # The swap's id, its pictures, and what becomes of each of its POSTs.
    "billed": ("a", [BILLED]),
    "not billed": ("b", [UNBILLED]),
    "billed twice": ("c", [{"status": 504, "accepts": True}, BILLED]),
    "one of two, billed": ("d", [BILLED]),
    "one of two, not billed": ("d", [UNBILLED]),
    "both of two, first": ("e", [BILLED]),
    "both of two, second": ("e", [BILLED]),
    "answered": ("f", [None]),
}
IF_ALL_IS_LISTED = {
    "billed": V.FOUND,
    "not billed": V.NOT_LISTED,
    "billed twice": V.SEVERAL,
    "one of two, billed": V.UNCLEAR,
    "one of two, not billed": V.UNCLEAR,
    "both of two, first": V.FOUND,
    "both of two, second": V.FOUND,
}
SHAPES = [
    *itertools.product(get_args(HistoryPage), get_args(HistoryRow), ["iso"]),
    *itertools.product(["data"], ["documented", "text"], get_args(HistoryTime)),
]


def requests() -> list[SwapRequest]:
    return [
        SwapRequest(
            id=name,
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/{pictures}.png",
        )
        for name, (pictures, _) in SITUATIONS.items()
    ]


async def after_the_faults(**switches: Any) -> tuple[Emulator, Journal]:
    """A batch whose swaps are in all situations, one after the other."""
    fates = [fate for _, posts in SITUATIONS.values() for fate in posts]
    faults = [Fault(on="submit", calls=(n,), **fate) for n, fate in enumerate(fates, 1) if fate is not None]
    service, journal = emulator(faults=faults, duration=JOB_TIME, **switches), Journal(":memory:")
    options = {"journal": journal, "concurrency": 1, "max_futile": None}
    outcomes = await run(service, requests(), options)
    assert Counter(outcome.state for outcome in outcomes) == {S.UNKNOWN: 7, S.COMPLETED: 1}
    return service, journal


async def reconciled(service: Emulator, journal: Journal, **options: Any) -> Reconciliation:
    async with client_of(service) as client:
        return await client.reconcile(journal, **options)


def verdicts(found: Reconciliation) -> dict[str, HistoryVerdict]:
    return {swap.id: swap.verdict for swap in found.swaps}


async def assert_nothing_is_paid_again(service: Emulator, journal: Journal, found: Reconciliation) -> None:
    """The next run makes the pictures of what was found, submits nothing, and gives no job to two swaps."""
    billed = service.ledger
    outcomes = await run(service, requests(), {"journal": journal, "concurrency": 4})
    assert service.count("submit") == len(SITUATIONS) + 1
    assert [charge.request_id for charge in service.ledger] == [charge.request_id for charge in billed]
    adopted = {swap.id for swap in found.swaps if swap.adopted}
    assert {o.request.id for o in outcomes if o.state is S.COMPLETED} == {*adopted, "answered"}
    assert Counter(o.state for o in outcomes)[S.UNKNOWN] == 7 - len(adopted)
    jobs = [outcome.job.request_id for outcome in outcomes if outcome.job is not None]
    assert len(set(jobs)) == len(jobs)
    scenes = {charge.request_id: charge.character_image for charge in service.ledger}
    for outcome in outcomes:
        if outcome.job is not None:
            assert scenes[outcome.job.request_id or ""] == outcome.request.character_image


@pytest.mark.parametrize(("page", "row", "time"), SHAPES)
async def test_every_shape_of_a_history_is_read_and_nothing_is_paid_twice(
    page: HistoryPage, row: HistoryRow, time: HistoryTime
) -> None:
    service, journal = await after_the_faults(history_page=page, history_row=row, history_time=time)
    dry = await reconciled(service, journal)
    assert not dry.applied
    assert len([*journal.outcomes(S.UNKNOWN)]) == 7, "a dry run changes nothing"
    found = await reconciled(service, journal, apply=True)
    assert verdicts(found) == verdicts(dry)
    if time == "none":
        assert verdicts(found) == {
            name: V.NOT_LISTED if name == "not billed" else V.UNCLEAR for name in IF_ALL_IS_LISTED
        }
    else:
        assert verdicts(found) == IF_ALL_IS_LISTED
    await assert_nothing_is_paid_again(service, journal, found)


@pytest.mark.parametrize("row", get_args(HistoryRow))
async def test_a_job_that_still_runs_is_found_if_the_history_says_where_to_ask(row: HistoryRow) -> None:
    fault = Fault(on="submit", calls=(1,), **BILLED)
    service, journal = emulator(faults=[fault], duration=JOB_TIME, history_row=row), Journal(":memory:")
    await run(service, requests()[:1], {"journal": journal})
    (swap,) = (await reconciled(service, journal, apply=True)).swaps
    is_told = row in {"poll", "status-url"}
    assert (swap.verdict, swap.adopted) == ((V.FOUND, True) if is_told else (V.UNCLEAR, False))
    assert ("still runs: ask again when it is done" in swap.reason) is not is_told
    # Later, the history names the picture, or an answer to a poll does.
    await anyio.sleep(JOB_TIME)
    await reconciled(service, journal, apply=True)
    (outcome,) = await run(service, requests()[:1], {"journal": journal})
    expected = S.COMPLETED if row != "bare" else S.UNKNOWN
    assert (outcome.state, len(service.ledger)) == (expected, 1)


@pytest.mark.parametrize("acceptance", get_args(Acceptance))
@pytest.mark.parametrize("path", get_args(PollPath))
async def test_a_swap_of_the_same_pictures_whose_job_is_known_keeps_its_request(
    acceptance: Acceptance, path: PollPath
) -> None:
    fault = Fault(on="submit", calls=(2,), **BILLED)
    service = emulator(
        faults=[fault], duration=JOB_TIME, acceptance=acceptance, poll_path=path, urls="unencoded"
    )
    journal, twins = Journal(":memory:"), requests()[5:7]
    await run(service, twins, {"journal": journal, "concurrency": 1})
    await anyio.sleep(JOB_TIME)
    (swap,) = (await reconciled(service, journal, apply=True)).swaps
    assert (swap.id, swap.job and swap.job.request_id) == (twins[1].id, service.ledger[1].request_id)
    outcomes = await run(service, twins, {"journal": journal})
    assert ([outcome.state for outcome in outcomes], len(service.ledger)) == ([S.COMPLETED] * 2, 2)


@pytest.mark.parametrize(
    ("switches", "verdict", "incomplete"),
    [
        ({"lists_history": False}, V.NOT_LISTED, False),
        ({"history_delay": NEVER}, V.NOT_LISTED, False),
        ({"history_page_size": 1}, V.FOUND, False),
        ({"history_page_size": 3, "history_page": "list"}, V.FOUND, False),
        ({"history_pages": "repeated"}, V.FOUND, False),
        ({"history_pages": "repeated", "history_page": "list"}, V.FOUND, True),
        ({"history_pages": "repeated", "history_page_size": 1}, V.NOT_LISTED, True),
    ],
)
async def test_a_history_that_is_late_cut_or_without_workflows_decides_nothing_by_itself(
    switches: dict[str, Any], verdict: HistoryVerdict, incomplete: bool
) -> None:
    service, journal = await after_the_faults(**switches)
    found = await reconciled(service, journal, apply=True)
    assert verdicts(found)["billed"] is verdict
    assert bool(found.incomplete) is incomplete
    assert found.may_resubmit == 0, "whatever is not listed, nothing is proven"
    for swap in found.swaps:
        assert (swap.verdict is V.NOT_LISTED) is bool(swap.missing_proof)
    await assert_nothing_is_paid_again(service, journal, found)


async def test_a_person_chooses_among_several_and_where_nobody_else_can_tell() -> None:
    service, journal = await after_the_faults()
    dry = {swap.id: swap for swap in (await reconciled(service, journal)).swaps}
    twice, one, other = (
        dry[name] for name in ("billed twice", "one of two, billed", "one of two, not billed")
    )
    assert (len(twice.request_ids), len(one.request_ids)) == (2, 1)
    found_one = dry["billed"].request_ids[0]
    for wrong, words in (
        ({"nobody": found_one}, "is no unknown swap"),
        ({"answered": found_one}, "is no unknown swap"),
        ({"billed twice": found_one}, "cannot be the request of 'billed twice'"),
        ({"billed twice": "made up"}, "cannot be the request"),
        ({one.id: one.request_ids[0], other.id: one.request_ids[0]}, "is the request of two swaps"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            await reconciled(service, journal, apply=True, chosen=wrong)
    assert len([*journal.outcomes(S.UNKNOWN)]) == 7
    chosen = {"billed twice": twice.request_ids[1], one.id: one.request_ids[0], "billed": found_one}
    found = await reconciled(service, journal, apply=True, chosen=chosen)
    assert {swap.id: swap.job.request_id for swap in found.swaps if swap.job}.items() >= chosen.items()
    assert {swap.id for swap in found.undecided} == {"not billed", other.id}
    await assert_nothing_is_paid_again(service, journal, found)


FATES = st.sampled_from(["answered", "billed", "not billed", "504 billed", "late", "html"])
FAULTS: dict[str, dict[str, Any]] = {
    "billed": BILLED,
    "not billed": UNBILLED,
    "504 billed": {"status": 504, "accepts": True},
    "late": {"delay": 400.0},
    "html": {"malformed": "html"},
}
SWITCHES = st.fixed_dictionaries(
    {
        "history_page": st.sampled_from(get_args(HistoryPage)),
        "history_row": st.sampled_from(get_args(HistoryRow)),
        "history_time": st.sampled_from(get_args(HistoryTime)),
        "history_pages": st.sampled_from(get_args(HistoryPages)),
        "history_page_size": st.sampled_from([1, 2, 100]),
        "history_delay": st.sampled_from([0.0, 300.0]),
        "lists_history": st.sampled_from([True, True, False]),
    }
)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), FATES), min_size=1, max_size=8),
    SWITCHES,
    st.lists(st.sampled_from([0.0, 100.0, 400.0]), min_size=1, max_size=3),
)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate]
)
def test_whatever_became_of_the_posts_one_job_is_that_of_one_swap_and_no_post_is_sent_again(
    fates: list[tuple[str, str]], switches: dict[str, Any], waits: list[float]
) -> None:
    inputs = [
        SwapRequest(
            id=f"s{number}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/{pictures}.png",
        )
        for number, (pictures, _) in enumerate(fates)
    ]
    faults = [
        Fault(on="submit", calls=(number,), **FAULTS[fate])
        for number, (_, fate) in enumerate(fates, 1)
        if fate != "answered"
    ]

    async def work() -> None:
        service, journal = emulator(faults=faults, duration=JOB_TIME, **switches), Journal(":memory:")
        options = {"journal": journal, "concurrency": 1, "max_futile": None}
        await run(service, inputs, options)
        posts, billed = service.count("submit"), [charge.request_id for charge in service.ledger]
        for wait in waits:
            await anyio.sleep(wait)
            await reconciled(service, journal, apply=True)
        outcomes = await run(service, inputs, options)
        assert (service.count("submit"), [c.request_id for c in service.ledger]) == (posts, billed)
        scenes = {charge.request_id: charge.character_image for charge in service.ledger}
        jobs = [(o.request.character_image, o.job.request_id) for o in outcomes if o.job is not None]
        assert len({id for _, id in jobs}) == len(jobs)
        assert all(scenes[id or ""] == scene for scene, id in jobs)

    anyio.run(work, backend_options={"loop_factory": VirtualTimeLoop})


# Paying again, with proof


def hours_later(hours: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(hours=hours)


async def resubmitted(
    service: Emulator, journal: Journal, number: int | None, *, hours: float = 3.0, apply: bool = True
) -> Reconciliation:
    async with client_of(service) as client:
        session, _ = client._started()
        return await reconcile(session, journal, apply=apply, resubmit_missing=number, now=hours_later(hours))


async def with_a_job_that_runs(**switches: Any) -> tuple[Emulator, Journal]:
    """A swap that was not billed, a swap that was answered later, and a job that still runs."""
    fault = Fault(on="submit", calls=(1,), **UNBILLED)
    service, journal = emulator(faults=[fault], duration=JOB_TIME, **switches), Journal(":memory:")
    lost, later, running = requests()[1], requests()[-1], requests()[0]
    await run(service, [lost], {"journal": journal})
    await run(service, [later], {"journal": journal})
    (outcome,) = await run(service, [running], {"journal": journal}, timeout=10.0)
    assert outcome.state is S.ACCEPTED
    return service, journal


async def test_a_swap_that_is_proven_not_to_be_listed_is_paid_once_more_if_its_number_is_typed() -> None:
    service, journal = await with_a_job_that_runs()
    dry = await resubmitted(service, journal, 1, apply=False)
    assert [(swap.id, swap.verdict, swap.missing_proof) for swap in dry.swaps] == [
        ("not billed", V.NOT_LISTED, ())
    ]
    assert (dry.may_resubmit, [*journal.outcomes(S.PENDING)]) == (1, [])
    for wrong in (0, 2):
        with pytest.raises(ConfigurationError, match=f"1 swaps may be submitted again, not {wrong}"):
            await resubmitted(service, journal, wrong)
    assert not (await resubmitted(service, journal, None)).swaps[0].resubmitted
    assert len([*journal.outcomes(S.UNKNOWN)]) == 1
    assert (await resubmitted(service, journal, 1)).swaps[0].resubmitted
    outcomes = await run(service, requests()[:2], {"journal": journal})
    assert Counter(outcome.state for outcome in outcomes)[S.COMPLETED] >= 2
    assert (len(service.ledger), service.paid_twice()) == (3, [])


@pytest.mark.parametrize(
    ("switches", "hours", "missing"),
    [
        ({}, 1.9, {"the submit is not more than 2 hours ago"}),
        (
            {"history_row": "bare", "history_pages": "repeated", "history_page": "list"},
            3.0,
            {"not every page"},
        ),
        ({"lists_history": False}, 3.0, {"accepted later, with the same key", "while it still runs"}),
        ({"history_delay": 60.0}, 3.0, {"while it still runs"}),
        ({"history_delay": NEVER}, 3.0, {"accepted later, with the same key", "while it still runs"}),
    ],
)
async def test_without_one_proof_nothing_is_paid_again_and_the_proof_is_named(
    switches: dict[str, Any], hours: float, missing: set[str]
) -> None:
    service, journal = await with_a_job_that_runs(**switches)
    found = await resubmitted(service, journal, 0, hours=hours)
    swap: ReconciledSwap
    (swap,) = found.swaps
    assert len(swap.missing_proof) == len(missing)
    assert all(any(words in text for text in swap.missing_proof) for words in missing)
    with pytest.raises(ConfigurationError):
        await resubmitted(service, journal, 1, hours=hours)
    assert len([*journal.outcomes(S.UNKNOWN)]) == 1


@pytest.mark.parametrize(("later_key", "proves"), [("key-one", True), ("key-two", False)])
async def test_a_job_that_was_submitted_with_another_key_proves_nothing(later_key: str, proves: bool) -> None:
    fault = Fault(on="submit", calls=(1,), **UNBILLED)
    service = emulator(faults=[fault], duration=JOB_TIME, api_key=None)
    journal = Journal(":memory:")

    def with_key(key: str, **more: Any) -> SwapClient:
        transport = httpx.ASGITransport(app=service.app)
        return SwapClient(key, base_url="http://127.0.0.1", transport=transport, **more)

    async with with_key("key-one") as client:
        await client.swap_all([requests()[1]], journal=journal)
    async with with_key(later_key) as client:
        await client.swap_all([requests()[-1]], journal=journal)
    async with with_key(later_key, timeout=10.0) as client:
        await client.swap_all([requests()[0]], journal=journal)
        session, _ = client._started()
        (swap,) = (
            await reconcile(session, journal, apply=False, resubmit_missing=None, now=hours_later(3.0))
        ).swaps
    assert (not any("with the same key" in text for text in swap.missing_proof)) is proves
