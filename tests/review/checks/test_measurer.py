"""Files are measured, each content once."""

import os
from pathlib import Path
from random import Random

import pytest

from segmind_swap import ConfigurationError, Measurer, ResultFlag, ResultMeasures, can_measure, flag_results
from segmind_swap._review.checks import measurer as module
from segmind_swap._review.checks.measures import NUMBERS

from .made import data_of, good, place, reference, scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, image in (
        ("scene", scene()),
        ("good", good()),
        ("reference", reference()),
    ):
        (tmp_path / f"{name}.png").write_bytes(data_of(image))
    return tmp_path


def measured(folder: Path, result: str = "good.png", **changes: str | None) -> ResultMeasures:
    inputs = {"scene": str(folder / "scene.png"), "reference": str(folder / "reference.png"), **changes}
    with Measurer() as measurer:
        return measurer.measure_result(folder / result, **inputs)


def test_a_good_result_has_all_numbers_and_no_flag(folder: Path) -> None:
    found = measured(folder)
    assert set(found.numbers()) == set(NUMBERS)
    assert (found.width_px, found.height_px, found.problem) == (480, 360, None)
    assert flag_results({"a": found})["a"].flags == ()


def test_each_damage_is_seen(folder: Path) -> None:
    damages = {
        ResultFlag.UNCHANGED: data_of(scene(), "JPEG", quality=60),
        ResultFlag.BACKGROUND: data_of(place(7)),
        ResultFlag.REFERENCE: data_of(reference(), "JPEG"),
        ResultFlag.SMALL: data_of(good().resize((240, 180))),
        ResultFlag.SHAPE: data_of(good().resize((480, 300))),
        ResultFlag.LIGHT: data_of(good().point(lambda level: level * 0.7)),
        ResultFlag.BROKEN: data_of(good())[:3000],
    }
    for flag, data in damages.items():
        (folder / "result").write_bytes(data)
        assert flag in flag_results({"a": measured(folder, "result")})["a"].flags, flag


def test_without_the_inputs_on_the_disk_the_result_is_measured_alone(folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    for scene_of in (
        None,
        "https://example.org/scene.png",
        str(folder / "gone.png"),
        str(folder / "text.png"),
        "a\0b",
    ):
        found = measured(folder, scene=scene_of, reference=None)
        assert set(found.numbers()) == {"spread"}
        assert found.scene_signature is None
    assert set(measured(folder, scene=None).numbers()) == {"spread", "reference"}
    assert set(measured(folder, reference=None).numbers()) == set(NUMBERS) - {"reference", "character"}


def test_a_result_that_is_no_picture_has_a_problem_and_one_that_is_missing_is_an_error(folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    assert "cannot be decoded" in (measured(folder, "text.png").problem or "")
    with pytest.raises(FileNotFoundError):
        measured(folder, "gone.png")
    with pytest.raises(OSError, match="not a regular file"):
        measured(folder, ".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        measured(folder, "pipe")
    assert set(measured(folder, scene=str(folder / "pipe"), reference=None).numbers()) == {"spread"}


def test_a_content_is_decoded_once_also_by_the_next_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"scene": folder / "scene.png", "reference": folder / "reference.png"}
    journal = folder / "journal.db"
    with Measurer(journal) as measurer:
        first = measurer.measure_result(folder / "good.png", **inputs)
    reads: list[Path] = []
    read = module._read

    def noted(path: Path) -> bytes:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(module, "_read", noted)
    with Measurer(str(journal)) as measurer:
        assert measurer.measure_result(folder / "good.png", **inputs) == first
        assert reads == []
        # A file with other content under the same name is another picture.
        (folder / "good.png").write_bytes(data_of(place(6)))
        assert measurer.measure_result(folder / "good.png", **inputs) != first
        # The same content under another name is not.
        reads.clear()
        (folder / "copy.png").write_bytes(data_of(good()))
        assert measurer.measure_result(folder / "copy.png", **inputs) == first
        assert reads == [folder / "copy.png"]


def test_a_result_is_measured_again_when_its_scene_has_come_back(folder: Path) -> None:
    with Measurer(folder / "journal.db") as measurer:
        alone = measurer.measure_result(folder / "good.png", scene=folder / "later.png")
        assert alone.change is None
        (folder / "later.png").write_bytes(data_of(scene()))
        assert measurer.measure_result(folder / "good.png", scene=folder / "later.png").change is not None


def test_many_pictures_take_little_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOKS_KEPT", 3)
    with Measurer() as measurer:
        for seed in range(8):
            measurer.measure_picture(data_of(place(Random(seed).randrange(10**6), (60, 40))))
        assert len(measurer._looks) == 3


def test_an_input_is_measured_from_its_file_or_its_bytes(folder: Path) -> None:
    with Measurer() as measurer:
        found = measurer.measure_picture(folder / "scene.png")
        assert measurer.measure_picture(data_of(scene())) == found
        assert (found.width_px, found.height_px, found.problem) == (480, 360, None)
        assert measurer.measure_picture(b"no picture").problem
        with pytest.raises(FileNotFoundError):
            measurer.measure_picture(folder / "gone.png")


def test_without_pillow_a_measurer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_measure()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not can_measure()
    with pytest.raises(ConfigurationError, match=r"segmind-swap\[review\]"):
        Measurer()
