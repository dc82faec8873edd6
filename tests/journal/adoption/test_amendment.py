"""A journal that is open for the history: on the disk, after a crash, and against its own mistakes.

What every ledger must do is in the contract, which this journal passes, too.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from segmind_swap import Journal, JournalError, OutcomeState
from segmind_swap._config import BASE_URL, WORKFLOW

from ...support.journal_rows import a_job, at, child, line_of, row

S = OutcomeState


def a_journal(path: Path, *states: OutcomeState) -> Journal:
    store = at(path)
    for number, state in enumerate(states):
        job = a_job(number) if state is not S.UNKNOWN else None
        row(store, f"s{number}", state, posts=1, job=job)
    store.close()
    return Journal(path)


async def test_a_job_that_was_adopted_is_on_the_disk(tmp_path: Path) -> None:
    journal = a_journal(tmp_path / "run.db", S.UNKNOWN, S.SAVED)
    amendment = await journal.amend(origin=BASE_URL, workflow=WORKFLOW)
    assert amendment.name == str(journal.path)
    unknown, saved = await amendment.entries()
    await amendment.adopt(unknown, a_job(7))
    (outcome,) = Journal(journal.path).outcomes(S.ACCEPTED)
    assert (outcome.request.id, outcome.job) == ("s0", a_job(7))
    for entry in (unknown, saved):
        with pytest.raises(JournalError, match=f"does not let '{entry.id}', which is"):
            await amendment.adopt(entry, a_job(8))
    await amendment.aclose()
    with pytest.raises(JournalError, match="is closed"):
        await amendment.entries()


async def test_the_error_names_the_swap_that_has_the_job(tmp_path: Path) -> None:
    journal = a_journal(tmp_path / "run.db", S.UNKNOWN, S.SAVED)
    amendment = await journal.amend(origin=BASE_URL, workflow=WORKFLOW)
    unknown, _ = await amendment.entries()
    with pytest.raises(JournalError, match="has the job 1: it is a job of 's1'"):
        await amendment.adopt(unknown, a_job(1))
    await amendment.aclose()


async def test_a_journal_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        await Journal(tmp_path / "none.db").amend(origin=BASE_URL, workflow=WORKFLOW)
    assert [*tmp_path.iterdir()] == []


async def test_a_journal_of_another_service_is_not_changed(tmp_path: Path) -> None:
    journal = a_journal(tmp_path / "run.db", S.UNKNOWN)
    with pytest.raises(JournalError, match="belongs to the origin"):
        await journal.amend(origin="http://127.0.0.1:1", workflow=WORKFLOW)
    amendment = await journal.amend(origin=BASE_URL, workflow=WORKFLOW)
    await amendment.aclose()


async def test_a_batch_of_another_process_keeps_the_journal(tmp_path: Path) -> None:
    journal = a_journal(tmp_path / "run.db", S.UNKNOWN)
    code = """
        import sys
        from pathlib import Path
        from segmind_swap._journal.connection import open_writer
        store = open_writer(Path(sys.argv[1]))
        print("open", flush=True)
        sys.stdin.read()
    """
    with child(code, journal.path) as other:
        assert line_of(other) == "open"
        with pytest.raises(JournalError, match="is in use by another process"):
            await journal.amend(origin=BASE_URL, workflow=WORKFLOW)


async def test_what_a_killed_batch_was_sending_is_unknown(
    tmp_path: Path,
) -> None:
    journal = a_journal(tmp_path / "run.db", S.SENDING)
    amendment = await journal.amend(origin=BASE_URL, workflow=WORKFLOW)
    (entry,) = await amendment.entries()
    await amendment.aclose()
    assert entry.state is S.UNKNOWN
    assert stat.S_IMODE(journal.path.stat().st_mode) & 0o077 == 0
