"""Copies and versions: a copy has the result of a version with its own pictures, and a redo always pays."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import PRICE_USD, Journal, OutcomeState, RedoRequest, Review, SwapOutcome, Verdict
from segmind_swap._swap import downloads
from segmind_swap.emulator import Emulator, Fault

from ...support.batches import client_of, emulator, run, states, swap_of, swaps_of
from ...support.redone import service as drawing

S = OutcomeState
SCENE = "https://pictures.example/0.png"
VILLAIN = "https://pictures.example/villain.png"


async def redone(service: Emulator, ids: Sequence[str | RedoRequest], **options: Any) -> list[SwapOutcome]:
    async with client_of(service) as client, client.redo(ids, **options) as outcomes:
        return [outcome async for outcome in outcomes]


async def test_a_copy_does_not_get_a_version_that_was_made_with_another_reference() -> None:
    service, journal = emulator(), Journal(":memory:")
    (first,) = await run(service, swaps_of(1), {"journal": journal})
    await redone(service, [RedoRequest(id="s0", reference_character_image=VILLAIN)], journal=journal)
    options = {"journal": journal, "once_per_picture": True}
    copy, other = await run(
        service,
        [
            swap_of(1, character_image=SCENE),
            swap_of(2, character_image=SCENE, reference_character_image=VILLAIN),
        ],
        options,
    )
    if copy.request.id != "s1":
        copy, other = other, copy
    assert copy.unwrap().url == first.unwrap().url
    (_, second) = [version.outcome for version in journal.versions()][:2]
    assert other.unwrap().url == second.unwrap().url
    assert {copy.unwrap().copy_of, other.unwrap().copy_of} == {"s0"}
    assert len(service.ledger) == 2


async def test_a_copy_gets_the_latest_of_the_versions_with_its_pictures() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    (second,) = await redone(service, ["s0"], journal=journal)
    options = {"journal": journal, "once_per_picture": True}
    (copy,) = await run(service, [swap_of(1, character_image=SCENE)], options)
    assert copy.unwrap().url == second.unwrap().url
    assert len(service.ledger) == 2


async def test_a_copy_can_be_redone_and_then_costs_one_swap() -> None:
    service, journal = emulator(), Journal(":memory:")
    twins = [swap_of(0), swap_of(1, character_image=SCENE)]
    outcomes = await run(service, twins, {"journal": journal, "once_per_picture": True})
    (copy,) = (outcome for outcome in outcomes if outcome.unwrap().copy_of is not None)
    (again,) = await redone(service, [str(copy.request.id)], journal=journal)
    assert again.unwrap().copy_of is None
    assert len(service.ledger) == 2
    bill = {
        (version.outcome.request.id, version.outcome.version): (version.certain_usd, version.at_most_usd)
        for version in journal.versions()
    }
    assert bill[copy.request.id, 1] == (0.0, 0.0)
    assert bill[copy.request.id, 2] == pytest.approx((PRICE_USD, PRICE_USD))
    assert journal.summary().committed_usd == pytest.approx(2 * PRICE_USD)


@pytest.mark.real_time
async def test_a_copy_that_was_recorded_before_a_crash_gets_its_own_picture_after_a_redo(
    tmp_path: Path,
) -> None:
    service, out, journal = emulator(duration=0.05), tmp_path / "out", tmp_path / "run.db"
    options = {"journal": journal, "save_to": out, "once_per_picture": True}
    await run(service, swaps_of(1), options)
    await run(service, [swap_of(1, character_image=SCENE)], options)
    picture = (out / "s1.png").read_bytes()
    (out / "s1.png").unlink()
    await redone(
        service,
        [RedoRequest(id="s0", reference_character_image=VILLAIN)],
        journal=journal,
        save_to=out,
    )
    (again,) = await run(service, [swap_of(1, character_image=SCENE)], options)
    assert states([again]) == {"saved": 1}
    assert (out / "s1.png").read_bytes() == picture
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_copy_gets_the_picture_of_its_version_while_a_later_one_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, out, journal = drawing(duration=1.0), tmp_path / "out", tmp_path / "run.db"
    options = {"journal": journal, "save_to": out, "once_per_picture": True}
    await run(service, swaps_of(1), options)
    picture = (out / "s0.png").read_bytes()
    later = [RedoRequest(id="s0", reference_character_image=VILLAIN)]
    async with (
        client_of(service, timeout=0.3) as client,
        client.redo(later, journal=journal, save_to=out) as outcomes,
    ):
        assert [outcome.state async for outcome in outcomes] == [S.ACCEPTED]
    whole = downloads._content_of

    def slow(file: Path) -> downloads.DownloadedFile | None:
        """Reads the file at the worst moment: after the name has changed its picture."""
        while (out / "s0.png").read_bytes() == picture:
            time.sleep(0.01)
        return whole(file)

    monkeypatch.setattr(downloads, "_content_of", slow)
    outcomes_of_run = await run(service, [swap_of(1, character_image=SCENE)], options)
    assert states(outcomes_of_run) == {"saved": 2}
    assert (out / "s1.png").read_bytes() == picture
    assert (out / "s0.png").read_bytes() != picture
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_copy_of_a_discarded_picture_needs_no_download(tmp_path: Path) -> None:
    service, out, journal = drawing(duration=0.05), tmp_path / "out", tmp_path / "run.db"
    options = {"journal": journal, "save_to": out, "once_per_picture": True}
    await run(service, swaps_of(1), options)
    picture = (out / "s0.png").read_bytes()
    await Review(journal, folder=out).decide("s0", Verdict.DISCARD)
    assert not (out / "s0.png").exists()
    service.inject(Fault(on="file", status=410))
    outcomes = await run(service, [swap_of(1, character_image=SCENE)], options)
    assert states(outcomes) == {"saved": 1}
    assert (out / "s1.png").read_bytes() == picture
    assert len(service.ledger) == 1
