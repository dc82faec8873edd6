"""`review`: what it prints, what it leaves, and its exit codes."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import Journal, Verdict

from ...review.test_applying import decision, exported
from ...support.reviews import a_batch, blank, picture
from ..processes import in_this_process, read_until, running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return a_batch(tmp_path, {"a": picture(1), "black": blank(), "c": picture(3)})


@pytest.fixture
def review(out: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def review(*arguments: str) -> Any:
        return in_this_process("review", "out", *arguments, cwd=out.parent, monkeypatch=monkeypatch)

    return review


def test_the_page_is_written_and_the_next_command_is_printed(out: Path, review: Any) -> None:
    done = review()
    assert done.exit_code == 0
    first, second, *rest = done.stdout.splitlines()
    assert first.startswith("1 of 3 to look at first: 1 blank")
    assert second == "0 kept · 0 discarded · 0 to redo · 3 undecided"
    assert "page     out/review.html" in rest
    assert "  segmind-swap review out --apply decisions.json" in rest
    assert (out / "review.html").is_file()
    assert (out / "review-files").is_dir()


def test_a_threshold_can_be_moved_and_a_flag_turned_off(review: Any) -> None:
    flags = ["--flag", "blank=off", "--flag", "gap=off", "--flag", "bars=off", "--flag", "light=off"]
    assert review("--list", "flagged").stdout == "black\n"
    assert "black" not in review(*flags, "--flag", "background=off", "--list", "flagged").stdout
    wrong = review("--flag", "blanc=1")
    assert wrong.exit_code == 2
    assert "blank" in wrong.stderr


def test_files_of_decisions_are_applied_and_the_next_steps_are_told(out: Path, review: Any) -> None:
    said = {
        "a": decision(out, "a", "keep"),
        "black": decision(out, "black", "redo"),
        "c": decision(out, "c", "discard"),
        "gone": decision(out, "gone", "keep"),
    }
    file = exported(out, "decisions.json", said)
    done = review("--apply", str(file))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == [
        "applied 3 (1 keep, 1 redo, 1 discard)",
        "1 kept · 1 discarded · 1 to redo · 0 undecided",
    ]
    assert "1 to make again, which is paid again, about $0.15" in done.stdout
    assert "  segmind-swap redo out --dry-run" in done.stdout
    assert "  segmind-swap export out --to delivery" in done.stdout
    assert "1 no saved picture has the id:\n  gone" in done.stderr
    again = json.loads(review("--apply", str(file), "--json").stdout)
    assert (again["applied"], again["unchanged"], again["unknown"]) == ([], 3, ["gone"])


def test_a_file_with_decisions_that_cannot_be_read_is_told_in_the_exit_code(out: Path, review: Any) -> None:
    file = exported(out, "d.json", {"a": decision(out, "a", "keep"), "c": decision(out, "c", "burn")})
    done = review("--apply", str(file))
    assert done.exit_code == 2
    assert "applied 1 (1 keep)" in done.stdout
    assert "1 decisions that cannot be read:" in done.stderr


def test_the_decisions_of_another_journal_change_nothing(out: Path, review: Any) -> None:
    file = exported(out, "d.json", {"a": decision(out, "a", "discard")}, journal="another")
    done = review("--apply", str(file))
    assert done.exit_code == 2
    assert "was made for another journal" in done.stderr
    assert (out / "a.png").is_file()


def test_a_script_can_wait_until_nothing_is_undecided(out: Path, review: Any) -> None:
    assert review("--list", "undecided").exit_code == 7
    said = {id: decision(out, id, "keep") for id in ("a", "black", "c")}
    review("--apply", str(exported(out, "d.json", said)))
    done = review("--list", "undecided")
    assert (done.exit_code, done.stdout) == (0, "")
    kept = review("--list", "keep")
    assert (kept.exit_code, kept.stdout) == (0, "a\nblack\nc\n")


def test_a_list_as_json_has_what_a_script_needs(out: Path, review: Any) -> None:
    (black,) = json.loads(review("--list", "flagged", "--json").stdout)
    assert black["id"] == "black"
    assert black["decision"] == "undecided"
    assert black["flags"][0] == "blank"
    assert black["numbers"]["spread"] == 0.0
    assert (out.parent / black["path"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--serve", "--list", "keep"), "at most one of"),
        (("--port", "80"), "--port needs --serve"),
        (("--json",), "--json needs --list or --apply"),
        (("--list", "kept"), "none of these: keep, discard, redo, undecided, flagged"),
        (("--apply", "gone.json"), "gone.json cannot be read"),
        (("--journal", "gone.db"), "there is no journal"),
    ],
)
def test_what_cannot_be_meant_is_refused(review: Any, arguments: tuple[str, ...], message: str) -> None:
    done = review(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_folder_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = in_this_process("review", "nowhere", cwd=tmp_path, monkeypatch=monkeypatch)
    assert done.exit_code == 2
    assert "nowhere is no folder" in done.stderr


def test_a_picture_that_is_gone_is_named(out: Path, review: Any) -> None:
    (out / "c.png").unlink()
    done = review()
    assert "1 recorded as saved, and in no file:\n  c" in done.stderr


def served_url(process: subprocess.Popen[str]) -> str:
    """Reads the output of `--serve` up to the address."""
    assert process.stdout is not None
    line = ""
    while "http://" not in line:
        line = process.stdout.readline()
        assert line, "the process ended early"
    return f"http://{line.partition('http://')[2].split()[0]}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_served_page_saves_a_decision_at_once_whatever_ends_it(out: Path, number: signal.Signals) -> None:
    with running("review", "out", "--serve", cwd=out.parent) as process:
        url = served_url(process)
        body = [{"id": "a", "version": 1, "sha256": decision(out, "a", "keep")["sha256"], "decision": "keep"}]
        answer = httpx.post(f"{url}marks", json=body, trust_env=False)
        assert answer.json()["stored"] == 1
        process.send_signal(number)
        if number is not signal.SIGKILL:
            read_until(process, "every decision is saved")
            assert process.wait(60) == 0
    (mark,) = anyio.run(Journal(out / "journal.db").marks.read)
    assert mark.decision is Verdict.KEEP
