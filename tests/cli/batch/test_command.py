"""A batch from its inputs to its files, in one run and in several."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from segmind_swap.cli import _commands, _emulator_engine
from segmind_swap.cli._app.app import app
from segmind_swap.cli._tables.columns import COLUMNS
from segmind_swap.emulator import Fault

from ...emulator import figures
from ..processes import BATCH, PAIR, an_emulator, results, segmind_swap

HEADER = ",".join(COLUMNS)


def test_a_table_becomes_pictures_a_report_and_results_and_again_is_not_paid_again(folder: Path) -> None:
    rows = [f"café [bold] {n},hero.png,scenes/s{n}.png" for n in range(3)]
    (folder / "pairs.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    command = ["batch", "pairs.csv", "--out", "out", "--poll-interval", "0.1", "--concurrency", "2"]
    with an_emulator() as (emulator, service):
        done = segmind_swap(*command, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert re.match(r"3 of 3 saved in \d+ s\n", done.stdout)
        assert len(emulator.ledger) == 3
        lines = results(folder)
        assert set(lines) == {f"café [bold] {n}" for n in range(3)}
        for id, fields in lines.items():
            assert fields["state"] == "saved"
            assert Path(fields["path"]) == folder / "out" / f"{id}.png"
            assert Path(fields["path"]).is_file()
            assert fields["job"]["poll_url"].startswith(service["SEGMIND_BASE_URL"])
            assert (fields["error"], fields["url"][:4]) == (None, "http")
        page = (folder / "out" / "report.html").read_text(encoding="utf-8")
        for link in ("../hero.png", "../scenes/s1.png", "caf%C3%A9%20%5Bbold%5D%201.png"):
            assert link in page
        assert not (folder / "out" / "results.jsonl.part").exists()

        again = segmind_swap(*command, "--json", cwd=folder, **service)
        assert again.returncode == 0
        assert json.loads(again.stdout) == {
            "states": {"saved": 3},
            "settled_earlier": {},
            "without_input": {},
            "left_out": 0,
            "copies": 0,
            "unknown_redos": 0,
            "committed_usd": pytest.approx(3 * 0.1522),
            "stopped_by": None,
            "journal": "out/journal.db",
            "report": "out/report.html",
            "results": "out/results.jsonl",
            "measured": 3,
            "suspicious": 3,
        }
        assert results(folder) == lines
        assert all("change" in fields["measures"] for fields in lines.values())
        assert len(emulator.ledger) == 3
        assert "\x1b" not in done.stdout + done.stderr + again.stderr


def test_a_run_with_emulator_cannot_be_continued_and_says_what_can(folder: Path) -> None:
    (folder / "three").mkdir()
    for number in range(3):
        (folder / "scenes" / f"s{number}.png").rename(folder / "three" / f"s{number}.png")
    command = ["batch", "three", "--reference", "hero.png", "--out", "out", "--emulator", "--engine", "sheet"]
    done = segmind_swap(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 saved" in done.stdout
    assert "nothing: the batch ran on the emulator" in done.stdout
    assert "these are sheets of the emulator, and no swaps: so they look suspicious" in done.stdout
    with Image.open(folder / "out" / "s1.png") as picture:
        assert picture.size[0] > 600
    again = segmind_swap(*command, cwd=folder)
    assert again.returncode == 2
    for word in ("another --out", "segmind-swap emulator", "SEGMIND_BASE_URL"):
        assert word in again.stderr


def test_a_batch_on_the_emulator_makes_previews_and_a_sheet_where_there_is_no_character(
    folder: Path,
) -> None:
    (folder / "two").mkdir()
    figures.scene().save(folder / "two" / "somebody.png")
    Image.new("RGB", (64, 48), "teal").save(folder / "two" / "nobody.png")
    figures.cut_out().save(folder / "hero.png")
    done = segmind_swap("batch", "two", "--reference", "hero.png", "--out", "out", "--emulator", cwd=folder)
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "out" / "somebody.png") as picture:
        assert "local preview" in picture.info["Comment"]
    with Image.open(folder / "out" / "nobody.png") as picture:
        assert "no swap was made" in picture.info["Comment"]
    report = (folder / "out" / "report.html").read_text()
    assert "each result is a local preview" in report
    assert "has a labelled sheet of its two inputs" in report


def test_a_batch_of_many_gets_sheets_and_says_how_to_get_previews(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(_commands, "PREVIEWS_AT_MOST", 2)
    monkeypatch.setattr(_emulator_engine, "PREVIEWS_AT_MOST", 2)
    batch = ["batch", "scenes", "--reference", "hero.png", "--emulator"]
    done = CliRunner().invoke(app, [*batch, "--out", "out"])
    assert done.exit_code == 0, done.output
    assert "more than 2 inputs: the emulator draws labelled sheets; --engine preview makes" in done.stderr
    assert "each result is a labelled sheet" in (folder / "out" / "report.html").read_text()
    done = CliRunner().invoke(app, [*batch, "--out", "again", "--engine", "none"])
    assert (done.exit_code, "labelled sheets" in done.stderr) == (0, False), done.output
    assert "each result is the same dot" in (folder / "again" / "report.html").read_text()


def test_an_engine_without_the_emulator_is_refused_before_anything_is_sent(folder: Path) -> None:
    for command in (
        ["batch", "scenes", "--reference", "hero.png", "--out", "out"],
        ["swap", *PAIR, "--out", "o"],
    ):
        done = CliRunner().invoke(app, [*command, "--engine", "sheet"], env={"SEGMIND_API_KEY": "k"})
        assert (done.exit_code, "--engine is for --emulator" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "fault", "code", "counts"),
    [
        ([], Fault(on="submit", calls=(2,), cut="after-body"), 4, {"saved": 7, "unknown": 1}),
        (["--timeout", "0.05", "--max-futile", "0"], None, 3, {"accepted": 8}),
        (["--budget", "0.5"], None, 5, {"saved": 3, "pending": 5}),
        ([], Fault(on="submit", status=401), 5, {"pending": 8}),
        ([], Fault(on="submit", calls=(2,), status=400), 1, {"saved": 7, "rejected": 1}),
        (["--strict"], Fault(on="submit", calls=(2,), status=503), 4, {"saved": 7, "unknown": 1}),
    ],
)
def test_the_exit_code_tells_what_is_most_urgent(
    folder: Path, options: list[str], fault: Fault | None, code: int, counts: dict[str, int]
) -> None:
    with an_emulator(speed=1000.0, faults=[fault] if fault else []) as (_, service):
        done = segmind_swap(*BATCH, "--concurrency", "2", "--json", *options, cwd=folder, **service)
    assert done.returncode == code, done.stderr
    fields = json.loads(done.stdout)
    assert fields["states"] == counts
    assert (fields["stopped_by"] is None) == (code != 5)
    assert sorted(results(folder)) == [f"s{n}" for n in range(8)], "no input is dropped"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ("--max-futile", Fault(on="submit", malformed="html")),
        ("--max-failed", Fault(on="poll", status=200, body={"status": "FAILED"})),
    ],
)
def test_a_batch_that_pays_for_nothing_stops_and_says_why(folder: Path, option: str, fault: Fault) -> None:
    with an_emulator(speed=1000.0, faults=[fault]) as (emulator, service):
        done = segmind_swap(*BATCH, "--concurrency", "1", "--json", option, "2", cwd=folder, **service)
        assert 2 <= emulator.count("submit") <= 3
    stopped_by = json.loads(done.stdout)["stopped_by"]
    assert stopped_by["error"] == "NoResultsError"
    assert f"{option} is 2" in stopped_by["message"]
    assert "2 swaps in a row" in done.stderr


def test_failed_runs_count_as_paid_everywhere_unless_they_are_said_to_be_free(folder: Path) -> None:
    fails = Fault(on="poll", status=200, body={"status": "FAILED"})
    with an_emulator(speed=1000.0, faults=[fails]) as (emulator, service):

        def ran(*options: str) -> dict[str, Any]:
            # What failed teaches nothing, so beside another swap each would be looked at after 45 s.
            done = segmind_swap(*BATCH, "--concurrency", "1", "--json", *options, cwd=folder, **service)
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        def status() -> float:
            found = json.loads(segmind_swap("status", "out", "--json", cwd=folder).stdout)
            return float(found["spent_usd"] + found["reserved_usd"])

        first = ran("--budget", "0.31")
        assert len(emulator.ledger) == first["states"]["failed"] == 2
        assert first["committed_usd"] == status() == pytest.approx(0.3044)
        assert ran("--dry-run")["committed_usd"] == pytest.approx(0.3044)
        assert ran("--dry-run", "--failed-is-free")["committed_usd"] == 0.0
        free = ran("--budget", "0.31", "--failed-is-free")
        assert free["states"] == {"failed": 8}
        assert free["committed_usd"] == status() == 0.0


def test_a_journal_of_another_service_is_refused_as_a_usage_error(folder: Path) -> None:
    with an_emulator(speed=1000.0) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
    with an_emulator() as (emulator, service):
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert emulator.calls == ()
    assert done.returncode == 2
    assert "belongs to the origin" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_of_an_earlier_run_without_an_input_is_saved_but_not_counted(folder: Path) -> None:
    with an_emulator(speed=100.0) as (emulator, service):
        assert segmind_swap(*BATCH, "--timeout", "0.05", cwd=folder, **service).returncode == 3
        (folder / "scenes" / "s0.png").unlink()
        (folder / "scenes" / "s1.png").unlink()
        (folder / "out" / "s1.png").mkdir()
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 3, "the picture of s1 is billed, and is not saved"
        fields = json.loads(done.stdout)
        assert fields["states"] == {"saved": 6}
        assert fields["without_input"] == {"saved": 1, "completed": 1}
        assert sorted(results(folder)) == [f"s{n}" for n in range(8)]
        assert len(emulator.ledger) == 8
    assert (folder / "out" / "s0.png").is_file()
