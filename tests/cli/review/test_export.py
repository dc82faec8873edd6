"""`export`: what is handed on, and what is said about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ...review.test_applying import decision, exported
from ...support.reviews import a_batch
from ..processes import in_this_process


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    out = a_batch(tmp_path, ["a", "b", "c"])

    def run(*arguments: str) -> Any:
        return in_this_process(*arguments, cwd=tmp_path, monkeypatch=monkeypatch)

    said = {"a": decision(out, "a", "keep"), "b": decision(out, "b", "discard")}
    run("review", "out", "--apply", str(exported(out, "d.json", said)))
    return run


def test_the_kept_pictures_are_exported_and_the_others_are_counted(tmp_path: Path, run: Any) -> None:
    done = run("export", "out", "--to", "delivery")
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first.startswith("exported 1 picture")
    assert first.endswith("to delivery")
    assert second == "not exported: 1 discarded, 1 undecided"
    assert (tmp_path / "delivery" / "manifest.csv").is_file()


def test_a_zip_and_json(tmp_path: Path, run: Any) -> None:
    only = ["--only", "keep", "--only", "undecided"]
    done = run("export", "out", "--to", "delivery", "--zip", *only, "--json")
    fields = json.loads(done.stdout)
    assert fields["path"] == "delivery.zip"
    assert (fields["pictures"], fields["not_exported"], fields["missing"]) == (2, {"discard": 1}, [])
    assert (tmp_path / "delivery.zip").stat().st_size > 0


def test_pictures_that_are_gone_are_told_and_a_kept_one_stops_the_export(tmp_path: Path, run: Any) -> None:
    (tmp_path / "out" / "c.png").unlink()
    told = run("export", "out", "--to", "first")
    assert told.exit_code == 0
    assert "1 recorded as saved, in no file, and not exported" in told.stderr
    assert "  c" in told.stderr.splitlines()
    (tmp_path / "out" / "a.png").unlink()
    stopped = run("export", "out", "--to", "second")
    assert stopped.exit_code == 2
    assert "'a' is in no file any more" in stopped.stderr
    assert not (tmp_path / "second").exists()


def test_nothing_is_replaced_and_nothing_wrong_is_accepted(tmp_path: Path, run: Any) -> None:
    (tmp_path / "delivery").mkdir()
    for arguments, message in (
        (("--to", "delivery"), "exists already"),
        (("--to", "d", "--only", "discard"), "none of these: keep, redo, undecided"),
        (("--to", "d", "--only", "redo"), "no picture to export"),
    ):
        done = run("export", "out", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr


def test_a_folder_that_cannot_be_written_is_an_error_without_a_traceback(tmp_path: Path, run: Any) -> None:
    (tmp_path / "file").touch()
    done = run("export", "out", "--to", "file/delivery")
    assert done.exit_code == 2
    assert "nothing was exported" in done.stderr
