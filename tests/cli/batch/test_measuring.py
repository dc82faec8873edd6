"""The thread that measures results while a batch runs."""

import threading
from pathlib import Path

import pytest
from PIL import Image

from segmind_swap import OutcomeState, ResultMeasures, SwapJob, SwapOutcome, SwapRequest, SwapResult
from segmind_swap.cli._batch import measuring
from segmind_swap.cli._batch.measuring import BackgroundMeasuring

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", request_id="1", workflow="w")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, colour in (("hero", "red"), ("scene", "green"), ("a", "blue"), ("b", "yellow")):
        Image.new("RGB", (60, 40), colour).save(tmp_path / f"{name}.png")
    return tmp_path


def saved(folder: Path, id: str, *, state: OutcomeState = OutcomeState.SAVED) -> SwapOutcome:
    return SwapOutcome(
        request=SwapRequest(
            id=id,
            reference_character_image=str(folder / "hero.png"),
            character_image=str(folder / "scene.png"),
        ),
        state=state,
        job=JOB,
        result=SwapResult(
            job=JOB, url="https://example.org/a.png", outputs=(), seconds=1.0, path=folder / f"{id}.png"
        ),
    )


def measures_of(folder: Path, *outcomes: SwapOutcome, patience: float = 60.0) -> dict[str, ResultMeasures]:
    found = BackgroundMeasuring(folder / "journal.db")
    for outcome in outcomes:
        found.add(outcome)
    return found.finish(patience)


def test_saved_results_are_measured_beside_their_inputs_and_kept_beside_the_journal(folder: Path) -> None:
    measures = measures_of(folder, saved(folder, "a"), saved(folder, "b"))
    assert set(measures) == {"a", "b"}
    assert all(found.change is not None and found.reference is not None for found in measures.values())
    assert (folder / "journal.db.measures.jsonl").is_file()
    assert measures_of(folder, saved(folder, "a")) == {"a": measures["a"]}


def test_what_is_not_saved_starts_no_thread(folder: Path) -> None:
    before = threading.active_count()
    found = BackgroundMeasuring(folder / "journal.db")
    found.add(saved(folder, "a", state=OutcomeState.COMPLETED))
    assert threading.active_count() == before
    assert found.finish() == {}
    assert not (folder / "journal.db.measures.jsonl").exists()


def test_a_picture_that_cannot_be_measured_keeps_no_other_from_it(folder: Path) -> None:
    (folder / "b.png").write_text("no picture")
    measures = measures_of(folder, saved(folder, "gone"), saved(folder, "b"), saved(folder, "a"))
    assert set(measures) == {"a", "b"}
    assert measures["b"].problem is not None


def test_an_error_of_any_kind_keeps_no_other_picture_from_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(_self: object, path: Path, **_inputs: object) -> ResultMeasures:
        if path.stem == "a":
            raise MemoryError
        return ResultMeasures(sha256=path.stem)

    monkeypatch.setattr("segmind_swap.Measurer.measure_result", measured)
    assert set(measures_of(folder, saved(folder, "a"), saved(folder, "b"))) == {"b"}


def test_the_end_waits_no_longer_than_its_patience(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()

    def measured(_self: object, path: Path, **_inputs: object) -> ResultMeasures:
        if path.stem == "b":
            may_go_on.wait(60)
        return ResultMeasures(sha256=path.stem)

    monkeypatch.setattr("segmind_swap.Measurer.measure_result", measured)
    found = BackgroundMeasuring(folder / "journal.db")
    for id in ("a", "b", "a"):
        found.add(saved(folder, id))
    try:
        assert found.finish(0.5) == {"a": ResultMeasures(sha256="a")}
    finally:
        may_go_on.set()


def test_ctrl_c_ends_the_wait_and_not_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()
    monkeypatch.setattr(
        "segmind_swap.Measurer.measure_result",
        lambda _self, path, **_inputs: may_go_on.wait(60) and ResultMeasures(sha256=path.stem),
    )
    found = BackgroundMeasuring(folder / "journal.db")
    found.add(saved(folder, "a"))

    def interrupted(_seconds: float) -> None:
        may_go_on.set()
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    found.finish(60.0)


def test_more_results_than_can_wait_are_left_to_the_review(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    monkeypatch.setattr(measuring, "_MOST_WAITING", 1)
    monkeypatch.setattr(
        "segmind_swap.Measurer.measure_result",
        lambda _self, path, **_inputs: may_go_on.wait(60) and ResultMeasures(sha256=path.stem),
    )
    found = BackgroundMeasuring(folder / "journal.db")
    for _ in range(200):
        found.add(saved(folder, "a"))
    may_go_on.set()
    assert set(found.finish(60.0)) == {"a"}


def test_without_pillow_nothing_is_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "can_measure", lambda: False)
    found = BackgroundMeasuring(folder / "journal.db")
    found.add(saved(folder, "a"))
    assert not found.is_possible
    assert found.finish() == {}
