"""What becomes of the files when a later version cannot be saved, or its file is gone."""

import os
from pathlib import Path

import pytest

from segmind_swap import (
    ConfigurationError,
    Journal,
    OutcomeState,
    PollPolicy,
    RedoRequest,
    Review,
    Verdict,
)
from segmind_swap.emulator import Fault

from ...support.batches import client_of, run, swaps_of
from ...support.redone import entries_of, files, redone, service

S = OutcomeState


async def test_an_earlier_file_that_cannot_be_kept_is_not_replaced_and_the_next_run_saves_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, journal = service(), Journal(":memory:")
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    before = files(tmp_path)

    def refused(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refused)
        patch.setattr("segmind_swap._batch.versions.files.create_atomically", refused)
        (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert (outcome.state, outcome.version) == (S.COMPLETED, 2)
    assert "could not be kept in the folder" in str(outcome.error)
    assert files(tmp_path) == before
    (outcome,) = await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    assert (outcome.state, outcome.version) == (S.SAVED, 2)
    assert len(emulator.ledger) == 2
    assert files(tmp_path)["versions/s0.1.png"] == before["s0.png"]


async def test_a_picture_that_cannot_be_fetched_leaves_the_earlier_one_where_it_is(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    before = files(tmp_path)
    emulator.inject(Fault(on="file", status=410))
    (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert outcome.state is S.COMPLETED
    assert files(tmp_path)["s0.png"] == before["s0.png"]
    emulator.withdraw_all()
    (outcome,) = await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    assert outcome.state is S.SAVED
    assert sorted(files(tmp_path)) == ["s0.png", "versions/s0.1.png"]
    assert len(emulator.ledger) == 2


async def test_the_file_of_a_later_version_that_is_gone_is_fetched_again_beside_the_earlier_one(
    tmp_path: Path,
) -> None:
    emulator, journal = service(), Journal(":memory:")
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
    now = files(tmp_path)
    (tmp_path / "s0.png").unlink()
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    assert files(tmp_path) == now
    assert len(emulator.ledger) == 2


@pytest.mark.real_time  # the journal is a file, whose thread knows no virtual time
async def test_a_picture_that_a_person_has_discarded_is_not_fetched_again_by_any_run(tmp_path: Path) -> None:
    emulator, journal = service(duration=0.05), Journal(tmp_path / "run.db")
    out = tmp_path / "out"
    await run(emulator, swaps_of(3), {"journal": journal.path, "save_to": out})
    review = Review(journal, folder=out)
    for number in range(2):
        await review.decide(f"s{number}", Verdict.DISCARD)
    assert sorted(files(out)) == ["discarded/s0.1.png", "discarded/s1.1.png", "s2.png"]
    (out / "discarded" / "s1.1.png").unlink()
    (out / "s2.png").unlink()
    downloads = emulator.count("file")
    outcomes = await run(
        emulator, swaps_of(3), {"journal": journal.path, "save_to": out, "retry_failed": True}
    )
    assert {outcome.state for outcome in outcomes} == {S.SAVED}
    assert emulator.count("file") == downloads + 1, "a file that was only deleted is fetched"
    assert sorted(files(out)) == ["discarded/s0.1.png", "s2.png"]
    assert {outcome.request.id: outcome.path for outcome in outcomes}["s0"] == out / "discarded" / "s0.1.png"
    assert len(emulator.ledger) == 3
    settings = {"polling": PollPolicy(interval=0.05)}
    await redone(emulator, ["s0"], journal=journal.path, save_to=out, settings=settings)
    assert sorted(files(out)) == ["discarded/s0.1.png", "s0.png", "s2.png"]
    picture = next(one for one in await Review(journal, folder=out).pictures() if one.id == "s0")
    assert (picture.version, picture.decision) == (2, Verdict.UNDECIDED)
    assert [version.path for version in picture.earlier] == [out / "discarded" / "s0.1.png"]


async def test_a_batch_without_a_folder_knows_no_files(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await run(emulator, swaps_of(1), {"journal": journal})
    (outcome,) = await redone(emulator, ["s0"], journal=journal)
    assert (outcome.state, outcome.path) == (S.COMPLETED, None)
    (outcome,) = await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
    assert (outcome.state, outcome.version) == (S.SAVED, 2)
    assert sorted(files(tmp_path)) == ["s0.png"], "the version before was never in a file"
    assert [entry.state for entry in entries_of(journal)] == [S.COMPLETED, S.SAVED]


async def test_a_moved_folder_keeps_the_earlier_file_where_the_folder_is_now(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path / "out"})
    before = files(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    await redone(emulator, ["s0"], journal=journal, save_to=tmp_path / "moved")
    assert files(tmp_path / "moved")["versions/s0.1.png"] == before["s0.png"]
    assert not (tmp_path / "out").exists()


async def test_a_version_whose_picture_is_in_no_file_is_not_redone_before_the_batch_has_fetched_it(
    tmp_path: Path,
) -> None:
    emulator, journal = service(), Journal(":memory:")
    emulator.inject(Fault(on="file", status=410))
    for version in (1, 2):
        again = [RedoRequest(id="s0", version=version)]
        if version == 1:
            await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
        else:
            emulator.inject(Fault(on="file", status=410))
            await redone(emulator, ["s0"], journal=journal, save_to=tmp_path)
        async with client_of(emulator) as client:
            plan = await client.check_redo(again, journal=journal, save_to=tmp_path)
        assert "fetches the picture free" in str(plan.rejected[0].error)
        with pytest.raises(ConfigurationError, match="its picture is paid, and not saved yet"):
            await redone(emulator, again, journal=journal, save_to=tmp_path)
        emulator.withdraw_all()
        (outcome,) = await run(emulator, swaps_of(1), {"journal": journal, "save_to": tmp_path})
        assert (outcome.state, outcome.version, len(emulator.ledger)) == (S.SAVED, version, version)
    await redone(emulator, [RedoRequest(id="s0", version=2)], journal=journal, save_to=tmp_path)
    assert sorted(files(tmp_path)) == ["s0.png", "versions/s0.1.png", "versions/s0.2.png"]
    assert len(emulator.ledger) == 3


async def test_a_redo_saves_to_the_folder_of_the_batch_and_to_no_other(tmp_path: Path) -> None:
    emulator, journal = service(), Journal(":memory:")
    folder, other = tmp_path / "a", tmp_path / "b"
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": folder})
    other.mkdir()
    with pytest.raises(ConfigurationError, match=r"is in .*a, and the redo saves to .*b"):
        await redone(emulator, ["s0"], journal=journal, save_to=other)
    assert len(emulator.ledger) == 1
    assert [entry.version for entry in entries_of(journal)] == [1]
    await redone(emulator, ["s0"], journal=journal, save_to=folder)
    assert sorted(files(folder)) == ["s0.png", "versions/s0.1.png"]
    with pytest.raises(ConfigurationError, match="save to the folder of the batch"):
        await redone(emulator, ["s0"], journal=journal, save_to=other)


async def test_the_record_of_a_file_in_another_folder_stays_true(tmp_path: Path) -> None:
    """The redo itself saved nothing. The batch then saves its picture to another folder."""
    emulator, journal = service(), Journal(":memory:")
    folder, other = tmp_path / "a", tmp_path / "b"
    await run(emulator, swaps_of(1), {"journal": journal, "save_to": folder})
    before = files(folder)
    await redone(emulator, ["s0"], journal=journal)
    (outcome,) = await run(emulator, swaps_of(1), {"journal": journal, "save_to": other})
    assert (outcome.version, outcome.path) == (2, other / "s0.png")
    assert files(folder) == before
    first = entries_of(journal)[0].result
    assert first is not None
    assert first.path == folder / "s0.png"
