"""The commands `status` and `resolve`."""

import json
import re
from pathlib import Path

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap._config import BASE_URL
from segmind_swap._journal.connection import open_writer
from segmind_swap._protocols.entry import NewVersion
from segmind_swap.cli._journal_commands import resolve_command
from segmind_swap.emulator import Fault

from ..support.journal_rows import a_job, a_result, at, begun, ordered, row
from .processes import BATCH, an_emulator, in_this_process, read_until, running, segmind_swap, states, until


def test_status_lists_the_unknown_swaps_and_resolve_decides_about_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [Fault(on="submit", calls=(1, 2, 3), cut="after-body")]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        assert segmind_swap(*BATCH, "--concurrency", "1", cwd=folder, **service).returncode == 4
        for journal in ("out", "out/journal.db"):
            summary = in_this_process("status", journal, "--json", cwd=folder, monkeypatch=monkeypatch)
            assert json.loads(summary.stdout) == {
                "states": {"saved": 5, "unknown": 3},
                "reserved_usd": pytest.approx(3 * 0.1522),
                "spent_usd": pytest.approx(5 * 0.1522),
                "unknown": ["s0", "s1", "s2"],
                "without_pictures": [],
                "orders": 0,
                "redone": 0,
                "redos": {},
                "redo_usd": 0.0,
                "learned_rate": None,
            }
        text = segmind_swap("status", "out", cwd=folder).stdout
        assert "8 swaps in out/journal.db" in text
        assert "money: $0.76 spent, $0.46 reserved" in text
        assert "segmind-swap resolve out s0 --resubmit" in text

        poll_url = f"{service['SEGMIND_BASE_URL']}/workflows/request/{emulator.ledger[1].request_id}"
        for id, decision, money in (
            ("s0", ["--resubmit"], "paid: about $0.15"),
            ("s1", ["--wait-again", "--poll-url", poll_url], "which is free"),
            ("s2", ["--abandon"], "What it may have cost stays counted"),
        ):
            decided = in_this_process("resolve", "out", id, *decision, cwd=folder, monkeypatch=monkeypatch)
            assert (decided.exit_code, decided.stderr) == (0, "")
            assert decided.stdout.startswith(f"{id} ")
            assert money in decided.stdout
            assert "segmind-swap batch" in decided.stdout
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 0
        assert json.loads(done.stdout)["states"] == {"saved": 7, "abandoned": 1}
        assert len(emulator.ledger) == 9, "only the swap with --resubmit is paid again"


def test_a_decision_is_one_of_three_and_about_a_swap_that_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with an_emulator(speed=1000.0, faults=[Fault(on="submit", calls=(1,), status=400)]) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 1
    for arguments, problem in (
        (["out", "s0"], "exactly one of --resubmit, --abandon and --wait-again"),
        (["out", "s0", "--resubmit", "--abandon"], "exactly one"),
        (["out", "s0", "--abandon", "--poll-url", "https://x.example/1"], "--poll-url needs --wait-again"),
        (["out", "nobody", "--abandon"], "has no swap 'nobody'; it has, for example, 's"),
        (["out", "s7", "--resubmit"], "'s7' is saved and paid"),
        (["nowhere", "s0", "--resubmit"], "there is no journal"),
    ):
        done = in_this_process("resolve", *arguments, cwd=folder, monkeypatch=monkeypatch)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert problem in done.stderr
    missing = in_this_process("status", "nowhere", "--json", cwd=folder, monkeypatch=monkeypatch)
    assert missing.exit_code == 2
    assert json.loads(missing.stdout)["error"] == "JournalError"


def test_status_can_be_asked_while_a_batch_runs(folder: Path) -> None:
    with an_emulator(speed=1.0) as (_, service), running(*BATCH, cwd=folder, **service):
        until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 8)
        done = segmind_swap("status", "out", cwd=folder)
        assert (done.returncode, "8  accepted" in done.stdout) == (0, True)
        busy = segmind_swap("resolve", "out", "s0", "--abandon", cwd=folder)
        assert (busy.returncode, "in use" in busy.stderr) == (2, True)


def test_what_a_killed_batch_has_learned_of_the_rate_limit_is_told_and_the_next_run_starts_from_it(
    folder: Path,
) -> None:
    # So long a pause means that the limit was used up, after some twenty submits.
    faults = [Fault(on="submit", calls=(21,), status=429, headers={"retry-after": "4"})]
    lines = ["id,reference_character_image,character_image"]
    lines += [f"s{n},https://pictures.example/hero.png,https://pictures.example/{n}" for n in range(200)]
    (folder / "pairs.csv").write_text("\n".join(lines))
    batch = ["batch", "pairs.csv", "--out", "out", "--concurrency", "100"]
    with an_emulator(speed=1.0, faults=faults) as (emulator, service):
        with running(*batch, cwd=folder, **service) as process:
            words = read_until(process, "/min, found by a 429; trying ")
            rate = re.findall(r"^segmind-swap: rate limit: (\d+)/min", words, re.MULTILINE)[-1]
            until(lambda: Journal(folder / "out" / "journal.db").summary().learned_rate)
            process.kill()
        status = segmind_swap("status", "out", cwd=folder).stdout
        assert re.search(rf"^rate limit: {rate}/min, found by a 429 \(\d+ s ago\)$", status, re.MULTILINE)
        fields = json.loads(segmind_swap("status", "out", "--json", cwd=folder).stdout)["learned_rate"]
        assert (fields["rate"]["per_minute"], fields["is_same_key"]) == (float(rate), None)
        assert fields["age"] >= 0.0
        with running(*batch, cwd=folder, **service) as process:
            read_until(process, f"rate limit: {rate}/min, learned in an earlier run")
        assert emulator.paid_twice() == []


def test_a_command_is_one_that_a_shell_takes_whatever_the_id() -> None:
    assert resolve_command(Path("my out"), "it's", "--abandon") == (
        "segmind-swap resolve 'my out' 'it'\"'\"'s' --abandon"
    )
    assert resolve_command(Path("out"), "-x", "--abandon") == "segmind-swap resolve out --abandon -- -x"


def with_a_redo(path: Path, state: OutcomeState, origin: str = BASE_URL) -> None:
    """A journal of a saved swap, whose redo is in `state`."""
    store = begun(open_writer(path), origin=origin)
    row(store, "s0", OutcomeState.SAVED, posts=1, job=a_job(), result=a_result())
    new = NewVersion(id="s0", after=1, fingerprint="q", reference="hero.png", scene="street.png")
    with store.transaction():
        (entry,) = store.versions.begin([new], run=store.run)
        store.step(entry.number, OutcomeState.SENDING, billable_posts=1)
        if state is not OutcomeState.SENDING:
            store.step(entry.number, state, billable_posts=1)
    store.close()


@pytest.mark.parametrize("state", [OutcomeState.SENDING, OutcomeState.UNKNOWN])
def test_a_redo_that_may_be_billed_is_looked_for_with_reconcile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: OutcomeState
) -> None:
    with_a_redo(tmp_path / "journal.db", state)
    shown = in_this_process("status", ".", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert f"redos without a picture: 1 {state}; the version before is still current" in shown
    assert "  segmind-swap reconcile ." in shown.splitlines()
    assert "nothing was billed" not in shown


def test_a_redo_that_is_to_be_submitted_again_is_not_said_to_be_submitted_by_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_redo(tmp_path / "journal.db", OutcomeState.UNKNOWN)
    decided = in_this_process("resolve", ".", "s0", "--resubmit", cwd=tmp_path, monkeypatch=monkeypatch)
    assert decided.stdout.startswith("s0, version 2, will be submitted again, and paid")
    assert "Only the same `segmind-swap redo` submits it" in decided.stdout
    assert "segmind-swap batch" not in decided.stdout


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_the_money_of_an_emulator_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    with_a_redo(tmp_path / "journal.db", OutcomeState.FAILED, origin)
    shown = in_this_process("status", ".", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert f"nothing was billed: the service was an emulator, {origin}" in shown
    assert Journal(tmp_path / "journal.db").origin == origin


def test_a_batch_tells_the_redos_that_are_unknown_and_resolve_and_the_same_redo_end_them(
    folder: Path,
) -> None:
    redo = ["redo", "out", "s1", "--pay-again", "--poll-interval", "0.1"]
    with an_emulator(speed=1000.0) as (emulator, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
        emulator.inject(Fault(on="submit", cut="after-body"))
        assert segmind_swap(*redo, cwd=folder, **service).returncode == 4
        emulator.withdraw_all()
        batch = segmind_swap(*BATCH, cwd=folder, **service)
        assert (batch.returncode, "8 of 8 saved" in batch.stdout) == (4, True)
        assert "1 redo is unknown; the version before is still current" in batch.stdout
        assert "segmind-swap reconcile out/journal.db" in batch.stdout
        assert segmind_swap("resolve", "out", "s1", "--resubmit", cwd=folder).returncode == 0
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
        assert len(emulator.ledger) == 9, "a batch pays for no redo"
        assert segmind_swap(*redo, cwd=folder, **service).returncode == 0
        assert len(emulator.ledger) == 10


def _of_a_service(folder: Path) -> None:
    """A journal with an unknown swap of uploaded pictures, in a folder."""
    folder.mkdir()
    store = at(folder / "swaps.db")
    number = ordered(store, "a").entry.number
    with store.transaction():
        store.step(number, OutcomeState.SENDING, billable_posts=1)
        store.step(number, OutcomeState.UNKNOWN)
    store.close()


def test_status_offers_no_submit_of_a_swap_whose_pictures_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _of_a_service(tmp_path / "swaps")
    shown = in_this_process("status", "swaps/swaps.db", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert "segmind-swap resolve swaps/swaps.db a --abandon" in shown
    assert "--resubmit" not in shown
    assert "1 of them came with uploaded pictures" in shown
    assert "`pay_again`" in shown

    store = at(tmp_path / "swaps" / "swaps.db")
    row(store, "of-a-batch", OutcomeState.UNKNOWN, posts=1)
    store.close()
    shown = in_this_process("status", "swaps/swaps.db", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert "segmind-swap resolve swaps/swaps.db of-a-batch --resubmit" in shown
    assert "resolve swaps/swaps.db a " not in shown


def test_a_folder_with_the_journal_of_a_service_is_told_by_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _of_a_service(tmp_path / "swaps")
    monkeypatch.setenv("SEGMIND_API_KEY", "emulator-key")
    for command in ("status", "reconcile", "cost"):
        done = in_this_process(command, "swaps", cwd=tmp_path, monkeypatch=monkeypatch)
        assert (done.exit_code, done.stdout) == (2, ""), command
        assert "there is no journal swaps/journal.db: name the file swaps/swaps.db" in done.stderr, command
