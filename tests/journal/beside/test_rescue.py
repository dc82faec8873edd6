"""A job that the journal could not take is in it again before anything else happens, and is never lost."""

import json
import os
import re
import signal
import stat
import sys
from pathlib import Path

import pytest

from segmind_swap import JournalError, OutcomeState, SwapJob
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.beside.rescue import remove_rescue_file, rescue, rescue_path, restore_jobs
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.opening import Opening
from segmind_swap._journal.store import Store
from segmind_swap._journal.writer import Writer
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._protocols.entry import Entry, NewVersion

from ...support.journal_rows import URLS, a_job, a_result, an_entry, at, row, taken

S = OutcomeState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def left(path: Path, state: OutcomeState, *, posts: int = 1, job: SwapJob | None = None) -> None:
    """A run has ended and left the swap "a" in this state."""
    store = at(path)
    row(store, "a", state, posts=posts, job=job)
    store.close()


def entry_after(path: Path) -> Entry:
    """The swap "a" when the next run has begun."""
    store = Opening(path).begin_run(origin=BASE_URL, workflow=WORKFLOW)
    entry = store.entry_of("a")
    assert entry is not None
    store.close()
    return entry


def refused(path: Path) -> str:
    with pytest.raises(JournalError) as caught:
        Opening(path).begin_run(origin=BASE_URL, workflow=WORKFLOW)
    assert caught.value.path == str(rescue_path(str(path))), "the file to look at"
    return str(caught.value)


def test_a_job_that_a_newer_version_rescued_is_waited_for(path: Path) -> None:
    left(path, S.SENDING, posts=1)
    file = rescue(str(path), an_entry(), a_job(7))
    line = json.loads(file.read_text())
    line["job"]["not_a_field"] = line["not_a_field"] = 1
    file.write_text(json.dumps(line) + "\n")
    entry = entry_after(path)
    assert (entry.state, entry.job) == (S.ACCEPTED, a_job(7))


def test_a_rescued_job_is_waited_for_in_the_next_run_and_its_file_goes(path: Path) -> None:
    left(path, S.SENDING, posts=2)
    file = rescue(str(path), an_entry(), a_job(7))
    assert file == rescue_path(str(path))
    entry = entry_after(path)
    assert (entry.state, entry.job, entry.billable_posts) == (S.ACCEPTED, a_job(7), 2)
    assert not file.exists()
    assert entry_after(path).state is S.ACCEPTED


def test_each_of_several_jobs_has_its_line_which_its_owner_alone_can_read(path: Path) -> None:
    file = rescue_path(str(path))
    before = os.umask(0)
    try:
        for number, id in enumerate(["größe", "b", "💃 c"]):
            rescue(str(path), an_entry(id), a_job(number))
    finally:
        os.umask(before)
    lines = [json.loads(line) for line in file.read_text("ascii").splitlines()]
    assert [line["id"] for line in lines] == ["größe", "b", "💃 c"]
    assert [SwapJob.model_validate(line["job"]) for line in lines] == [a_job(0), a_job(1), a_job(2)]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store = at(path)
    for id in ("größe", "b", "💃 c"):
        row(store, id, S.SENDING, posts=1)
    assert restore_jobs(store) == 3
    assert [entry.state for entry in store.entries()] == [S.ACCEPTED] * 3
    store.close()


def test_a_rescued_job_belongs_to_its_version_of_the_swap(path: Path) -> None:
    store = at(path)
    row(store, "a", S.SAVED, posts=1, job=a_job(), result=a_result())
    new = NewVersion(id="a", after=1, fingerprint="q", reference="r", scene="s")
    with store.transaction():
        (version,) = store.versions.begin([new], run=store.run)
        store.step(version.number, S.SENDING, billable_posts=1)
    store.close()
    rescue(str(path), version, a_job(7))
    entry = entry_after(path)
    assert (entry.version, entry.state, entry.job) == (2, S.ACCEPTED, a_job(7))


def test_blank_lines_in_a_rescue_file_mean_nothing(path: Path) -> None:
    left(path, S.SENDING)
    file = rescue(str(path), an_entry(), a_job())
    file.write_text(f"\n  \n{file.read_text()}\n \n")
    assert entry_after(path).state is S.ACCEPTED


@pytest.mark.parametrize("posts", [0, 1, 3])
def test_a_rescued_job_counts_as_one_post_at_least(path: Path, posts: int) -> None:
    left(path, S.SENDING, posts=posts)
    rescue(str(path), an_entry(), a_job())
    assert entry_after(path).billable_posts == max(1, posts)


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no limit")
@pytest.mark.parametrize("others", [0, 2])
def test_half_a_line_is_taken_out_again(path: Path, others: int) -> None:
    import resource

    for number in range(others):
        rescue(str(path), an_entry(f"s{number}"), a_job(number))
    file = rescue_path(str(path))
    content = file.read_bytes() if others else b""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            rescue(str(path), an_entry(), a_job())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert file.read_bytes() == content


def test_a_whole_line_stays_even_if_the_disk_does_not_confirm_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(path, S.SENDING)

    def unconfirmed(_: int) -> None:
        raise OSError("it may be there, or not")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", unconfirmed)
        with pytest.raises(OSError, match="it may be there"):
            rescue(str(path), an_entry(), a_job(7))
    assert entry_after(path).job == a_job(7)


def test_a_rescue_file_that_cannot_be_removed_is_named_with_the_reason(path: Path) -> None:
    file = rescue_path(str(path))
    file.mkdir()
    with pytest.raises(JournalError) as caught:
        remove_rescue_file(str(path))
    assert caught.value.path == str(file)
    with pytest.raises(OSError) as why:  # noqa: PT011 - whatever the system says
        file.unlink()
    assert f"the rescue file {file} cannot be removed ({why.value.strerror}): " in str(caught.value)


def test_without_a_rescue_file_there_is_nothing_to_do(path: Path) -> None:
    store = at(path)
    assert restore_jobs(store) == 0
    store.close()
    remove_rescue_file(str(path))


def test_a_row_that_was_unknown_before_its_job_turned_up_is_waited_for(path: Path) -> None:
    """Somebody moved the rescue file away, and then back."""
    left(path, S.SENDING, posts=2)
    assert entry_after(path).state is S.UNKNOWN
    rescue(str(path), an_entry(), a_job())
    entry = entry_after(path)
    assert (entry.state, entry.job, entry.billable_posts, entry.error) == (S.ACCEPTED, a_job(), 2, None)


@pytest.mark.parametrize("state", [S.ACCEPTED, S.COMPLETED, S.SAVED, S.FAILED, S.EXPIRED, S.ABANDONED])
def test_a_row_that_has_gone_on_stays_where_it_is(path: Path, state: OutcomeState) -> None:
    left(path, state, job=a_job(1))
    file = rescue(str(path), an_entry(), a_job(1))
    assert entry_after(path).state is state
    assert not file.exists()


@pytest.mark.parametrize("state", [None, S.PENDING, S.REJECTED])
def test_a_job_whose_swap_would_be_sent_stops_the_run_and_its_line_stays(
    path: Path, state: OutcomeState | None
) -> None:
    """Somebody began another journal of the same name, or had the swap submitted again."""
    store = at(path)
    row(store, "another" if state is None else "a", state or S.PENDING)
    store.close()
    file = rescue(str(path), an_entry(), a_job())
    content = file.read_bytes()
    complaint = refused(path)
    assert f"the rescue file {file} has a job of 'a', which is paid" in complaint
    assert file.read_bytes() == content
    file.unlink()
    store = Opening(path).begin_run(origin=BASE_URL, workflow=WORKFLOW)
    assert store.run == 2, "the refused run has not begun"
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b"{}",
        b'{"id": "a"}',
        b'{"id": 7, "job": null}',
        b'{"id": "a", "version": 1, "job": {}}',
        b'{"id": "a", "job": {"poll_url": "https://a.example/1", "workflow": "w"}}',
        b'{"id": 7, "version": 1, "job": {"poll_url": "https://a.example/1", "workflow": "w"}}',
        b'{"id": "\\ud800", "version": 1, "job": {"poll_url": "https://a.example/1", "workflow": "w"}}',
    ],
)
def test_a_rescue_file_that_cannot_be_read_stops_the_run_and_stays(path: Path, damage: bytes) -> None:
    left(path, S.SENDING)
    file = rescue(str(path), an_entry(), a_job())
    content = file.read_bytes() + damage + b"\n"
    file.write_bytes(content)
    complaint = refused(path)
    assert str(file) in complaint
    assert "it names jobs that are paid; repair or move this file" in complaint
    assert re.search(r"cannot be read \(\w+Error: .+\): it names", complaint, re.DOTALL), (
        "it says what is wrong"
    )
    assert file.read_bytes() == content
    file.write_bytes(content[: -len(damage) - 1] + b"\n")
    assert entry_after(path).state is S.ACCEPTED, "nothing was lost"


def test_a_refused_run_takes_no_job_back_and_keeps_the_file(path: Path) -> None:
    left(path, S.SENDING)
    file = rescue(str(path), an_entry(), a_job())
    with pytest.raises(JournalError, match="belongs to the origin"):
        Opening(path).begin_run(origin="https://other.example", workflow=WORKFLOW)
    assert file.exists()
    assert entry_after(path).state is S.ACCEPTED


def test_a_rescue_file_that_is_a_folder_is_no_rescue_file(path: Path) -> None:
    left(path, S.SENDING)
    rescue_path(str(path)).mkdir()
    with pytest.raises(OSError, match="directory"):
        rescue(str(path), an_entry(), a_job())
    assert "cannot be removed" in refused(path)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_job_is_found_under_every_name_of_its_journal(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(path)
    left(path, S.SENDING)
    rescue(str(link), an_entry(), a_job())
    assert entry_after(path).state is S.ACCEPTED


def test_a_journal_in_memory_has_no_rescue_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = rescue(":memory:", an_entry(), a_job())
    store = Opening(Path(":memory:")).begin_run(origin=BASE_URL, workflow=WORKFLOW)
    store.close()
    assert file.exists(), "it is another's"


async def claimed(store: Store) -> tuple[SqliteLedger, Entry]:
    """The ledger of a store, and the new entry "a", whose POST is on its way."""
    ledger = SqliteLedger(Writer(store), Budget(None, price_usd=0.15, spent=Spent()))
    entry = taken(store)
    await ledger.reserve(entry)
    await ledger.claim(entry, in_doubt=0, urls=URLS)
    return ledger, entry


@pytest.mark.real_time
async def test_a_job_whose_journal_is_closed_already_is_rescued_and_waited_for_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, entry = await claimed(at(path))
    await ledger._writer.aclose()
    with pytest.raises(JournalError, match="is closed"):
        await ledger.accept(entry, a_job(), in_doubt=0)
    (line,) = (record.message for record in caplog.records if record.levelname == "ERROR")
    assert "is accepted and billed" in line
    assert str(rescue_path(str(path))) in line
    entry = entry_after(path)
    assert (entry.state, entry.job) == (S.ACCEPTED, a_job())


@pytest.mark.real_time
async def test_where_not_even_a_rescue_file_is_possible_the_log_has_the_job(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, entry = await claimed(at(path))
    await ledger._writer.aclose()
    rescue_path(str(path)).mkdir()
    with pytest.raises(JournalError, match="is closed"):
        await ledger.accept(entry, a_job(), in_doubt=0)
    (line,) = (record.message for record in caplog.records if record.levelname == "ERROR")
    assert "Not even a rescue file could be written" in line
    assert a_job().model_dump_json() in line
