"""The command `reconcile`, as users run it: after a batch that was killed, by script, and in a terminal."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from segmind_swap import Journal, OutcomeState
from segmind_swap.cli._app.app import app
from segmind_swap.cli._reconcile import command
from segmind_swap.emulator import Fault

from ..processes import BATCH, QUICK, an_emulator, in_this_process, running, segmind_swap, states, until

S = OutcomeState


def test_a_batch_that_was_killed_while_it_submitted_gets_all_its_pictures_for_no_new_charge(
    folder: Path,
) -> None:
    # The answers to six submits come so late that the batch is dead by then.
    faults = [Fault(on="submit", calls=(3, 4, 5, 6, 7, 8), delay=3.0)]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        with running(*BATCH, cwd=folder, **service) as process:
            until(lambda: len(emulator.ledger) == 8 and states(folder).get(S.SENDING) == 6)
            process.kill()
            process.wait()
        status = segmind_swap("status", "out", cwd=folder)
        assert "look for what was being sent" in status.stdout
        assert status.stdout.endswith("  segmind-swap reconcile out\n")
        dry = segmind_swap("reconcile", "out", cwd=folder, **service)
        assert (dry.returncode, dry.stderr) == (4, "")
        assert "6 unknown swaps, compared with 2 pages of the account's history\nfound: 6\n" in dry.stdout
        assert "segmind-swap reconcile out --apply" in dry.stdout
        assert states(folder)[S.UNKNOWN] == 6

        applied = segmind_swap("reconcile", "out", "--apply", "--json", cwd=folder, **service)
        assert applied.returncode == 0
        found = json.loads(applied.stdout)
        assert {(swap["verdict"], swap["adopted"]) for swap in found["swaps"]} == {("found", True)}
        done = segmind_swap(*BATCH, "--json", cwd=folder, command=QUICK, **service)
        assert (done.returncode, json.loads(done.stdout)["states"]) == (0, {"saved": 8})
        assert (len(emulator.ledger), emulator.count("submit"), emulator.paid_twice()) == (8, 8, [])
        again = segmind_swap("reconcile", "out", cwd=folder, **service)
        assert (again.returncode, again.stdout) == (0, "no swap is unknown: nothing to look for\n")


def _unknown(folder: Path, service: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch whose first submit was cut, and not billed."""
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    done = in_this_process(*BATCH, "--concurrency", "1", cwd=folder, monkeypatch=monkeypatch)
    assert done.exit_code == 4
    assert "segmind-swap reconcile out/journal.db" in done.stdout


def _made_older(folder: Path, hours: float) -> None:
    """Moves the POST of each swap without a job into the past: two hours are too long for a test."""
    with sqlite3.connect(folder / "out" / "journal.db") as journal:
        journal.execute(
            "UPDATE swaps SET posted = json_set(posted, '$[0].at', json_extract(posted, '$[0].at') - ?)"
            " WHERE job IS NULL",
            (hours * 3600,),
        )
    journal.close()


def test_what_is_not_listed_stays_unknown_and_each_missing_proof_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [Fault(on="submit", calls=(1,), cut="after-body", accepts=False)]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        _unknown(folder, service, monkeypatch)
        for options in ([], ["--apply"], ["--apply", "--resubmit-missing"]):
            shown = in_this_process("reconcile", "out", *options, cwd=folder, monkeypatch=monkeypatch)
            assert shown.exit_code == 4
            assert "not listed: 1" in shown.stdout
            assert "- the submit is not more than 2 hours ago" in shown.stdout
            assert "- no job of this journal is in the history while it still runs" in shown.stdout
            assert "segmind-swap resolve out s0 --resubmit" in shown.stdout
        wrong = ["--apply", "--resubmit-missing", "--number", "1"]
        refused = in_this_process("reconcile", "out", *wrong, cwd=folder, monkeypatch=monkeypatch)
        assert refused.exit_code == 2
        assert "0 swaps may be submitted again, not 1; nothing was changed" in refused.stderr
        assert len(emulator.ledger) == 7
    assert Journal(folder / "out" / "journal.db").summary().unknown == ("s0",)


def test_a_swap_that_is_proven_to_be_missing_is_submitted_again_after_its_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [Fault(on="submit", calls=(1,), cut="after-body", accepts=False)]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        _unknown(folder, service, monkeypatch)
        # A job that still runs: a second batch of the same journal did not wait for it.
        emulator.pause()
        (folder / "more.csv").write_text("id,reference,scene\nextra,hero.png,street.jpg\n")
        more = ["batch", "more.csv", "--out", "more", "--journal", "out/journal.db", "--timeout", "1"]
        assert in_this_process(*more, cwd=folder, monkeypatch=monkeypatch).exit_code == 3
        _made_older(folder, 3.0)

        def shown(*options: str, typed: str | None = None) -> Result:
            if typed is not None:
                monkeypatch.setattr(command, "_has_terminal", lambda: True)
            monkeypatch.chdir(folder)
            runner = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
            return runner.invoke(app, ["reconcile", "out", *options], input=typed)

        dry = shown()
        assert "to submit 1 swap again, which is paid (about $0.15):" in dry.stdout
        assert "not to be submitted again" not in dry.stdout
        by_script = shown("--apply", "--resubmit-missing")
        assert (by_script.exit_code, "give --number 1" in by_script.stderr) == (2, True)
        for typed in ("2\n", "yes\n"):
            refused = shown("--apply", "--resubmit-missing", typed=typed)
            assert (refused.exit_code, "nothing was changed" in refused.stderr) == (2, True)
        assert Journal(folder / "out" / "journal.db").summary().unknown == ("s0",)
        done = shown("--apply", "--resubmit-missing", typed="1\n")
        assert (done.exit_code, "1 swap will be submitted again" in done.stdout) == (0, True)

        emulator.resume()
        assert in_this_process(*BATCH, cwd=folder, monkeypatch=monkeypatch).exit_code == 0
        assert (len(emulator.ledger), emulator.paid_twice()) == (9, [])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--number", "1"], "--number needs --resubmit-missing"),
        (["--resubmit-missing"], "--resubmit-missing needs --apply"),
        (["--choose", "s0"], "--choose 's0': write ID=REQUEST"),
        (["--choose", "=r"], "write ID=REQUEST"),
        (["--choose", "a=r-1", "--choose", "a=r-2"], "--choose gives 'a' two requests"),
    ],
)
def test_options_that_pay_are_given_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], problem: str
) -> None:
    refused = in_this_process("reconcile", "out", *options, cwd=folder, monkeypatch=monkeypatch)
    assert refused.exit_code == 2
    assert problem in refused.stderr


def test_a_journal_or_a_key_that_is_missing_is_a_usage_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    no_key = in_this_process("reconcile", "out", cwd=folder, monkeypatch=monkeypatch)
    assert (no_key.exit_code, "there is no API key" in no_key.stderr) == (2, True)
    monkeypatch.setenv("SEGMIND_API_KEY", "emulator-key")
    none = in_this_process("reconcile", "out", "--json", cwd=folder, monkeypatch=monkeypatch)
    assert none.exit_code == 2
    assert json.loads(none.stdout)["error"] == "JournalError"


@pytest.mark.parametrize(("status", "code"), [(401, 1), (403, 1), (404, 1)])
def test_a_history_that_cannot_be_read_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    faults: list[Any] = [
        Fault(on="submit", calls=(1,), cut="after-body"),
        Fault(on="history", status=status),
    ]
    with an_emulator(speed=1000.0, faults=faults) as (_, service):
        _unknown(folder, service, monkeypatch)
        shown = in_this_process("reconcile", "out", "--apply", cwd=folder, monkeypatch=monkeypatch)
    assert shown.exit_code == code
    assert "the request for the account's history was answered" in shown.stderr
    assert Journal(folder / "out" / "journal.db").summary().unknown == ("s0",)
    assert os.environ["SEGMIND_API_KEY"] not in shown.stderr
