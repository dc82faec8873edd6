"""`once_per_picture`: of the inputs with the same pictures, one is paid for, and the others get copies."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from segmind_swap import (
    PRICE_USD,
    Accepted,
    BudgetExceededError,
    Event,
    ImageError,
    Journal,
    OriginalNotDoneError,
    OutcomeState,
    Saved,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._swap.uploads import Uploads
from segmind_swap.emulator import Fault

from ...support.batches import (
    broken_from,
    client_of,
    crashed,
    emulator,
    run,
    scenes_paid,
    states,
    swap_of,
    swaps_of,
)
from ...support.pictures import encoded

S = OutcomeState
SCENE = "https://pictures.example/0.png"
FAILS = Fault(on="poll", calls=(1,), status=200, body={"status": "FAILED", "error": "no"})


def copies_of(first: int, count: int) -> list[SwapRequest]:
    """Inputs with ids of their own, and the pictures of the input 0."""
    return [swap_of(number, character_image=SCENE) for number in range(first, first + count)]


def once(journal: Journal | Path | None = None, **options: Any) -> dict[str, Any]:
    return {"once_per_picture": True, "journal": journal or Journal(":memory:"), **options}


def by_id(outcomes: list[SwapOutcome]) -> dict[str | None, SwapOutcome]:
    return {outcome.request.id: outcome for outcome in outcomes}


async def test_equal_pictures_are_paid_once_and_the_copies_cost_nothing(tmp_path: Path) -> None:
    service, journal = emulator(), tmp_path / "run.db"
    requests = [*copies_of(0, 4), swap_of(9)]
    outcomes = await run(service, requests, once(journal, save_to=tmp_path / "out"))
    assert states(outcomes) == {"saved": 5}
    assert scenes_paid(service) == {"0.png": 1, "9.png": 1}
    assert service.count("submit") == 2
    saved = by_id(outcomes)
    (payer,) = {outcome.unwrap().copy_of for outcome in outcomes} - {None}
    assert payer is not None
    for number in range(4):
        result = saved[f"s{number}"].unwrap()
        assert result.path == tmp_path / "out" / f"s{number}.png"
        assert result.path.read_bytes() == (tmp_path / "out" / f"{payer}.png").read_bytes()
        assert result.path.stat().st_nlink == 1, "a change of one file does not change another"
        assert result.job == saved[payer].job
        if f"s{number}" != payer:
            assert (result.copy_of, result.cost_usd) == (payer, 0.0)
    assert Journal(journal).summary().committed_usd == pytest.approx(2 * PRICE_USD)


async def test_without_the_option_each_input_is_paid() -> None:
    service = emulator()
    assert states(await run(service, copies_of(0, 3), {})) == {"completed": 3}
    assert len(service.ledger) == 3


async def test_another_reference_or_another_scene_is_another_swap() -> None:
    service = emulator()
    other = swap_of(
        1, reference_character_image="https://pictures.example/villain.png", character_image=SCENE
    )
    assert states(await run(service, [*swaps_of(1), other, swap_of(2)], once())) == {"completed": 3}
    assert len(service.ledger) == 3


async def test_bytes_and_files_with_the_same_content_are_the_same_pictures(tmp_path: Path) -> None:
    service, picture = emulator(), encoded("PNG", (64, 48))
    file, link = tmp_path / "scene.png", tmp_path / "other.png"
    file.write_bytes(picture)
    link.symlink_to(file)
    requests = [
        swap_of(number, character_image=image, id=None)
        for number, image in enumerate((picture, str(file), str(link)))
    ]
    outcomes = await run(service, requests, {"once_per_picture": True})
    assert states(outcomes) == {"completed": 3}
    assert len(service.ledger) == 1
    assert sorted(str(outcome.unwrap().copy_of) for outcome in outcomes) == ["", "", "None"]


async def test_copies_that_wait_hold_no_slot() -> None:
    service, accepted_at = emulator(), dict[str | None, float]()

    def on_event(event: Event) -> None:
        if isinstance(event, Accepted):
            accepted_at[event.id] = anyio.current_time()

    requests = [*copies_of(0, 8), swap_of(8)]
    outcomes = await run(service, requests, once(concurrency=2), on_event=on_event)
    assert states(outcomes) == {"completed": 9}
    first, second = sorted(accepted_at.values())
    assert second - first < 35.0, "the last input was submitted while the first swap ran"


async def test_more_copies_than_may_wait_without_a_slot_keep_their_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segmind_swap._batch.known.payers._WAITING", 2)
    service = emulator()
    outcomes = await run(service, [*copies_of(0, 30), *swaps_of(40)[30:]], once(concurrency=3))
    assert states(outcomes) == {"completed": 40}
    assert len(service.ledger) == 11


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(on="submit", calls=(1,), status=400), S.REJECTED),
        (FAILS, S.FAILED),
        (Fault(on="submit", calls=(1,), cut="after-body"), S.UNKNOWN),
    ],
)
async def test_copies_of_a_swap_without_a_result_stay_pending_and_name_it(fault: Fault, state: S) -> None:
    service, journal = emulator(faults=[fault]), Journal(":memory:")
    outcomes = await run(service, copies_of(0, 3), once(journal))
    assert states(outcomes) == {state: 1, "pending": 2}
    assert service.count("submit") == 1
    (payer,) = (outcome.request.id for outcome in outcomes if outcome.state is state)
    for outcome in outcomes:
        if outcome.request.id != payer:
            assert isinstance(outcome.error, OriginalNotDoneError)
            assert (outcome.error.original_id, outcome.error.original_state) == (payer, state)
            assert repr(payer) in str(outcome.error)
    again = await run(service, copies_of(0, 3), once(journal))
    if state is S.UNKNOWN:
        assert states(again) == {"unknown": 1, "pending": 2}, "it may be paid: a person decides"
        assert service.count("submit") == 1
    else:
        assert states(again) == {state: 1, "completed": 2}
        assert service.count("submit") == 2, "one of the copies was paid for"


async def test_copies_of_an_unknown_swap_go_on_when_a_person_has_decided() -> None:
    service = emulator(faults=[Fault(on="submit", calls=(1,), cut="after-body")])
    journal = Journal(":memory:")
    outcomes = await run(service, copies_of(0, 3), once(journal))
    (unknown,) = (str(outcome.request.id) for outcome in outcomes if outcome.state is S.UNKNOWN)
    journal.abandon(unknown)
    again = await run(service, copies_of(0, 3), once(journal))
    assert states(again) == {"abandoned": 1, "completed": 2}
    assert service.count("submit") == 2


async def test_a_copy_that_comes_later_in_the_run_does_not_pay_for_what_failed() -> None:
    service = emulator(faults=[FAILS])
    outcomes = await run(service, copies_of(0, 3), once(concurrency=1))
    assert [outcome.state for outcome in outcomes] == [S.FAILED, S.PENDING, S.PENDING]
    assert service.count("submit") == 1


async def test_a_later_run_copies_what_an_earlier_run_has_paid(tmp_path: Path) -> None:
    service, out, journal = emulator(), tmp_path / "out", tmp_path / "run.db"
    await run(service, swaps_of(1), once(journal, save_to=out))
    downloads = service.count("file")
    outcomes = await run(service, copies_of(0, 3), once(journal, save_to=out))
    assert states(outcomes) == {"saved": 3}
    assert len(service.ledger) == 1
    assert service.count("file") == downloads, "the picture is on the disk already"
    assert {path.name for path in out.iterdir()} == {"s0.png", "s1.png", "s2.png"}


async def test_a_picture_that_is_gone_from_the_disk_is_fetched_again(tmp_path: Path) -> None:
    service, out, journal = emulator(), tmp_path / "out", tmp_path / "run.db"
    await run(service, swaps_of(1), once(journal, save_to=out))
    (out / "s0.png").unlink()
    outcomes = await run(service, copies_of(1, 1), once(journal, save_to=out))
    assert states(outcomes) == {"saved": 1}
    assert len(service.ledger) == 1


async def test_copies_wait_for_the_job_of_an_earlier_run() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "poll", 1)
    assert left.summary().states == {S.ACCEPTED: 1}
    requests = [*copies_of(1, 3), *swaps_of(1)]
    outcomes = await run(service, requests, once(left))
    assert states(outcomes) == {"completed": 4}
    assert len(service.ledger) == 1
    assert {outcome.unwrap().copy_of for outcome in outcomes} == {None, "s0"}


async def test_copies_of_a_job_of_an_earlier_run_that_fails_stay_pending() -> None:
    service = emulator(faults=[FAILS])
    left = await crashed(service, swaps_of(1), "poll", 1)
    outcomes = await run(service, [*copies_of(1, 2), *swaps_of(1)], once(left))
    assert states(outcomes) == {"pending": 2, "failed": 1}
    assert len(service.ledger) == 1


async def test_a_copy_of_a_submit_that_a_crash_has_left_in_doubt_is_not_sent() -> None:
    service = emulator()
    left = await crashed(service, swaps_of(1), "submit", 1, after=True)
    outcomes = by_id(await run(service, [*copies_of(1, 2), *swaps_of(1)], once(left)))
    assert (outcomes["s0"].state, outcomes["s1"].state) == (S.UNKNOWN, S.PENDING)
    assert isinstance(outcomes["s1"].error, OriginalNotDoneError)
    assert len(service.ledger) == 1


async def test_a_used_up_budget_stops_the_copies_with_its_own_reason() -> None:
    service = emulator()
    outcomes = await run(service, [swap_of(9), *copies_of(0, 3)], once(budget_usd=0.2))
    assert states(outcomes)["completed"] in {1, 3}
    for outcome in outcomes:
        assert outcome.ok or isinstance(outcome.error, BudgetExceededError)
    assert len(service.ledger) == 1


async def test_a_budget_for_one_swap_is_enough_for_all_its_copies() -> None:
    service = emulator()
    outcomes = await run(service, copies_of(0, 20), once(budget_usd=PRICE_USD, concurrency=4))
    assert states(outcomes) == {"completed": 20}
    assert len(service.ledger) == 1


async def test_a_copy_never_replaces_a_file(tmp_path: Path) -> None:
    service, out = emulator(), tmp_path / "out"
    out.mkdir()
    (out / "s1.png").write_bytes(b"mine")
    outcomes = by_id(await run(service, copies_of(0, 3), once(save_to=out)))
    assert (outcomes["s0"].state, outcomes["s1"].state, outcomes["s2"].state) == (
        S.SAVED,
        S.REJECTED,
        S.SAVED,
    )
    assert (out / "s1.png").read_bytes() == b"mine"


async def test_a_copy_that_cannot_be_recorded_is_pending_and_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, out, journal = emulator(), tmp_path / "out", Journal(":memory:")
    await run(service, swaps_of(1), once(journal, save_to=out))
    broken_from(5, monkeypatch)  # after begin_run, the price, the inputs, and its own row
    (outcome,) = await run(service, copies_of(1, 1), once(journal, save_to=out))
    assert outcome.state is S.PENDING
    assert not (out / "s1.png").exists()
    monkeypatch.undo()
    (outcome,) = await run(service, copies_of(1, 1), once(journal, save_to=out))
    assert outcome.state is S.SAVED
    assert len(service.ledger) == 1


async def test_if_nothing_was_sent_for_the_first_input_the_next_one_is_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, url_of, calls = emulator(), Uploads.url_of, 0

    async def failing_once(self: Uploads, image: Any, *, swap: int | None) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await anyio.sleep(5)  # the others wait meanwhile
            raise ImageError("the picture was changed", image="scene.png")
        return await url_of(self, image, swap=swap)

    monkeypatch.setattr(Uploads, "url_of", failing_once)
    outcomes = await run(service, copies_of(0, 3), once())
    assert states(outcomes) == {"rejected": 1, "completed": 2}
    assert len(service.ledger) == 1


async def test_a_swap_that_failed_is_retried_once_for_all_its_copies() -> None:
    service = emulator(faults=[FAILS])
    journal = Journal(":memory:")
    await run(service, copies_of(0, 3), once(journal))
    outcomes = await run(service, copies_of(0, 3), once(journal, retry_failed=True))
    assert states(outcomes) == {"completed": 3}
    assert service.count("submit") == 2
    assert journal.summary().committed_usd == pytest.approx(2 * PRICE_USD), "the failed run, and the good one"


async def test_copies_do_not_count_as_endings_without_a_picture() -> None:
    service = emulator(faults=[FAILS])
    requests = [*copies_of(0, 9), *swaps_of(12)[9:]]
    outcomes = await run(service, requests, once(max_failed=2))
    assert states(outcomes) == {"failed": 1, "pending": 8, "completed": 3}


async def test_a_picture_is_told_as_saved_under_the_id_of_each_copy(tmp_path: Path) -> None:
    service, saved = emulator(), list[Path]()

    def on_event(event: Event) -> None:
        if isinstance(event, Saved):
            saved.append(event.path)

    await run(service, copies_of(0, 3), once(save_to=tmp_path), on_event=on_event)
    assert sorted(path.name for path in saved) == ["s0.png", "s1.png", "s2.png"]


async def test_a_batch_that_is_left_ends_its_copies_too() -> None:
    service = emulator()
    with anyio.fail_after(600):
        async with client_of(service) as client:
            async with client.swap_many(copies_of(0, 5), once_per_picture=True) as outcomes:
                await anyio.sleep(10)
            assert len(outcomes.unfinished) == 1
    assert len(service.ledger) == 1


async def test_a_stopped_batch_copies_what_was_paid(tmp_path: Path) -> None:
    service = emulator()
    async with (
        client_of(service) as client,
        client.swap_many(copies_of(0, 3), **once(save_to=tmp_path)) as outcomes,
    ):
        await anyio.sleep(20)
        outcomes.stop()
        found = [outcome async for outcome in outcomes]
    assert states(found) == {"saved": 3}


async def test_swap_all_has_the_option_too() -> None:
    service = emulator()
    async with client_of(service) as client:
        outcomes = await client.swap_all(copies_of(0, 3), once_per_picture=True)
    assert [outcome.request.id for outcome in outcomes] == ["s0", "s1", "s2"]
    assert len(service.ledger) == 1
