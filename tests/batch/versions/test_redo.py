"""A redo makes another version of swaps that are done, pays once for each, and loses nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import (
    BudgetExceededError,
    ConfigurationError,
    ImageError,
    Journal,
    JournalError,
    OutcomeState,
    RedoRequest,
    RetryPolicy,
    SwapClient,
    SwapOutcome,
)
from segmind_swap.emulator import Emulator, Fault

from ...support.batches import client_of, crashed, run, states, swap_of, swaps_of
from ...support.redone import entries_of, files, redone, service, versions
from ...support.sessions import png

S = OutcomeState
PRICE = 0.1522
FAILS = Fault(on="poll", status=200, body={"status": "FAILED", "error": "no face was found"})


async def batch(service: Emulator, journal: Journal, count: int = 2, **options: Any) -> list[SwapOutcome]:
    """A batch whose swaps are all done."""
    outcomes = await run(service, swaps_of(count), {"journal": journal, **options})
    assert all(outcome.ok for outcome in outcomes)
    return outcomes


def ids(outcomes: Sequence[SwapOutcome]) -> list[tuple[str | None, int, OutcomeState]]:
    return sorted((outcome.request.id, outcome.version, outcome.state) for outcome in outcomes)


async def test_a_redo_pays_for_the_named_swaps_and_the_batch_then_gives_the_new_version(
    tmp_path: Path,
) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, save_to=tmp_path)
    before = files(tmp_path)
    outcomes = await redone(emulator, ["s1"], journal=journal, save_to=tmp_path)
    assert ids(outcomes) == [("s1", 2, S.SAVED)]
    assert len(emulator.ledger) == 3
    after = files(tmp_path)
    assert sorted(after) == ["s0.png", "s1.png", "versions/s1.1.png"]
    assert after["versions/s1.1.png"] == before["s1.png"] != after["s1.png"]
    assert after["s0.png"] == before["s0.png"]
    assert journal.summary().states == {S.SAVED: 2}
    assert journal.summary().committed_usd == pytest.approx(3 * PRICE)
    again = await batch(emulator, journal, save_to=tmp_path)
    assert ids(again) == [("s0", 1, S.SAVED), ("s1", 2, S.SAVED)]
    assert [outcome.path for outcome in again if outcome.version == 2] == [tmp_path / "s1.png"]
    assert len(emulator.ledger) == 3
    assert files(tmp_path) == after
    first, _ = [entry for entry in entries_of(journal) if entry.id == "s1"]
    assert first.result is not None
    assert first.result.path == tmp_path / "versions" / "s1.1.png"


async def test_the_same_redo_again_pays_nothing_and_the_new_version_is_redone_by_its_name() -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    for _ in range(2):
        assert ids(await redone(emulator, ["s0", "s1"], journal=journal)) == [
            ("s0", 2, S.COMPLETED),
            ("s1", 2, S.COMPLETED),
        ]
    assert len(emulator.ledger) == 4
    assert ids(await redone(emulator, [RedoRequest(id="s1", version=2)], journal=journal)) == [
        ("s1", 3, S.COMPLETED)
    ]
    assert len(emulator.ledger) == 5
    with pytest.raises(ConfigurationError, match="name version 3, which is paid again"):
        await redone(emulator, ["s1"], journal=journal)
    assert len(emulator.ledger) == 5


async def test_a_redo_with_another_reference_keeps_the_input_and_says_what_it_was_made_with() -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    other = "https://pictures.example/hero2.png"
    await redone(emulator, ["s0"], journal=journal, reference_character_image=other)
    assert emulator.ledger[-1].reference_character_image == other
    (redone_one,) = [outcome for outcome in journal.outcomes() if outcome.version == 2]
    assert redone_one.request.reference_character_image == other
    assert states(await run(emulator, swaps_of(2), {"journal": journal})) == {"completed": 2}
    with pytest.raises(ConfigurationError, match="was redone already"):
        await redone(emulator, ["s0"], journal=journal)
    assert len(emulator.ledger) == 3
    await redone(emulator, [RedoRequest(id="s0", version=2)], journal=journal)
    assert emulator.ledger[-1].reference_character_image == other, "as the version that is redone"


@pytest.mark.parametrize("state", [S.PENDING, S.UNKNOWN, S.FAILED, S.ACCEPTED])
async def test_a_swap_that_is_not_done_is_not_redone_and_no_other_is_begun(state: OutcomeState) -> None:
    emulator = service()
    requests = swaps_of(2)
    if state is S.FAILED:
        journal = Journal(":memory:")
        emulator.inject(FAILS)
        await run(emulator, requests, {"journal": journal, "concurrency": 1})
        emulator.withdraw_all()
    else:
        kind, after = ("poll", False) if state is S.ACCEPTED else ("submit", True)
        at = {S.PENDING: 1, S.UNKNOWN: 2, S.ACCEPTED: 3}[state]
        options: dict[str, Any] = {"concurrency": 1} if state is not S.ACCEPTED else {}
        journal = await crashed(emulator, requests, kind, at, after=after, **options)
    paid = len(emulator.ledger)
    async with client_of(emulator) as client:
        with pytest.raises(ConfigurationError, match="cannot be redone"):
            async with client.redo(["s0", "s1"], journal=journal):
                raise AssertionError("the block was entered")
    assert len(emulator.ledger) == paid
    assert all(entry.version == 1 for entry in entries_of(journal))


async def test_a_swap_that_nobody_knows_is_named_and_nothing_is_begun() -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    refused: list[tuple[Any, str]] = [
        (["s0", "s7"], "there is no swap 's7' to redo; it has, for example, 's0'"),
        (["s-1"], "did you mean 's1'"),
        (["s0", "S0"], "given twice"),
        ([RedoRequest(id="s0", version=3)], "no version 3"),
        ("s0", "a redo takes a list of ids"),
        ([7], "a redo takes ids"),
    ]
    for swaps, words in refused:
        with pytest.raises(ConfigurationError, match=words):
            await redone(emulator, swaps, journal=journal)
    assert len(versions(journal)) == 2


@pytest.mark.parametrize("kind", ["submit", "poll", "file"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_redo_that_dies_is_finished_by_the_same_redo_and_pays_nothing_twice(
    tmp_path: Path, kind: str, after: bool
) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, 3, save_to=tmp_path)
    before = files(tmp_path)
    left = await crashed(
        emulator, ["s0", "s1"], kind, 1, after=after, journal=journal, redo=True, save_to=tmp_path
    )
    assert sum(version == 2 for _, version, _ in versions(left)) == 2, "both were begun before the first POST"
    outcomes = await redone(emulator, ["s0", "s1"], journal=left, save_to=tmp_path)
    assert len(outcomes) == 2
    unknown = [outcome for outcome in outcomes if outcome.state is S.UNKNOWN]
    assert len(unknown) in ({1, 2} if kind == "submit" else {0})
    assert states(outcomes)[S.SAVED.value] == 2 - len(unknown)
    paid = len(emulator.ledger)
    assert paid == 3 + 2 - len(unknown) + (after and kind == "submit")
    assert left.summary().committed_usd == pytest.approx(5 * PRICE)
    now = files(tmp_path)
    redone_ids = {outcome.request.id for outcome in outcomes} - {outcome.request.id for outcome in unknown}
    assert {name for name in now if name.startswith("versions/")} == {
        f"versions/{id}.1.png" for id in redone_ids
    }
    assert set(before.values()) <= set(now.values()), "no picture that was paid is lost"
    # The batch's own command submits nothing.
    assert len(await run(emulator, swaps_of(3), {"journal": left, "save_to": tmp_path})) == 3
    assert len(emulator.ledger) == paid
    assert files(tmp_path) == now


@pytest.mark.parametrize("kind", ["poll", "file"])
async def test_the_batchs_own_command_finishes_the_job_of_a_redo_and_gives_its_picture(
    tmp_path: Path, kind: str
) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, save_to=tmp_path)
    before = files(tmp_path)
    left = await crashed(emulator, ["s0"], kind, 1, journal=journal, redo=True, save_to=tmp_path)
    outcomes = await run(emulator, swaps_of(2), {"journal": left, "save_to": tmp_path})
    assert ids(outcomes) == [("s0", 2, S.SAVED), ("s1", 1, S.SAVED)]
    assert len(emulator.ledger) == 3
    now = files(tmp_path)
    assert now["versions/s0.1.png"] == before["s0.png"] != now["s0.png"]
    assert sorted(now) == ["s0.png", "s1.png", "versions/s0.1.png"]


async def test_a_job_of_a_redo_that_fails_leaves_the_version_before_to_the_batch(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, save_to=tmp_path)
    before = files(tmp_path)
    left = await crashed(emulator, ["s0"], "poll", 1, journal=journal, redo=True, save_to=tmp_path)
    emulator.inject(FAILS)
    outcomes = await run(emulator, swaps_of(2), {"journal": left, "save_to": tmp_path})
    assert ids(outcomes) == [("s0", 1, S.SAVED), ("s0", 2, S.FAILED), ("s1", 1, S.SAVED)]
    assert files(tmp_path) == before
    emulator.withdraw_all()
    assert ids(await redone(emulator, ["s0"], journal=left, save_to=tmp_path)) == [("s0", 2, S.FAILED)]
    assert len(emulator.ledger) == 3, "a version that failed is never paid again by itself"
    again = [RedoRequest(id="s0", version=2)]
    assert ids(await redone(emulator, again, journal=left, save_to=tmp_path)) == [("s0", 3, S.SAVED)]
    assert files(tmp_path)["versions/s0.1.png"] == before["s0.png"]
    assert left.summary().committed_usd == pytest.approx(4 * PRICE)


async def test_the_budget_counts_all_versions_and_what_is_left_is_finished_later() -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, 3)
    async with (
        client_of(emulator) as client,
        client.redo(["s0", "s1", "s2"], journal=journal, budget_usd=4.5 * PRICE, concurrency=1) as outcomes,
    ):
        found = [outcome async for outcome in outcomes]
        assert isinstance(outcomes.stopped_by, BudgetExceededError)
    assert len(emulator.ledger) == 4
    assert states(found)["completed"] == 1
    assert journal.summary().states == {S.COMPLETED: 3}
    found = await redone(emulator, ["s0", "s1", "s2"], journal=journal, budget_usd=6.5 * PRICE)
    assert states(found) == {"completed": 3}
    assert len(emulator.ledger) == 6


async def test_a_redo_leaves_the_inputs_that_the_batch_has_not_taken_to_the_batch() -> None:
    emulator = service()
    journal = await crashed(emulator, swaps_of(5), "submit", 3, concurrency=1)
    assert journal.summary().states[S.COMPLETED] == 2
    pending = journal.summary().states[S.PENDING]
    await redone(emulator, ["s0"], journal=journal)
    assert journal.summary().states[S.PENDING] == pending


async def test_strict_and_documented_redos_count_what_a_504_may_have_cost() -> None:
    for policy, paid in (("strict", 0), ("documented", 1)):
        emulator, journal = service(), Journal(":memory:")
        await batch(emulator, journal)
        emulator.inject(Fault(on="submit", status=504, accepts=False, times=1))
        settings = {"retry": RetryPolicy(submit=policy)}  # type: ignore[arg-type]
        (outcome,) = await redone(emulator, ["s0"], journal=journal, settings=settings)
        assert outcome.state is (S.COMPLETED if paid else S.UNKNOWN)
        assert journal.summary().committed_usd == pytest.approx((3 + paid) * PRICE)
        assert len(emulator.ledger) <= 3 + paid
        assert ids(await redone(emulator, ["s0"], journal=journal)) == ids([outcome])


async def test_pictures_are_read_again_and_bytes_must_be_given_again(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    (tmp_path / "scene.png").write_bytes(png(70))
    hero = png(71)
    request = swap_of(0, character_image=tmp_path / "scene.png", reference_character_image=hero)
    await run(emulator, [request], {"journal": journal})
    with pytest.raises(ConfigurationError, match=r"given as bytes.*give the reference again"):
        await redone(emulator, ["s0"], journal=journal)
    (tmp_path / "scene.png").rename(tmp_path / "moved.png")
    with pytest.raises(ConfigurationError, match=r"'s0' cannot be redone: .*scene\.png"):
        await redone(emulator, [RedoRequest(id="s0", reference_character_image=hero)], journal=journal)
    moved = RedoRequest(id="s0", reference_character_image=hero, character_image=str(tmp_path / "moved.png"))
    (outcome,) = await redone(emulator, [moved], journal=journal)
    assert outcome.ok
    (tmp_path / "moved.png").unlink()
    again = RedoRequest(id="s0", reference_character_image=hero, character_image=str(tmp_path / "moved.png"))
    with pytest.raises(ConfigurationError, match=r"moved\.png"):
        await redone(emulator, [again], journal=journal)
    assert len(emulator.ledger) == 2


async def test_a_picture_that_was_changed_is_not_taken_for_the_same(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    (tmp_path / "scene.png").write_bytes(png(70))
    await run(emulator, [swap_of(0, character_image=tmp_path / "scene.png")], {"journal": journal})
    (tmp_path / "scene.png").write_bytes(png(72))
    with pytest.raises(ConfigurationError, match="was changed since version 1 was made"):
        await redone(emulator, ["s0"], journal=journal)
    hero = "https://pictures.example/hero.png"
    (outcome,) = await redone(emulator, ["s0"], journal=journal, reference_character_image=hero)
    assert outcome.ok


async def test_an_open_file_is_the_reference_of_all_swaps(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    (tmp_path / "hero2.png").write_bytes(png(73))
    with (tmp_path / "hero2.png").open("rb") as reference:
        outcomes = await redone(emulator, ["s0", "s1"], journal=journal, reference_character_image=reference)
    assert states(outcomes) == {"completed": 2}
    assert len({charge.reference_character_image for charge in emulator.ledger[2:]}) == 1
    with pytest.raises(ImageError):
        await redone(emulator, ["s0"], journal=journal, reference_character_image=b"no picture")


async def test_a_redo_whose_pictures_are_gone_is_still_finished_when_it_was_submitted(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    scene = tmp_path / "scene.png"
    scene.write_bytes(png(70))
    await run(emulator, [swap_of(0, character_image=scene)], {"journal": journal})
    left = await crashed(emulator, ["s0"], "poll", 1, journal=journal, redo=True)
    scene.unlink()
    (outcome,) = await redone(emulator, ["s0"], journal=left)
    assert (outcome.state, outcome.version) == (S.COMPLETED, 2)
    assert len(emulator.ledger) == 2


async def test_a_name_that_another_file_has_taken_is_refused_before_the_redo_is_paid(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, save_to=tmp_path)
    (tmp_path / "s0.webp").write_bytes(b"somebody else's")
    (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert outcome.state is S.REJECTED
    assert len(emulator.ledger) == 2
    (tmp_path / "s0.webp").unlink()
    (tmp_path / "versions").rmdir()
    (tmp_path / "versions").write_bytes(b"no folder")
    (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert (outcome.state, len(emulator.ledger)) == (S.REJECTED, 2)
    assert "folder for the version before" in str(outcome.error)
    (tmp_path / "versions").unlink()
    (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert (outcome.state, len(emulator.ledger)) == (S.SAVED, 3)


async def test_a_redo_of_a_copy_is_paid_and_later_copies_are_still_free(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    scene = "https://pictures.example/same.png"
    requests = [swap_of(number, character_image=scene) for number in range(3)]
    options: dict[str, Any] = {"journal": journal, "save_to": tmp_path, "once_per_picture": True}
    await run(emulator, requests[:2], options)
    assert len(emulator.ledger) == 1
    outcomes = await redone(emulator, ["s0", "s1"], journal=journal, save_to=tmp_path)
    assert ids(outcomes) == [("s0", 2, S.SAVED), ("s1", 2, S.SAVED)]
    assert len(emulator.ledger) == 3, "whoever redoes a copy wants another picture"
    now = files(tmp_path)
    assert len({now["s0.png"], now["s1.png"], now["versions/s0.1.png"]}) == 3
    assert now["versions/s1.1.png"] == now["versions/s0.1.png"]
    await run(emulator, requests, options)
    assert len(emulator.ledger) == 3
    assert files(tmp_path)["s2.png"] in now.values()
    bill = {(v.outcome.request.id, v.outcome.version): v.certain_usd for v in journal.versions()}
    # Which of the first two is paid depends on the threads that take them.
    assert sorted([bill["s0", 1], bill["s1", 1]]) == [0.0, pytest.approx(PRICE)]
    assert bill["s2", 1] == 0.0
    assert sum(bill.values()) == pytest.approx(3 * PRICE)
    assert journal.summary().committed_usd == pytest.approx(3 * PRICE)


async def test_a_plan_says_what_a_redo_would_do_and_begins_nothing(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal, 4, save_to=tmp_path)
    await redone(emulator, ["s1"], journal=journal, save_to=tmp_path)
    left = await crashed(emulator, ["s2"], "poll", 1, journal=journal, redo=True)
    before, calls = versions(left), len(emulator.calls)
    async with client_of(emulator) as client:
        plan = await client.check_redo(["s0", "s1", "s2", "s9"], journal=left)
        assert (plan.to_submit, plan.to_finish, plan.ended) == (("s0",), ("s2",), {"s1": S.SAVED})
        (rejected,) = plan.rejected
        assert "there is no swap 's9'" in str(rejected.error)
        with pytest.raises(JournalError, match="needs the journal"):
            await client.check_redo(["s0"], journal="missing.db")
    assert (versions(left), len(emulator.calls)) == (before, calls)


async def test_a_plan_refuses_the_journal_of_another_service_as_the_redo_does() -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    async with SwapClient("key", base_url="https://other.example") as client:
        with pytest.raises(JournalError, match=r"belongs to the origin .*other\.example"):
            await client.check_redo(["s0"], journal=journal)
        with pytest.raises(JournalError, match="belongs to the origin"):
            async with client.redo(["s0"], journal=journal):
                raise AssertionError("the block was entered")


async def test_a_plan_tells_a_version_that_was_being_sent_as_unknown(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await batch(emulator, journal)
    left = await crashed(emulator, ["s0"], "submit", 1, after=True, journal=journal, redo=True)
    async with client_of(emulator) as client:
        plan = await client.check_redo(["s0"], journal=left)
    assert (plan.to_submit, plan.to_finish, plan.ended) == ((), (), {"s0": S.UNKNOWN})
    assert ids(await redone(emulator, ["s0"], journal=left)) == [("s0", 2, S.UNKNOWN)]
