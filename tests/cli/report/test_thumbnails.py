"""Small copies are made in the background, and nobody waits for them."""

import threading
from pathlib import Path

import pytest

from segmind_swap import OutcomeState, SwapOutcome, SwapRequest
from segmind_swap.cli._report import thumbnails
from segmind_swap.cli._report.thumbnails import Thumbnails

from ...support.journal_rows import a_result
from ...support.reviews import picture
from ..processes import until


def outcome(folder: Path, path: Path | None) -> SwapOutcome:
    request = SwapRequest(
        id="a",
        reference_character_image=str(folder / "hero.png"),
        character_image="https://cdn.example/street.png",
    )
    return SwapOutcome(request=request, state=OutcomeState.SAVED, result=a_result(path=path))


def copies(folder: Path) -> list[Path]:
    return list((folder / "review-files").glob("[!.]*"))


def test_the_result_and_its_inputs_get_small_copies_once(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "hero.png")):
        (tmp_path / name).write_bytes(picture(number, size=(800, 600)))
    thumbnails = Thumbnails(tmp_path)
    for _ in range(2):
        thumbnails.add_pictures_of(outcome(tmp_path, tmp_path / "a.png"))
    until(lambda: len(copies(tmp_path)) == 2)


def test_a_picture_that_cannot_be_decoded_or_a_swap_without_one_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "hero.png").write_bytes(picture(1))
    thumbnails = Thumbnails(tmp_path)
    thumbnails.add_pictures_of(outcome(tmp_path, None))
    thumbnails.add_pictures_of(outcome(tmp_path, tmp_path / "a.png"))
    until(lambda: copies(tmp_path))
    assert len(copies(tmp_path)) == 1, "that of the reference"


def test_without_pillow_there_is_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "can_measure", lambda: False)
    before = threading.active_count()
    Thumbnails(tmp_path).add_pictures_of(outcome(tmp_path, tmp_path / "a.png"))
    assert threading.active_count() == before
