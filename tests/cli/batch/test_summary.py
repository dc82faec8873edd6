"""The end of a batch: the exit code and the next steps."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import BudgetExceededError, OutcomeState, SwapError, SwapOutcome, SwapRequest
from segmind_swap.cli._batch.failures import Failures
from segmind_swap.cli._batch.summary import BatchSummary

S = OutcomeState


def summary(states: dict[OutcomeState, int], **changes: Any) -> BatchSummary:
    defaults: dict[str, Any] = {
        "settled_earlier": Counter(),
        "without_input": Counter(),
        "failures": Failures(),
        "committed_usd": 0.6,
        "budget_usd": None,
        "stopped_by": None,
        "signal": None,
        "is_cancelled": False,
        "seconds": 61.0,
        "journal": Path("out/journal.db"),
        "results": Path("out/results.jsonl"),
        "emulator": False,
    }
    return BatchSummary(states=Counter(states), **{**defaults, **changes})


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({S.SAVED: 2}, 0),
        ({S.SAVED: 1, S.FAILED: 1}, 6),
        ({S.REJECTED: 1}, 1),
        ({S.ABANDONED: 1}, 6),
        ({S.REJECTED: 2, S.FAILED: 1}, 6),
        ({S.PENDING: 1, S.FAILED: 1}, 5),
        ({S.ACCEPTED: 1, S.PENDING: 1}, 3),
        ({S.EXPIRED: 1, S.PENDING: 1}, 3),
        ({S.COMPLETED: 1, S.PENDING: 1}, 3),
        ({S.UNKNOWN: 1, S.ACCEPTED: 1}, 4),
        ({S.SENDING: 1, S.PENDING: 1}, 4),
    ],
)
def test_the_most_urgent_state_decides_the_exit_code(states: dict[OutcomeState, int], code: int) -> None:
    assert summary(states).exit_code == code
    assert summary(states, signal=signal.SIGINT).exit_code == 130
    assert summary(states, signal=signal.SIGTERM).exit_code == 143
    assert summary(states, signal=signal.SIGHUP).exit_code == 129


def test_what_an_earlier_run_settled_does_not_count_for_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    earlier = Counter({S.FAILED: 1, S.REJECTED: 2})
    resumed = summary({S.SAVED: 5, S.FAILED: 1, S.REJECTED: 2}, settled_earlier=earlier)
    assert resumed.exit_code == 0
    resumed.show(as_json=False)
    assert "1 failed and 2 rejected in an earlier run, which does not count" in capsys.readouterr().out
    assert summary({S.SAVED: 5, S.FAILED: 2}, settled_earlier=Counter({S.FAILED: 1})).exit_code == 6
    assert summary({S.UNKNOWN: 1, S.FAILED: 1}, settled_earlier=Counter({S.FAILED: 1})).exit_code == 4


def test_a_billed_job_whose_input_is_gone_counts_for_the_exit_code_if_it_is_not_saved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert summary({S.SAVED: 5}, without_input=Counter({S.SAVED: 2})).exit_code == 0
    assert summary({S.SAVED: 5}, without_input=Counter({S.FAILED: 1})).exit_code == 6
    others = Counter({S.ACCEPTED: 2, S.SAVED: 1, S.COMPLETED: 1})
    ended = summary({S.SAVED: 5}, without_input=others)
    assert ended.exit_code == 3
    ended.show(as_json=False)
    out = capsys.readouterr().out
    assert "2 accepted and 1 saved and 1 completed of an earlier run, without an input in this run\n" in out
    assert "it downloads 2 that are billed already (free)" in out
    assert "1 billed and not saved: add the input again to fetch its picture (free)" in out


def test_the_end_of_a_batch_names_its_failures_and_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    failures = Failures()
    request = SwapRequest(id=":cat:[red]", reference_character_image="a.png", character_image="b.png")
    failures.add(SwapOutcome(request=request, state=S.FAILED, error=SwapError("no face was found")))
    summary({S.FAILED: 1}, failures=failures).show(as_json=False)
    assert "in this run:\n  :cat:[red]: no face was found\n" in capsys.readouterr().out


def test_the_next_steps_name_a_command_for_each_state_that_needs_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["segmind-swap", "batch", "my pairs.csv", "--budget", "1"])
    monkeypatch.setenv("COLUMNS", "200")
    states = {S.SAVED: 1, S.UNKNOWN: 2, S.ACCEPTED: 3, S.PENDING: 4, S.EXPIRED: 5, S.FAILED: 6}
    error = BudgetExceededError("the budget is spent", budget_usd=1.0, committed_usd=0.6)
    summary(states, stopped_by=error, budget_usd=1.0).show(as_json=False)
    out, err = capsys.readouterr()
    assert err == "segmind-swap: nothing more was submitted: the budget is spent\n"
    lines = out.splitlines()
    assert lines[0] == "1 of 21 saved in 1 min 01 s"
    assert "cost     $0.60 of a budget of $1.00, including what may still have to be paid" in lines
    assert lines[-6:] == [
        "2 may have been accepted and billed; to look for them (free):",
        "  segmind-swap reconcile out/journal.db",
        "the same command with a higher --budget continues the batch: it downloads 3 that are billed already"
        " (free) and submits 4",
        "  segmind-swap batch 'my pairs.csv' --budget AMOUNT",
        "5 expired: decide with `segmind-swap resolve`",
        "--retry-failed submits again, and pays again, what failed or was rejected",
    ]


def test_after_a_run_with_an_emulator_of_its_own_the_only_next_step_is_another_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary({S.PENDING: 1}, emulator=True, signal=signal.SIGINT, is_cancelled=True).show(as_json=False)
    out, err = capsys.readouterr()
    assert err == "segmind-swap: interrupted; the swaps that were in flight are in the journal\n"
    assert "cost     nothing: the batch ran on the emulator; the service would bill about $0.60" in out
    assert out.splitlines()[-1] == "the emulator of this run and its jobs are gone: use another --out"


def test_the_json_has_the_error_that_stopped_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    error = BudgetExceededError("the budget is spent", budget_usd=1.0, committed_usd=0.6)
    summary({S.PENDING: 1}, stopped_by=error, results=None).show(as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "states": {"pending": 1},
        "settled_earlier": {},
        "without_input": {},
        "left_out": 0,
        "copies": 0,
        "unknown_redos": 0,
        "committed_usd": 0.6,
        "stopped_by": {"error": "BudgetExceededError", "message": "the budget is spent"},
        "journal": "out/journal.db",
        "report": None,
        "results": None,
        "measured": 0,
        "suspicious": 0,
    }


def test_the_last_line_is_the_review_with_how_many_look_suspicious(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary({S.SAVED: 9}, measured=9, suspicious=2).show(as_json=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "look at them: segmind-swap review out  (2 look suspicious)"
    summary({S.SAVED: 9}, measured=9, suspicious=1, journal=Path("a b/x.db")).show(as_json=False)
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .endswith("review out --journal 'a b/x.db'  (1 looks suspicious)")
    )
    summary({S.SAVED: 9}, measured=7, suspicious=2).show(as_json=False)
    assert capsys.readouterr().out.splitlines()[-1].endswith("(2 of 7 measured look suspicious)")
    # What continues the batch is more urgent.
    summary({S.SAVED: 8, S.PENDING: 1}, measured=8).show(as_json=False)
    assert "review" not in capsys.readouterr().out.splitlines()[-1]


def test_without_pillow_the_end_says_how_to_install_it_and_nothing_of_suspicion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary({S.SAVED: 9}, measured=None).show(as_json=False)
    out = capsys.readouterr().out
    assert "[review]" in out
    assert "suspicious)" not in out
    summary({S.FAILED: 9}, measured=None).show(as_json=False)
    assert "[review]" not in capsys.readouterr().out


def test_copies_and_inputs_that_were_left_out_are_told_and_do_not_count_for_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = summary({S.SAVED: 5}, copies=1, left_out=2)
    ended.show(as_json=False)
    out = capsys.readouterr().out
    assert "1 is a copy, free" in out
    assert "2 cannot be used, and were left out" in out
    assert ended.exit_code == 0
    assert summary({S.SAVED: 5}, copies=2).exit_code == 0
    assert summary({S.SAVED: 5, S.UNKNOWN: 1}, left_out=1).exit_code == 4


def test_unknown_redos_are_told_and_count_although_every_swap_is_saved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = summary({S.SAVED: 5}, unknown_redos=2)
    ended.show(as_json=False)
    out = capsys.readouterr().out
    assert "2 redos are unknown; the version before is still current" in out
    assert "2 may have been accepted and billed; to look for them (free):" in out
    assert "segmind-swap reconcile out/journal.db" in out
    assert ended.exit_code == 4


@pytest.mark.parametrize(("held_back", "told"), [(0, "it submits 3"), (1, "it submits 2"), (3, None)])
def test_a_copy_that_waits_for_a_decision_is_not_said_to_be_submitted(
    held_back: int,
    told: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    summary({S.PENDING: 3, S.UNKNOWN: 1}, held_back=held_back).show(as_json=False)
    out = capsys.readouterr().out
    assert ("continues the batch" in out) == (told is not None)
    assert told is None or told in out
