"""What a ledger has recorded of a swap is found without its pictures, and wherever its file was moved."""

from pathlib import Path

import pytest

from segmind_swap import Journal, SwapResult
from segmind_swap._batch.known.recorded import file_to_copy, result_in_file, take_without_pictures
from segmind_swap._batch.versions.entries import CurrentEntries
from segmind_swap._protocols.entry import Entry
from segmind_swap._swap.output_files import OutputFile

from ...support.batches import emulator, run, swap_of, swaps_of
from ...support.journal_rows import a_result
from ...support.pictures import PNG

pytestmark = pytest.mark.real_time


def saved(path: Path) -> SwapResult:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    return a_result(path=path)


async def test_a_result_is_found_in_the_folder_of_this_run_or_where_it_was(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "new" / "a", suffixed=True)
    result = saved(tmp_path / "old" / "a.png")
    found = await result_in_file(result, file)
    assert found is not None
    assert found.path == tmp_path / "old" / "a.png"
    saved(tmp_path / "new" / "a.png")
    found = await result_in_file(result, file)
    assert found is not None
    assert found.path == tmp_path / "new" / "a.png"


async def test_the_file_of_an_earlier_version_is_not_looked_for_among_the_current_ones(
    tmp_path: Path,
) -> None:
    """The first version of `a` is `versions/a.1.png`, and `a.1.png` is the picture of another swap."""
    file = OutputFile(tmp_path / "new" / "b", suffixed=True)
    result = saved(tmp_path / "old" / "versions" / "a.1.png")
    saved(tmp_path / "new" / "a.1.png")
    found = await result_in_file(result, file)
    assert found is not None
    assert found.path == tmp_path / "old" / "versions" / "a.1.png"
    saved(tmp_path / "new" / "versions" / "a.1.png")
    found = await result_in_file(result, file)
    assert found is not None
    assert found.path == tmp_path / "new" / "versions" / "a.1.png"


async def test_a_result_whose_file_is_gone_or_cut_short_is_not_found(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "a", suffixed=True)
    result = saved(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(PNG[:40])
    assert await result_in_file(result, file) is None
    (tmp_path / "a.png").unlink()
    assert await result_in_file(result, file) is None
    assert await result_in_file(a_result(), file) is None, "it was never saved"


async def test_the_file_of_a_copy_is_that_of_its_original(tmp_path: Path) -> None:
    service, journal, out = emulator(duration=0.05), tmp_path / "run.db", tmp_path / "out"
    await run(service, swaps_of(1), {"journal": journal, "save_to": out})
    ledger, file = await Journal(journal).look(), OutputFile(out / "copy", suffixed=True)
    assert ledger is not None
    original = (await ledger.find(["s0"]))["s0"].result
    assert original is not None
    copy = original.model_copy(update={"copy_of": "s0", "path": None})
    try:
        assert await file_to_copy(ledger, copy, file) == out / "s0.png"
        assert await file_to_copy(ledger, a_result(), file) is None, "it is no copy"
        (out / "s0.png").unlink()
        assert await file_to_copy(ledger, copy, file) is None
        other = copy.model_copy(update={"url": "https://pictures.example/other.png"})
        assert await file_to_copy(ledger, other, file) is None, "it has another result by now"
        gone = copy.model_copy(update={"copy_of": "s7"})
        assert await file_to_copy(ledger, gone, file) is None
    finally:
        await ledger.aclose()


async def test_an_entry_is_taken_without_its_pictures_only_if_nothing_would_be_submitted(
    tmp_path: Path,
) -> None:
    service, journal = emulator(duration=0.05), tmp_path / "run.db"
    await run(service, swaps_of(1), {"journal": journal})
    ledger = await Journal(journal).open(
        origin="http://127.0.0.1", workflow="678aa4026426baad7e5392fb-v7", price_usd=0.15, budget_usd=None
    )

    entries = CurrentEntries(ledger)

    def is_settled(entry: Entry) -> bool:
        return entry.state.is_done

    try:
        other = swap_of(0, character_image="https://pictures.example/other.png")
        for request in (swap_of(1), other, swap_of(0, id=None)):
            assert await take_without_pictures(entries, request, is_settled) is None
        assert await take_without_pictures(entries, swap_of(0), lambda _: False) is None
        entry = await take_without_pictures(entries, swap_of(0), is_settled)
        assert entry is not None
        assert entry.id == "s0"
    finally:
        await ledger.aclose()
