"""Batches of folders, with the emulator's ledger as the witness: what is no scene is never paid."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from segmind_swap.emulator import Fault

from ..processes import BATCH, drawn, results
from .shell import Shell

SCENES = ", ".join(f"s{number}" for number in range(8))


def picture(path: Path, number: int) -> None:
    drawn(number).save(path, "PNG")


def test_a_batch_that_saves_into_its_own_folder_never_pays_for_its_reference_or_its_results(
    folder: Path, shell: Shell
) -> None:
    names = ["a.jpeg", "B.JPG", "c.jpe", "d.jfif", "e:f.png"]
    (folder / "own").mkdir()
    for number, name in enumerate([*names, "hero.png"]):
        picture(folder / "own" / name, number)
    own = ["batch", ".", "--reference", "hero.png", "--poll-interval", "0.1", "--out"]
    first = shell.run(*own, ".", cwd=folder / "own")
    assert first.exit_code == 0, first.stderr
    assert "1 passed over: 1 file with the reference (hero.png)" in first.stderr
    assert re.search(
        r"1 scene has another id than the name: e:f\.png is e_f-[0-9a-f]{8}$", first.stderr, re.MULTILINE
    )
    assert shell.paid == len(names)
    for _ in range(2):
        again = shell.json(*own, ".", cwd=folder / "own")
        assert (again["states"], shell.paid) == ({"saved": 5}, 5)
    (folder / "own").rename(folder / "moved")
    for out in (".", "elsewhere"):
        plan = shell.json(*own, out, "--dry-run", cwd=folder / "moved")
        assert plan["inputs"] == 5
        assert plan["to_submit"] == (0 if out == "." else 5)
        assert {passed["reason"] for passed in plan["passed_over"]} == {
            "the reference",
            "a result of an earlier run",
        }
    # New files with the stems of known ones, before them in the order of the names.
    for number, name in enumerate(["a.jfif", "c.jfif", "B.JFIF"], start=50):
        picture(folder / "moved" / name, number)
    assert shell.json(*own, ".", cwd=folder / "moved")["states"] == {"saved": 8}
    assert (shell.paid, shell.emulator.paid_twice()) == (8, [])


def test_the_dry_run_says_what_it_passes_over_and_the_run_says_it_on_standard_error(
    folder: Path, shell: Shell
) -> None:
    for name in ("a.heic", "b.tif", ".DS_Store"):
        (folder / "scenes" / name).write_text(name)
    (folder / "scenes" / "sub").mkdir()
    dry = shell.run(*BATCH, "--dry-run", cwd=folder)
    told = (
        "3 passed over: 2 pictures in other formats (a.heic, b.tif); 1 folder (sub/). --recursive reads"
        " folders"
    )
    assert dry.stdout.startswith(f"inputs   8, all of them usable\n         {told}\njournal")
    assert dry.stderr == ""
    assert shell.json(*BATCH, "--dry-run", cwd=folder)["passed_over"] == [
        {"name": "a.heic", "kind": "other format", "reason": ""},
        {"name": "b.tif", "kind": "other format", "reason": ""},
        {"name": "sub/", "kind": "folder", "reason": ""},
    ]
    done = shell.run(*BATCH, "--json", cwd=folder)
    assert done.stderr.startswith(f"segmind-swap: {told}\n")
    assert json.loads(done.stdout)["states"] == {"saved": 8}


def test_report_and_results_follow_a_folder_that_was_moved_with_or_without_its_inputs(
    folder: Path, shell: Shell
) -> None:
    def links(out: Path) -> list[Path]:
        page = (out / "report.html").read_text(encoding="utf-8")
        return [out / link for link in re.findall(r'<img src="([^"]*)"', page)]

    project = folder / "project"
    project.mkdir()
    for name in ("hero.png", "scenes"):
        (folder / name).rename(project / name)
    assert shell.run(*BATCH, cwd=project).exit_code == 0
    # All is moved; then only the results; then another batch of one scene shows the others, too.
    moved = project.rename(folder / "moved")
    (moved / "one").mkdir()
    for source in ("out", "out", "results"):
        out = moved / "out"
        if source != "out":
            out.rename(moved / source)
            out = moved / source
        assert shell.run(*(source if word == "out" else word for word in BATCH), cwd=moved).exit_code == 0
        assert len(links(out)) == 24
        assert [link for link in links(out) if not link.is_file()] == []
        saved = {line["path"] for line in map(json.loads, (out / "results.jsonl").read_text().splitlines())}
        assert saved == {str(out / f"s{number}.png") for number in range(8)}
    last = moved.rename(folder / "last")
    picture(last / "one" / "new.png", 99)
    command = ["batch", "one", "--reference", "hero.png", "--out", "results", "--poll-interval", "0.1"]
    assert shell.run(*command, cwd=last).exit_code == 0
    assert len(links(last / "results")) == 27
    assert [link for link in links(last / "results") if not link.is_file()] == []
    assert (shell.paid, shell.emulator.paid_twice()) == (9, [])


def test_results_of_inputs_that_a_stopped_run_did_not_reach_follow_the_folder_too(
    folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell.run(*BATCH, cwd=folder).exit_code == 0
    moved = folder.rename(folder.with_name("moved"))
    monkeypatch.setenv("SEGMIND_API_KEY", "wrong")
    picture(moved / "scenes" / "a.png", 99)
    assert shell.run(*BATCH, "--concurrency", "1", cwd=moved).exit_code == 5
    lines = results(moved)
    assert {lines[f"s{number}"]["path"] for number in range(8)} == {
        str(moved / "out" / f"s{number}.png") for number in range(8)
    }


def test_status_counts_the_inputs_that_are_left_and_never_their_money(folder: Path, shell: Shell) -> None:
    assert shell.run(*BATCH, "--budget", "0.31", "--concurrency", "1", cwd=folder).exit_code == 5
    status = shell.json("status", "out", cwd=folder)
    assert status["states"] == {"saved": 2, "pending": 6}
    assert status["spent_usd"] + status["reserved_usd"] == pytest.approx(2 * 0.1522)
    text = shell.run("status", "out", cwd=folder).stdout
    assert text.startswith("8 swaps in out/journal.db\n")
    assert re.search(r"^  6  pending +not sent; nothing is charged$", text, re.MULTILINE)
    plan = shell.json(*BATCH, "--dry-run", "--budget", "0.62", cwd=folder)
    assert (plan["states"], plan["to_submit"], plan["within_budget"]) == ({"saved": 2, "pending": 6}, 6, 2)
    # A run with other inputs counts its own: what is not asked for any more is not left.
    for number in range(3, 8):
        (folder / "scenes" / f"s{number}.png").unlink()
    assert shell.run(*BATCH, cwd=folder).exit_code == 0
    status = shell.json("status", "out", cwd=folder)
    assert status["states"].pop("saved") == 3
    assert sum(status["states"].values()) <= 1, "an input that the first run had taken has an entry"
    assert shell.paid == 3


def test_no_result_of_a_killed_run_is_paid_as_a_scene_by_another_journal(folder: Path, shell: Shell) -> None:
    """The first run saved among the scenes, with its journal elsewhere, and left nothing but pictures."""
    inside = [*BATCH[:4], "--poll-interval", "0.1", "--recursive", "--out"]
    first = shell.run(*inside, "scenes/out", "--journal", "first.db", cwd=folder)
    assert first.exit_code == 0, first.stderr
    for name in ("results.jsonl", "report.html"):
        (folder / "scenes" / "out" / name).unlink()
    for journal in ("first.db", "second.db"):
        plan = shell.json(*inside, "elsewhere", "--journal", journal, "--dry-run", cwd=folder)
        assert plan["inputs"] == 8
    assert not (folder / "scenes" / "out" / "journal.db").exists()
    assert shell.run(*BATCH, cwd=folder).exit_code == 0
    assert not (folder / "out" / ".segmind-swap").exists(), "the journal in the folder says more"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name themselves")
@pytest.mark.parametrize("option", ["--out", "--journal"])
def test_a_folder_that_is_not_utf_8_is_told_before_any_folder_is_made(
    folder: Path, shell: Shell, option: str
) -> None:
    name = os.fsdecode(b"caf\xe9")
    done = shell.run(*BATCH, option, f"new/{name}/x", cwd=folder)
    assert done.exit_code == 2
    assert rf"{option}: the name of the folder b'" in done.stderr
    assert r"caf\xe9/x' is not UTF-8: give another folder" in done.stderr.replace("\n", "")
    assert not (folder / "new").exists()
    assert not (folder / "out").exists()
    # The current folder counts, too; scenes in such a folder, or with such names, are read.
    (folder / "scenes").rename(folder / name)
    picture(folder / name / os.fsdecode(b"\xe9.png"), 99)
    assert (
        shell.run("batch", ".", "--reference", "../hero.png", "--out", "out", cwd=folder / name).exit_code
        == 2
    )
    assert not (folder / name / "out").exists()
    found = shell.json(
        "batch", name, "--reference", "hero.png", "--out", "out", "--poll-interval", "0.1", cwd=folder
    )
    assert found["states"] == {"saved": 9}


def test_one_cause_is_said_once_with_a_count_and_the_first_ids(folder: Path, shell: Shell) -> None:
    (folder / "bad.png").write_text("no picture")
    for dry in ([], ["--dry-run"]):
        done = shell.run(*BATCH[:2], "--reference", "bad.png", "--out", "out", *dry, cwd=folder)
        assert done.exit_code == 2
        count, cause = done.stderr.splitlines()
        assert count == "segmind-swap: 8 inputs cannot be used; nothing was sent"
        assert cause.startswith(f"  8 inputs ({SCENES}): {folder}/bad.png: it is no picture")
    assert shell.run(*BATCH, cwd=folder).exit_code == 0
    (folder / "other.png").write_bytes((folder / "scenes" / "s0.png").read_bytes())
    done = shell.run(*BATCH[:2], "--reference", "other.png", "--out", "out", cwd=folder)
    told = done.stderr.splitlines()
    assert told[-3] == "segmind-swap: 7 inputs cannot be used; nothing was sent"
    assert told[-2].startswith("  s1: the journal out/journal.db knows the id 's1' with other pictures")
    assert told[-1] == "  and 6 more of this kind (s2, s3, s4, s5, s6, s7)"
    rows = [f"r{number},hero.png,gone-{number}.png" for number in range(30)] + ["x,hero.png"] * 30
    (folder / "pairs.csv").write_text("\n".join(["id,reference,scene", *rows]))
    done = shell.run("batch", "pairs.csv", "--out", "new", cwd=folder)
    assert done.stderr.splitlines()[0] == "segmind-swap: 60 inputs cannot be used; nothing was sent"
    assert len(done.stderr.splitlines()) == 4
    assert "pairs.csv:38, pairs.csv:39 and 22 more): there is no" in done.stderr
    assert f"  r0: {folder}/gone-0.png: No such file" in done.stderr
    assert "  and 29 more of this kind (r1, r2, r3, r4, r5, r6, r7, r8 and 21 more)" in done.stderr
    assert shell.paid == 8


def test_a_picture_of_an_earlier_run_that_cannot_be_fetched_again_is_named_with_its_reason(
    folder: Path, shell: Shell
) -> None:
    assert shell.run(*BATCH, cwd=folder).exit_code == 0
    (folder / "out" / "s1.png").unlink()
    shell.emulator.inject(Fault(on="file", status=410))
    again = shell.run(*BATCH, cwd=folder)
    assert again.exit_code == 3
    assert re.search(r"^completed +s1: .*410", again.stderr, re.MULTILINE)
    assert re.search(r"^  s1: .*410", again.stdout, re.MULTILINE)
    assert shell.paid == 8
