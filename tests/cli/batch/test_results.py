"""The file `results.jsonl` and the report of a batch."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from typer.main import get_command

from segmind_swap import (
    ImageError,
    KnownThumbnails,
    OutcomeState,
    ResultMeasures,
    Review,
    SwapJob,
    SwapOutcome,
    SwapRequest,
    SwapResult,
    Verdict,
    make_thumbnail,
)
from segmind_swap.cli._app.app import app
from segmind_swap.cli._batch.relocation import Relocation
from segmind_swap.cli._batch.results import ResultsFile, _facts, write_batch_report
from segmind_swap.cli._terminal.option_names import options_of_command

from ...support.reviews import a_batch


def outcome(id: str) -> SwapOutcome:
    return SwapOutcome(
        request=SwapRequest(id=id, reference_character_image="r.png", character_image="s.png"),
        state=OutcomeState.REJECTED,
        error=ImageError("no picture", image="s.png"),
    )


def test_the_file_has_a_line_for_each_outcome_and_appears_when_it_is_closed(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path)
    results.add(outcome("a"))
    results.add(outcome("b"))
    assert not results.path.exists()
    results.close()
    assert [json.loads(line) for line in results.path.read_text().splitlines()] == [
        {
            "id": id,
            "state": "rejected",
            "version": 1,
            "path": None,
            "url": None,
            "job": None,
            "seconds": None,
            "cost_usd": None,
            "copy_of": None,
            "error": {"error": "ImageError", "message": "no picture"},
            "measures": None,
        }
        for id in ("a", "b")
    ]
    assert results.problem == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "results.jsonl"]


def test_the_numbers_of_a_result_come_after_its_outcome(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path)
    results.add(outcome("a"))
    results.add(outcome("b"))
    results.close(
        {"b": ResultMeasures(sha256="ab", change=150.0, small=1.0), "c": ResultMeasures(sha256="cd")}
    )
    lines = [json.loads(line) for line in results.path.read_text().splitlines()]
    assert [line["measures"] for line in lines] == [None, {"change": 150.0, "small": 1.0}]


def test_without_an_outcome_there_is_no_file(tmp_path: Path) -> None:
    ResultsFile(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_problem_and_no_error(tmp_path: Path) -> None:
    results = ResultsFile(tmp_path / "missing")
    results.add(outcome("a"))
    results.add(outcome("b"))
    results.close()
    assert results.problem == f"{results.path} could not be written: No such file or directory"


def test_a_file_that_cannot_be_renamed_is_a_problem_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").mkdir()
    results = ResultsFile(tmp_path)
    results.add(outcome("a"))
    results.close()
    assert "results.jsonl could not be written" in results.problem
    assert list(tmp_path.iterdir()) == [tmp_path / "results.jsonl"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
def test_a_full_disk_ends_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".results.jsonl.part").symlink_to("/dev/full")
    results = ResultsFile(tmp_path)
    for number in range(1000):
        results.add(outcome(f"swap-{number}"))
    results.close()
    assert "No space left on device" in results.problem
    assert list(tmp_path.iterdir()) == []


def test_the_report_shows_when_a_job_was_accepted_and_what_it_cost_and_not_how_often_it_was_polled() -> None:
    accepted = datetime(2026, 11, 30, 10, 15).astimezone()
    job = SwapJob(poll_url="https://x/1", workflow="w", submitted_at=accepted, possible_duplicates=1)
    request = SwapRequest(id="a", reference_character_image="r.png", character_image="s.png")
    result = SwapResult(job=job, url="https://x/1.png", outputs=(), seconds=7.0, cost_usd=0.1522)
    saved = SwapOutcome(request=request, state=OutcomeState.SAVED, job=job, result=result)
    assert list(_facts(saved)) == ["2026-11-30 10:15", "perhaps paid 2 times", "$0.1522"]
    assert list(_facts(outcome("b"))) == []
    assert next(_facts(saved.model_copy(update={"version": 2}))) == "version 2"


def test_the_files_name_the_options_of_the_command(tmp_path: Path) -> None:
    group: Any = get_command(app)
    options = {parameter.name: parameter.opts[0] for parameter in group.commands["batch"].params}
    error = ImageError("it is too large: make it smaller (or raise `max_image_bytes`)", image="s.png")
    rejected = outcome("a").model_copy(update={"error": error})
    results = ResultsFile(tmp_path)
    with options_of_command(options):
        results.add(rejected)
    results.close()
    (line,) = results.path.read_text().splitlines()
    assert json.loads(line)["error"]["message"] == "it is too large: make it smaller"


def test_the_report_shows_small_copies_finds_discarded_pictures_and_links_to_the_review(
    tmp_path: Path,
) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    anyio.run(Review(folder / "journal.db").decide, "b", Verdict.DISCARD)
    copy = make_thumbnail(folder / "a.png", folder)

    def page() -> str:
        written = write_batch_report(
            folder,
            folder / "journal.db",
            relocation=Relocation(folder, []),
            not_in_journal=[],
            lead="",
            totals=[],
            thumbnails=KnownThumbnails(folder / "journal.db", folder),
        )
        return written.read_text(encoding="utf-8")

    assert f'<a class="box" href="./a.png"><img src="./review-files/{copy.name}"' in page()
    assert '<a class="box" href="./discarded/b.1.png"><img src="./discarded/b.1.png"' in page()
    assert page().count("<li>discarded</li>") == 1
    assert "review.html" not in page()
    (folder / "review.html").touch()
    assert '<a href="./review.html">Decide which pictures to keep</a>' in page()
