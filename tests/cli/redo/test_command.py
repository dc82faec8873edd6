"""`segmind-swap redo`: what it says before it pays, what it makes, and what it leaves alone."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import anyio
import pytest

from segmind_swap import Review, Verdict
from segmind_swap.emulator import Emulator, Fault, Picture

from ...support.redone import files
from ...support.sessions import png
from ..processes import BATCH, an_emulator, in_this_process, results, segmind_swap

FAILS = Fault(on="poll", status=200, body={"status": "FAILED", "error": "no face was found"})


@pytest.fixture
def service() -> Iterator[tuple[Emulator, dict[str, str]]]:
    numbers = count(1)

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        return png(next(numbers))

    with an_emulator(engine=engine, speed=1000.0) as found:
        yield found


def mark(folder: Path, *ids: str) -> None:
    async def decide() -> None:
        review = Review(folder / "out" / "journal.db", folder=folder / "out")
        for id in ids:
            await review.decide(id, Verdict.REDO)

    anyio.run(decide)


def test_marked_swaps_are_redone_once_and_the_files_show_the_current_versions(
    folder: Path, service: tuple[Emulator, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, variables = service
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    nothing = in_this_process("redo", "out", cwd=folder, monkeypatch=monkeypatch)
    assert (nothing.exit_code, "nothing is marked" in nothing.stdout) == (0, True)
    before = files(folder / "out")
    mark(folder, "s2", "s5")

    plan = ["redo", "out", "--dry-run", "--budget", "2"]
    dry = in_this_process(*plan, cwd=folder, monkeypatch=monkeypatch)
    assert dry.stdout.splitlines()[0] == "2 swaps, about $0.30, paid AGAIN; budget left $0.78"
    fields = json.loads(in_this_process(*plan, "--json", cwd=folder, monkeypatch=monkeypatch).stdout)
    # In the order of the journal, in which the batch has read the pictures.
    fields["to_submit"].sort()
    assert fields == {
        "to_submit": ["s2", "s5"],
        "to_finish": [],
        "ended": {},
        "cost_usd": pytest.approx(0.3044),
        "committed_usd": pytest.approx(8 * 0.1522),
        "budget_left_usd": pytest.approx(2 - 8 * 0.1522),
    }
    refused = in_this_process("redo", "out", cwd=folder, monkeypatch=monkeypatch)
    assert (refused.exit_code, "give --pay-again" in refused.stderr) == (2, True)
    assert len(emulator.ledger) == 8

    redo = ["redo", "out", "--pay-again", "--poll-interval", "0.1"]
    done = segmind_swap(*redo, cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^2 of 2 saved in", done.stdout, re.MULTILINE)
    assert len(emulator.ledger) == 10
    now = files(folder / "out")
    assert now["versions/s2.1.png"] == before["s2.png"] != now["s2.png"]
    lines = results(folder)
    assert {id: fields["version"] for id, fields in lines.items()} == {
        f"s{number}": 2 if number in {2, 5} else 1 for number in range(8)
    }
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("version 2") == 2
    assert "8 of 8" in page

    again = segmind_swap(*redo, cwd=folder, **variables)
    assert (again.returncode, "nothing is marked" in again.stdout) == (0, True), "the marks are undecided"
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    assert len(emulator.ledger) == 10
    status = in_this_process("status", "out", cwd=folder, monkeypatch=monkeypatch).stdout
    assert "2 redone: the current version is a later one than the first" in status
    assert "$0.30 of this money is for redos" in status


def test_named_swaps_get_another_reference_and_the_report_tells_which(
    folder: Path, service: tuple[Emulator, dict[str, str]]
) -> None:
    emulator, variables = service
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    (folder / "hero2.png").write_bytes(png(500))
    redo = ["redo", "out", "S1", "--reference", "hero2.png", "--pay-again", "--poll-interval", "0.1"]
    assert segmind_swap(*redo, cwd=folder, **variables).returncode == 0
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "../hero2.png" in page
    again = segmind_swap(*redo, cwd=folder, **variables)
    assert again.returncode == 0
    assert "s1: redone already. To pay for another version: s1:2" in again.stdout
    third = [*redo[:2], "s1:2", *redo[3:]]
    assert segmind_swap(*third, cwd=folder, **variables).returncode == 0
    assert sorted(name for name in files(folder / "out") if name.startswith("versions/")) == [
        "versions/s1.1.png",
        "versions/s1.2.png",
    ]
    assert len(emulator.ledger) == 10


def test_a_redo_that_fails_says_how_to_go_on_and_is_not_paid_again_by_itself(
    folder: Path, service: tuple[Emulator, dict[str, str]]
) -> None:
    emulator, variables = service
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    before = files(folder / "out")
    redo = ["redo", "out", "s1", "--pay-again", "--poll-interval", "0.1"]
    emulator.inject(FAILS)
    failed = segmind_swap(*redo, cwd=folder, **variables)
    emulator.withdraw_all()
    assert failed.returncode == 6
    assert "no face was found" in failed.stdout
    assert "ID:2" in failed.stdout
    assert "--retry-failed" not in failed.stdout
    again = segmind_swap(*redo, cwd=folder, **variables)
    assert again.returncode == 0
    assert "s1: version 2 is failed. To pay for another version: s1:2" in again.stdout
    assert len(emulator.ledger) == 9
    assert files(folder / "out")["s1.png"] == before["s1.png"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["out", "s1:0"], "names no version"),
        (["out", "nobody"], "there is no swap 'nobody' to redo"),
        (["out", "s-1"], "did you mean 's1'"),
        (["out", "s1:2"], "has no version 2"),
        (["out", "s1", "--reference", "missing.png"], "missing.png"),
        (["nowhere", "s1"], "is no folder"),
        (["scenes", "s1"], "journal"),
        (["out", "s1", "--budget", "-1"], "--budget must not be below zero"),
    ],
)
def test_what_cannot_be_redone_is_said_and_nothing_is_sent(
    folder: Path,
    service: tuple[Emulator, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    says: str,
) -> None:
    emulator, variables = service
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = in_this_process("redo", *words, "--pay-again", cwd=folder, monkeypatch=monkeypatch)
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(emulator.ledger) == 8


def test_a_budget_that_all_versions_have_used_stops_the_redo(
    folder: Path, service: tuple[Emulator, dict[str, str]]
) -> None:
    emulator, variables = service
    assert segmind_swap(*BATCH, cwd=folder, **variables).returncode == 0
    redo = ["redo", "out", "s0", "s1", "--budget", "1.4", "--pay-again", "--poll-interval", "0.1"]
    stopped = segmind_swap(*redo, "--concurrency", "1", cwd=folder, **variables)
    assert stopped.returncode == 5
    assert "the budget stops the redo after 1; a higher --budget continues it" in stopped.stdout
    assert len(emulator.ledger) == 9
    more = segmind_swap(*redo[:5], "9", *redo[6:], cwd=folder, **variables)
    assert more.returncode == 0, more.stderr
    assert len(emulator.ledger) == 10


def test_without_a_key_the_command_names_no_option_that_it_does_not_have(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    (folder / "out").mkdir()
    refused = in_this_process("redo", "out", "s1", cwd=folder, monkeypatch=monkeypatch)
    assert (refused.exit_code, "no API key" in refused.stderr) == (2, True)
    assert "--emulator" not in refused.stderr
    nowhere = in_this_process("redo", "nowhere", "s1", cwd=folder, monkeypatch=monkeypatch)
    assert "nowhere is no folder" in nowhere.stderr
    assert "key" not in nowhere.stderr
