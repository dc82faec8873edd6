"""A disk that fails, fills up or goes away while a batch runs: nothing is lost, and nothing is paid twice.

What was paid is in the journal, in the rescue file beside it or, where that cannot be written, in the log.
"""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from segmind_swap import (
    Accepted,
    ConfigurationError,
    DownloadError,
    Event,
    Journal,
    JournalError,
    OutcomeState,
    PollPolicy,
    RetryPolicy,
    Submitting,
    SwapError,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._journal import connection as journal_connection
from segmind_swap._journal.beside.rescue import rescue, rescue_path
from segmind_swap._journal.store import Store
from segmind_swap.emulator import Emulator, Fault

from ..support.batches import client_of, emulator, states, swap_of, swaps_of
from ..support.journal_rows import a_job, an_entry

S = OutcomeState
A_DAY = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in a folder of its own."""
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal" / "run.db"


@pytest.fixture
def inline(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the journal written at once, as one in memory: in virtual time, and each step alone.

    No power fails here: that nothing waits until it is on the disk makes hundreds of runs short.
    """
    monkeypatch.setattr("segmind_swap._journal.writer.IN_MEMORY", str(path))
    monkeypatch.setattr("os.fsync", lambda _: None)
    init = Store.__init__

    def opened(store: Store, *arguments: Any) -> None:
        init(store, *arguments)
        store._db.execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(Store, "__init__", opened)


class Run:
    """One run of a batch, and all that it gave out."""

    def __init__(self) -> None:
        self.outcomes: list[SwapOutcome] = []
        self.stopped_by: SwapError | None = None

    @property
    def states(self) -> dict[str, OutcomeState]:
        return {str(outcome.request.id): outcome.state for outcome in self.outcomes}

    def error_of(self, id: str) -> SwapError | None:
        (error,) = [outcome.error for outcome in self.outcomes if outcome.request.id == id]
        return error


async def run(
    service: Emulator,
    requests: list[SwapRequest],
    *,
    journal: Path,
    save_to: Path | None = None,
    concurrency: int = 1,
    **settings: Any,
) -> Run:
    """Runs a batch to its end, which comes."""
    done = Run()
    client = client_of(service, **settings)
    with anyio.fail_after(A_DAY):
        try:
            async with (
                client,
                client.swap_many(
                    requests, journal=journal, save_to=save_to, concurrency=concurrency
                ) as outcomes,
            ):
                async for outcome in outcomes:
                    done.outcomes.append(outcome)
                done.stopped_by = outcomes.stopped_by
        except JournalError as exc:
            done.stopped_by = exc
    return done


def paid(service: Emulator) -> dict[str, str]:
    """For each swap that was billed the request id of its job. None is billed twice."""
    assert service.paid_twice() == []
    ids = {charge.character_image.rpartition("/")[2]: charge.request_id for charge in service.ledger}
    return {f"s{name.removesuffix('.png')}": request_id for name, request_id in ids.items()}


def jobs_in(journal: Path) -> set[str | None]:
    """The jobs that a journal and its rescue file know."""
    found: set[str | None] = set()
    if journal.is_file() and journal.stat().st_size:
        found |= {
            outcome.job.request_id for outcome in Journal(journal).outcomes() if outcome.job is not None
        }
    if (file := rescue_path(str(journal))).is_file():
        found |= {json.loads(line)["job"]["request_id"] for line in file.read_text().splitlines()}
    return found


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def when(kind: type[Event], id: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """Does something at an event of one swap."""

    def heard(event: Event) -> None:
        if isinstance(event, kind) and getattr(event, "id", None) == id:
            act()

    return heard


# The journal's n-th write fails

How = Literal["at its begin", "at its commit", "after its commit", "as read-only"]


class Trouble:
    """What becomes of the n-th transaction of a journal, and of those after it if it lasts."""

    def __init__(self, at: int, how: How, *, lasting: bool) -> None:
        self.happened = False
        self._at = at
        self._how = how
        self._lasting = lasting
        self._writes = 0

    @contextmanager
    def on_the_disk(self) -> Iterator[None]:
        """Every journal that is opened inside is on this disk."""
        init = Store.__init__

        def opened(store: Store, *arguments: Any) -> None:
            init(store, *arguments)
            store._db = Disk(store._db, self)  # type: ignore[assignment]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "__init__", opened)
            yield

    def strikes(self, sql: str) -> How | None:
        """How a statement fails, if it does."""
        self._writes += sql == "BEGIN IMMEDIATE"
        strikes = self._writes == self._at or (self._lasting and self._writes > self._at)
        self.happened |= strikes
        return self._how if strikes else None


class Disk:
    """A connection that has trouble."""

    def __init__(self, connection: sqlite3.Connection, trouble: Trouble) -> None:
        self._connection = connection
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        how = self._trouble.strikes(sql) if sql in {"BEGIN IMMEDIATE", "COMMIT"} else None
        if sql == "BEGIN IMMEDIATE":
            self._connection.execute(f"PRAGMA query_only = {int(how == 'as read-only')}")
        if (sql, how) in {("BEGIN IMMEDIATE", "at its begin"), ("COMMIT", "at its commit")}:
            raise sqlite3.OperationalError("disk I/O error")
        done = self._connection.execute(sql, *parameters)
        if (sql, how) == ("COMMIT", "after its commit"):
            raise sqlite3.OperationalError("disk I/O error")
        return done


@pytest.mark.parametrize("policy", ["strict", "documented"])
@pytest.mark.parametrize(
    ("how", "lasting"),
    [
        ("at its begin", True),
        ("at its commit", False),
        ("at its commit", True),
        ("after its commit", False),
        ("as read-only", True),
    ],
)
@pytest.mark.usefixtures("inline")
async def test_whichever_write_of_the_journal_fails_nothing_is_lost_and_nothing_paid_twice(
    how: How, lasting: bool, policy: Any, path: Path
) -> None:
    """Two submits are refused on the way, so that what is written between two POSTs fails once, too."""
    retry = RetryPolicy(submit=policy, initial_delay=0.5, max_delay=1.0)
    for number in range(1, 100):
        where = f"write {number}"
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        out = path.parent / "out"
        refusals = [
            Fault(on="submit", calls=(2,), status=503),
            Fault(on="submit", calls=(4,), status=429, headers={"retry-after": "1"}),
        ]
        service, trouble = emulator(faults=refusals), Trouble(number, how, lasting=lasting)
        with trouble.on_the_disk():
            troubled = await run(service, swaps_of(3), journal=path, save_to=out, concurrency=2, retry=retry)
        assert set(paid(service).values()) <= jobs_in(path), f"{where}: a job is in no book"
        assert len(troubled.states) == len(troubled.outcomes), f"{where}: an outcome came twice"
        if not trouble.happened:
            assert troubled.stopped_by is None
            assert number > 15, "it was tried with each write of three swaps"
            return
        assert isinstance(troubled.stopped_by, JournalError), where

        again = await run(service, swaps_of(3), journal=path, save_to=out, concurrency=2, retry=retry)
        assert again.stopped_by is None, where
        assert set(again.states) == {"s0", "s1", "s2"}, where
        assert set(again.states.values()) <= {S.SAVED, S.UNKNOWN}, where
        saved = {id for id, state in again.states.items() if state is S.SAVED}
        assert saved == set(paid(service)), f"{where}: what is paid is there"
        assert names_in(out) == sorted(f"{id}.png" for id in saved), where
        # Only of a submit that was answered as if it might have been accepted, or whose refusal was not
        # written down.
        assert len(again.states) - len(saved) <= (1 if policy == "documented" and not lasting else 2), where
        assert not rescue_path(str(path)).exists(), where
    pytest.fail("the batch wrote more often than was tried")


@pytest.mark.usefixtures("inline")
async def test_a_journal_that_may_grow_no_more_stops_its_batch_and_nothing_is_lost(path: Path) -> None:
    """SQLite itself says that the disk is full, at each size that the file can have."""
    requests = [
        swap_of(number, reference_character_image=f"https://pictures.example/{'x' * 1500}.png")
        for number in range(6)
    ]
    connected, complaints = journal_connection._connected, set[str]()
    for pages in range(1, 100):
        path.unlink(missing_ok=True)
        service = emulator()

        def small(path: Path, pages: int = pages) -> sqlite3.Connection:
            opened = connected(path)
            opened.execute(f"PRAGMA max_page_count = {pages}")
            return opened

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal_connection, "_connected", small)
            full = await run(service, requests, journal=path, concurrency=2)
        assert set(paid(service).values()) <= jobs_in(path), f"{pages} pages: a job is in no book"
        if full.stopped_by is None:
            break
        complaints.add(str(full.stopped_by))
        again = await run(service, requests, journal=path, concurrency=2)
        assert states(again.outcomes) == {"completed": 6}, f"{pages} pages"
        assert len(paid(service)) == 6
    assert pages > 8, "it was full before the first swap, and after some"
    assert all("full" in complaint for complaint in complaints)


# The journal goes away


def _remove(path: Path, what: str) -> None:
    match what:
        case "the folder is removed":
            shutil.rmtree(path.parent)
        case "the file is removed":
            path.unlink()
        case "the file is moved":
            path.rename(path.with_name("elsewhere.db"))
        case _:
            path.parent.rename(path.parent.with_name("elsewhere"))
            path.parent.mkdir()
            journal_connection.open_writer(path).close()


@pytest.mark.skipif(os.name != "posix", reason="an open file stays where it is elsewhere")
@pytest.mark.parametrize(
    "what",
    ["the folder is removed", "the file is removed", "the file is moved", "another has its name"],
)
@pytest.mark.real_time
async def test_a_journal_that_is_taken_away_while_a_batch_runs_stops_it(
    what: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The system writes an open file on, wherever it is: nobody would find there what was paid."""
    service = emulator(duration=0.05)
    gone = await run(
        service,
        swaps_of(5),
        journal=path,
        polling=PollPolicy(interval=0.05),
        on_event=when(Submitting, "s1", lambda: _remove(path, what)),
    )
    assert gone.states == {"s0": S.COMPLETED, "s1": S.COMPLETED}, "what was on its way is waited for"
    assert isinstance(gone.stopped_by, JournalError)
    assert "was moved, removed or replaced" in str(gone.stopped_by)
    job = paid(service)["s1"]
    assert list(paid(service)) == ["s0", "s1"], "nothing more is paid"
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert job in line
    if path.parent.exists():
        assert job in rescue_path(str(path)).read_text()
    again = await run(service, swaps_of(5), journal=path)
    assert isinstance(again.stopped_by, JournalError), "nothing is sent while that is not cleared up"
    assert len(service.ledger) == 2


async def test_a_job_that_a_journal_in_memory_cannot_take_is_in_the_log_and_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a journal ends with its process: no other run would look into its rescue file."""
    monkeypatch.chdir(tmp_path)
    service = emulator()
    # The run, the price, the inputs, the jobs to be waited for, the row, the intent; and then no more.
    with Trouble(7, "at its commit", lasting=True).on_the_disk():
        troubled = await run(service, swaps_of(1), journal=Path(":memory:"))
    assert troubled.states == {"s0": S.COMPLETED}
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert paid(service)["s0"] in line
    assert "Keep this line" in line
    assert names_in(tmp_path) == []


# A disk that is really full


def _mounted(*arguments: str) -> None:
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("there is no mount here")
    done = subprocess.run([mount, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk can be mounted by few alone: {done.stderr.strip()}")


class SmallDisk:
    """A file system of 256 KiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, spare_bytes: int = 0) -> None:
        """Leaves no room but this."""
        with pytest.raises(OSError, match="No space left"), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        os.truncate(self._ballast, self._ballast.stat().st_size - spare_bytes)

    def make_room(self) -> None:
        self._ballast.unlink()

    def make_read_only(self) -> None:
        _mounted("-o", "remount,ro", str(self.folder))

    def make_writable(self) -> None:
        _mounted("-o", "remount,rw", str(self.folder))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    _mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.usefixtures("inline")
async def test_pictures_that_find_no_room_are_fetched_in_the_next_run(disk: SmallDisk, path: Path) -> None:
    service = emulator()
    disk.fill()
    full = await run(service, swaps_of(3), journal=path, save_to=disk.folder)
    assert full.stopped_by is None, "what was paid can be fetched for a week"
    assert full.states == dict.fromkeys(["s0", "s1", "s2"], S.COMPLETED)
    for outcome in full.outcomes:
        assert isinstance(outcome.error, DownloadError)
        assert "No space left" in str(outcome.error)
        assert outcome.result is not None
    assert names_in(disk.folder) == ["ballast"]
    disk.make_room()
    again = await run(service, swaps_of(3), journal=path, save_to=disk.folder)
    assert again.states == dict.fromkeys(["s0", "s1", "s2"], S.SAVED)
    assert names_in(disk.folder) == ["s0.png", "s1.png", "s2.png"]
    assert len(paid(service)) == 3


@pytest.mark.real_time
async def test_on_a_disk_that_is_full_after_a_post_the_log_has_the_job_and_it_is_not_paid_again(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    """Journal, rescue file and picture share the disk: nothing but the log is left."""
    service, journal, out = emulator(duration=0.05), disk.folder / "run.db", disk.folder / "out"
    polling = PollPolicy(interval=0.05)
    full = await run(
        service,
        swaps_of(4),
        journal=journal,
        save_to=out,
        polling=polling,
        on_event=when(Submitting, "s1", disk.fill),
    )
    assert full.states == {"s0": S.SAVED, "s1": S.COMPLETED}
    assert isinstance(full.error_of("s1"), DownloadError)
    assert isinstance(full.stopped_by, JournalError)
    assert list(paid(service)) == ["s0", "s1"], "nothing more is paid"
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "Not even a rescue file could be written (No space left on device): keep this line" in line
    (job,) = [outcome.job for outcome in full.outcomes if outcome.request.id == "s1"]
    assert job is not None
    assert job.poll_url is not None
    assert job.model_dump_json() in line
    assert names_in(out) == ["s0.png"]

    disk.make_room()
    again = await run(service, swaps_of(4), journal=journal, save_to=out, polling=polling)
    assert again.states == {"s0": S.SAVED, "s1": S.UNKNOWN, "s2": S.SAVED, "s3": S.SAVED}
    Journal(journal).wait_again("s1", poll_url=job.poll_url)
    again = await run(service, swaps_of(4), journal=journal, save_to=out, polling=polling)
    assert again.states == dict.fromkeys(["s0", "s1", "s2", "s3"], S.SAVED)
    assert len(paid(service)) == 4


def test_a_line_that_finds_no_room_leaves_the_jobs_before_it_readable(disk: SmallDisk) -> None:
    """Half a line would keep the next run from all of them."""
    journal, known = disk.folder / "run.db", 0
    disk.fill(spare_bytes=4096)
    with pytest.raises(OSError, match="No space left"):
        for known in range(100):
            rescue(str(journal), an_entry(f"s{known}"), a_job(known))
    assert known > 1
    lines = rescue_path(str(journal)).read_text().splitlines(keepends=True)
    assert [json.loads(line)["id"] for line in lines] == [f"s{number}" for number in range(known)]
    assert lines[-1].endswith("\n")
    disk.make_room()
    rescue(str(journal), an_entry("later"), a_job(200))
    assert len(rescue_path(str(journal)).read_text().splitlines()) == known + 1


# The folder of the pictures


async def _with_a_folder_that_fails(
    path: Path, out: Path, breaks: Callable[[], object], mend: Callable[[], object], complaint: str
) -> None:
    """After the second swap is paid its folder fails, and is mended for the next run."""
    service = emulator()
    broken = await run(service, swaps_of(4), journal=path, save_to=out, on_event=when(Accepted, "s1", breaks))
    assert broken.states == {"s0": S.SAVED, "s1": S.COMPLETED, "s2": S.REJECTED, "s3": S.REJECTED}
    assert isinstance(broken.error_of("s1"), DownloadError)
    for id in ("s2", "s3"):
        assert isinstance(broken.error_of(id), ConfigurationError)
        assert complaint in str(broken.error_of(id))
    assert list(paid(service)) == ["s0", "s1"], "nothing is paid that could not be saved"
    mend()
    again = await run(service, swaps_of(4), journal=path, save_to=out)
    assert again.states == dict.fromkeys(["s0", "s1", "s2", "s3"], S.SAVED)
    assert names_in(out) == ["s0.png", "s1.png", "s2.png", "s3.png"]
    assert len(paid(service)) == 4


@pytest.mark.usefixtures("inline")
async def test_a_folder_that_is_removed_costs_no_picture(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await _with_a_folder_that_fails(path, out, lambda: shutil.rmtree(out), lambda: None, "there is no folder")


@pytest.mark.skipif(os.name != "posix", reason="a folder is never read-only elsewhere")
@pytest.mark.usefixtures("inline")
@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root may write everything")
async def test_a_folder_that_nobody_may_write_any_more_costs_no_picture(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await _with_a_folder_that_fails(
        path, out, lambda: out.chmod(0o555), lambda: out.chmod(0o755), "is read-only"
    )


@pytest.mark.usefixtures("inline")
async def test_a_disk_that_becomes_read_only_costs_no_picture(path: Path, disk: SmallDisk) -> None:
    await _with_a_folder_that_fails(
        path, disk.folder, disk.make_read_only, disk.make_writable, "is read-only"
    )


def _no_hard_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("has_links", [True, False])
async def test_a_file_that_took_the_name_of_a_paid_picture_is_kept_and_the_picture_comes_later(
    has_links: bool, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_links:
        monkeypatch.setattr("segmind_swap._swap.output_files.os.link", _no_hard_links)
    service, out = emulator(), tmp_path / "out"
    precious = out / "s1.png"
    taken = await run(
        service,
        swaps_of(3),
        journal=path,
        save_to=out,
        on_event=when(Accepted, "s1", lambda: precious.write_bytes(b"precious")),
    )
    for _ in range(2):
        assert taken.states == {"s0": S.SAVED, "s1": S.COMPLETED, "s2": S.SAVED}
        assert isinstance(taken.error_of("s1"), DownloadError)
        assert "another program made this file" in str(taken.error_of("s1"))
        assert precious.read_bytes() == b"precious"
        assert names_in(out) == ["s0.png", "s1.png", "s2.png"]
        taken = await run(service, swaps_of(3), journal=path, save_to=out)
    precious.rename(tmp_path / "elsewhere.png")
    again = await run(service, swaps_of(3), journal=path, save_to=out)
    assert again.states == dict.fromkeys(["s0", "s1", "s2"], S.SAVED)
    assert len(paid(service)) == 3
