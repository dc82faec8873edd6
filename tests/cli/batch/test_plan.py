"""What happens before anything of a batch is paid: the check of the inputs, and the dry run."""

import json
import re
from pathlib import Path

import pytest

from segmind_swap.cli._tables.columns import COLUMNS
from segmind_swap.cli._terminal.exit_codes import ExitCode

from ..processes import BATCH, an_emulator, segmind_swap

HEADER = ",".join(COLUMNS)


def test_all_inputs_that_cannot_be_used_are_told_together_and_nothing_is_sent(folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    (folder / "out").mkdir()
    (folder / "out" / "taken.png").write_bytes(b"precious")
    rows = ["A,hero.png,gone.png", "a,hero.png,scenes/s0.png", "b,notes.txt,scenes/s1.png"]
    rows += ["taken,hero.png,scenes/s2.png", "con,hero.png,scenes/s3.png", ",hero.png,scenes/s4.png"]
    rows += [f"many-{number},gone-{number}.png,scenes/s5.png" for number in range(20)]
    (folder / "pairs.csv").write_text("\n".join([HEADER, "good,hero.png,scenes/s6.png", *rows]))
    with an_emulator() as (emulator, service):
        done = segmind_swap("batch", "pairs.csv", "--out", "out", "--json", cwd=folder, **service)
        assert emulator.calls == ()
    assert done.returncode == 2
    assert "26 inputs cannot be used; nothing was sent" in done.stderr
    for problem in (
        "pairs.csv:8: there is no id",
        "gone.png: No such file",
        "would be the same file as 'A'",
        "notes.txt: it is no picture",
        "taken.png exists already",
        "the id 'con' cannot be used",
    ):
        assert problem in done.stderr
    assert len(re.findall("^  ", done.stderr, re.MULTILINE)) == 8
    assert "and 20 more of this kind (many-0, many-1" in done.stderr
    assert done.stderr.splitlines()[-1] == "  --skip-bad leaves them out, and continues with the other 1"
    assert json.loads(done.stdout)["error"] == "ConfigurationError"
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["taken.png"]


def test_a_dry_run_needs_no_key_sends_nothing_and_tells_cost_and_time(folder: Path) -> None:
    done = segmind_swap(*BATCH, "--dry-run", "--concurrency", "4", "--budget", "1", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "inputs   8, all of them usable",
        "cost     about $1.22, at $0.1522 a swap",
        "budget   $1.00; the budget stops the batch after 6 swaps: at most $0.91",
        "time     about 2 min 24 s",
    ):
        assert line in done.stdout
    with an_emulator() as (emulator, service):
        slow = segmind_swap(*BATCH, "--dry-run", "--json", "--rpm", "2", cwd=folder, **service)
        assert json.loads(slow.stdout) == {
            "inputs": 8,
            "states": {"pending": 8},
            "to_submit": 8,
            "to_copy": 0,
            "within_budget": 8,
            "cost_usd": 1.2176,
            "committed_usd": 0.0,
            "seconds": 7 * 30 + 71.89,
            "passed_over": [],
            "changed_ids": {},
            "copies": [],
            "flat": [],
            "undecoded": [],
            "decoded": True,
            "left_out": [],
        }
        assert emulator.calls == ()
        assert not (folder / "out").exists()

        done = segmind_swap(*BATCH, "--budget", "0.5", cwd=folder, **service)
        assert done.returncode == ExitCode.STOPPED
        later = json.loads(segmind_swap(*BATCH, "--dry-run", "--json", cwd=folder, **service).stdout)
        assert (later["states"], later["to_submit"]) == ({"pending": 5, "saved": 3}, 5)
        assert later["committed_usd"] == pytest.approx(3 * 0.1522)
        assert len(emulator.ledger) == 3
