"""`segmind-swap cost`: what batches cost, certainly and at most, and what the account says."""

import csv
import json
from pathlib import Path

import pytest

from segmind_swap.emulator import Fault

from ..processes import BATCH, an_emulator, in_this_process, segmind_swap


def test_the_bill_of_a_batch_agrees_with_its_status_and_with_the_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [Fault(on="submit", calls=(1,), cut="after-body")]
    with an_emulator(speed=1000.0, faults=faults, credits_usd=100.0) as (emulator, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 4
        for name, value in service.items():
            monkeypatch.setenv(name, value)
        told = in_this_process(
            "cost", "out", "--csv", "bill.csv", "--credits-before", "100", cwd=folder, monkeypatch=monkeypatch
        )
        assert told.exit_code == 0, told.stderr
        lines = told.stdout.splitlines()
        assert [line.split() for line in lines[:4]] == [
            ["versions", "certain", "at", "most"],
            ["undecided", "7", "$1.07", "$1.07"],
            ["unknown", "1", "$0.00", "$0.15"],
            ["total", "8", "$1.07", "$1.22"],
        ]
        assert "between certain and at most" in lines[4]
        assert (
            lines[5]
            == "of this, nobody was billed for out: its service was on this machine, as the emulator is"
        )
        assert len(emulator.ledger) == 8
    with (folder / "bill.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 8
    fields = json.loads(
        in_this_process("cost", "out", "out/journal.db", "--json", cwd=folder, monkeypatch=monkeypatch).stdout
    )
    status = json.loads(
        in_this_process("status", "out", "--json", cwd=folder, monkeypatch=monkeypatch).stdout
    )
    committed = status["spent_usd"] + status["reserved_usd"]
    assert fields["total"]["at_most_usd"] == pytest.approx(2 * committed, abs=0.001), (
        "of both that were named"
    )
    assert len(fields["versions"]) == 16
    assert fields["charged_usd"] is None


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("90", "less than is certain"),
        ("100", "less than before: exactly the total"),
        ("110", "something else was charged"),
    ],
)
def test_an_account_that_does_not_agree_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str, says: str
) -> None:
    with an_emulator(speed=1000.0, credits_usd=100.0) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
        for name, value in service.items():
            monkeypatch.setenv(name, value)
        words = ["cost", "out", "--credits-before", before]
        assert says in in_this_process(*words, cwd=folder, monkeypatch=monkeypatch).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "nowhere"),
        (["scenes"], "journal"),
        (["out", "--price", "0"], "--price must be above zero"),
        (["out", "--csv", "no/folder/bill.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_told_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    with an_emulator(speed=1000.0) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
    done = in_this_process("cost", *words, cwd=folder, monkeypatch=monkeypatch)
    assert (done.exit_code, says in done.stderr) == (2, True)
