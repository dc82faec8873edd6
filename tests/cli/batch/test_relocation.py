"""A folder that was moved: the paths of this run replace the paths of the journal where the files are."""

from pathlib import Path

from segmind_swap import OutcomeState, SwapOutcome, SwapRequest
from segmind_swap.cli._batch.relocation import Relocation

from ...support.journal_rows import a_job, a_result


def outcome(id: str, folder: Path, *, saved: bool = True) -> SwapOutcome:
    request = SwapRequest(
        id=id,
        reference_character_image=str(folder / "hero.png"),
        character_image=str(folder / "scenes" / f"{id}.png"),
    )
    result = a_result().model_copy(update={"path": folder / "out" / f"{id}.webp"}) if saved else None
    state = OutcomeState.SAVED if saved else OutcomeState.FAILED
    return SwapOutcome(request=request, state=state, job=a_job(), result=result)


def paths(outcome: SwapOutcome) -> tuple[object, object, object]:
    request = outcome.request
    return request.reference_character_image, request.character_image, outcome.path


def files_in(folder: Path) -> None:
    for name in ("hero.png", "scenes/a.png", "scenes/b.png", "out/a.webp", "out/b.webp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")


def test_the_pictures_of_this_run_and_a_result_in_its_folder_are_used(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    files_in(new)
    here = Relocation(new / "out", [outcome("a", new).request])
    assert paths(here.outcome(outcome("a", old))) == paths(outcome("a", new))
    elsewhere = SwapRequest(id="a", reference_character_image="https://x.example/h", character_image="/s.png")
    assert paths(Relocation(new / "out", [elsewhere]).outcome(outcome("a", old))) == (
        "https://x.example/h",
        "/s.png",
        new / "out" / "a.webp",
    )


def test_without_an_input_in_this_run_the_pictures_are_looked_for_as_they_stood_to_the_results(
    tmp_path: Path,
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    files_in(new)
    relocation = Relocation(new / "out", [])
    assert paths(relocation.outcome(outcome("a", old))) == paths(outcome("a", new))
    failed = relocation.outcome(outcome("b", old, saved=False))
    assert paths(failed) == (*paths(outcome("b", new))[:2], None), "the earlier folder is known by now"


def test_a_later_version_keeps_its_own_reference_and_an_earlier_one_is_in_the_folder_of_the_versions(
    tmp_path: Path,
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    files_in(new)
    (new / "out" / "versions").mkdir()
    (new / "out" / "versions" / "a.1.webp").write_bytes(b"picture")
    relocation = Relocation(new / "out", [outcome("a", new).request])
    other = outcome("a", old)
    request = other.request.model_copy(update={"reference_character_image": "https://x.example/hero2.png"})
    second = relocation.outcome(other.model_copy(update={"version": 2, "request": request}))
    assert paths(second) == (
        "https://x.example/hero2.png",
        str(new / "scenes" / "a.png"),
        new / "out" / "a.webp",
    )
    kept = a_result().model_copy(update={"path": old / "out" / "versions" / "a.1.webp"})
    first = Relocation(new / "out", []).outcome(other.model_copy(update={"result": kept}))
    assert paths(first) == (*paths(outcome("a", new))[:2], new / "out" / "versions" / "a.1.webp")


def test_a_path_whose_file_is_there_or_is_found_nowhere_stays(tmp_path: Path) -> None:
    here, gone = tmp_path / "here", tmp_path / "gone"
    files_in(here)
    (tmp_path / "other").mkdir()
    for folder in (here, gone):
        assert paths(Relocation(tmp_path / "other", []).outcome(outcome("a", folder))) == paths(
            outcome("a", folder)
        )
