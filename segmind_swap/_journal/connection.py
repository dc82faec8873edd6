"""Opens or creates a journal, checks it, and locks out other writers."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path, PurePath
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote_from_bytes

from .._errors import JournalError, JournalInUseError
from .errors import IN_MEMORY, journal_error
from .schema import check_integrity, check_kind, create
from .store import Store

_NOT_AT_REST = (
    "cannot be read here, because a batch changes it all the time: ask again, or ask as a user who may write"
    " in its folder"
)
_COPIES = 5
_LOG_HEAD_BYTES = 32
"""The header of a write-ahead log: its two salts change each time the log begins again."""
_PATIENCE = 30.0
"""Seconds for which a step waits while other processes write. A group of their steps takes one flush."""
_PAUSE = 0.02
_IN_USE = "is in use by another process, or by another batch of this process: wait until it ends, or stop it"


class Memory:
    """A journal in memory, which ends with this object. The object is the lock of the journal."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(IN_MEMORY, isolation_level=None, check_same_thread=False)
        # `__del__` can be too late: in a cycle of garbage, the connection may be finalized first.
        # An open connection that is finalized emits a ResourceWarning, from Python 3.13 on.
        weakref.finalize(self, self._connection.close)
        self._is_locked = False
        create(self._connection)

    def open_writer(self) -> Store:
        """As the function `open_writer`, for a file.

        Raises:
            JournalError: the journal is in use.
        """
        if self._is_locked:
            raise _in_use(IN_MEMORY)
        self._is_locked = True
        return Store(IN_MEMORY, self._connection, self)

    def open_shared(self) -> Store:
        """As the function `open_shared`, for a file."""
        return Store(IN_MEMORY, self._connection)

    def open_reader(self) -> Store:
        """As the function `open_reader`, for a file."""
        return Store(IN_MEMORY, self._connection)

    def close(self) -> None:
        """Releases the lock."""
        self._is_locked = False


class Handover:
    """Hands stores from a worker thread to the task that waits. Closes them if the task stops waiting.

    Plain asyncio cancellation ends the wait before the thread has opened the file. Each side writes its own
    attribute before it reads the other's, so at least one side closes the stores. Closing twice is harmless.
    """

    def __init__(self) -> None:
        self._stores: tuple[Store, ...] = ()
        self._is_abandoned = False

    def __enter__(self) -> Self:
        return self

    def give(self, *stores: Store) -> None:
        """Hands the stores over. Called once, by the thread."""
        self._stores = stores
        if self._is_abandoned:
            self._close()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc is not None:
            self._is_abandoned = True
            self._close()

    def _close(self) -> None:
        for store in self._stores:
            store.close()


def open_writer(path: Path) -> Store:
    """Opens or creates the file. No other writer can open the file until the store is closed.

    Raises:
        JournalError: the file is in use, is no journal or a damaged one, or cannot be written.
    """
    with _sqlite_errors(path):
        _make(path)
        with ExitStack() as opened:
            lock = opened.enter_context(closing(_locked(path)))
            connection = opened.enter_context(closing(_writable(path)))
            opened.pop_all()
        return Store(str(path), connection, lock)


def open_shared(path: Path) -> Store:
    """Opens or creates the file for the steps of a service that need no lock. Other writers may have it open.

    Raises:
        JournalError: the file is no journal or a damaged one, or cannot be written.
    """
    with _sqlite_errors(path):
        _make(path)
        with ExitStack() as opened:
            connection = opened.enter_context(closing(_writable(path)))
            opened.pop_all()
        return Store(str(path), connection)


def _writable(path: Path) -> sqlite3.Connection:
    """A connection to a whole journal. Of several processes, one makes the tables in an empty file."""
    with ExitStack() as opened:
        connection = opened.enter_context(closing(_connected(path)))
        # On macOS, a plain fsync leaves the data in the drive's cache. No effect elsewhere.
        connection.execute("PRAGMA fullfsync = ON")
        if path.stat().st_size == 0:
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have made the tables while this one waited for its turn.
            if path.stat().st_size == 0:
                create(connection)
            connection.execute("COMMIT")
        check_integrity(path, connection)
        _use_log(connection)
        opened.pop_all()
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    """Sets up the write-ahead log, which another process may be doing now, or a reader may delay."""
    attempts = int(_PATIENCE / _PAUSE)
    for attempt in range(attempts):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            # SQLite does not wait here by itself.
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == attempts - 1:
                raise
            time.sleep(_PAUSE)
        else:
            break
    connection.execute("PRAGMA synchronous = FULL")


def open_reader(path: Path) -> Store:
    """Opens the file for reading. A batch may write to the file meanwhile.

    SQLite writes files of its own beside the journal, also to read. Where that is not allowed (a read-only
    file system, a journal of another user), a journal without a log is read as it is, else a copy of both.

    Raises:
        JournalError: there is no such file, or it is no journal, or it cannot be read now.
    """
    with _sqlite_errors(path):
        if not path.is_file():
            raise no_journal(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        may_write = _may_write(path) and _may_write(path.parent)
        if not may_write:
            # SQLite's own files, made by another user, could keep the owner's next batch from writing.
            store = _open_at_rest(path)
            if store is not None:
                return store
        try:
            return _checked_reader(path, _connected(path))
        except sqlite3.OperationalError as exc:
            # An error of Python's module itself, such as a text that is not UTF-8, has no code.
            code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
            if code not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
                raise
        store = _open_at_rest(path)
        if store is None and not may_write:
            store = _open_copy(path)
        if store is None:
            raise journal_error(path, _NOT_AT_REST)
        return store


def _may_write(path: Path) -> bool:
    # The user as whom a file is opened, and not the user who started the process.
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _checked_reader(
    path: Path, connection: sqlite3.Connection, lock: sqlite3.Connection | None = None
) -> Store:
    with ExitStack() as opened:
        opened.enter_context(closing(connection))
        connection.execute("PRAGMA query_only = ON")
        check_kind(path, connection)
        opened.pop_all()
    return Store(str(path), connection, lock)


def _open_at_rest(path: Path) -> Store | None:
    """Opens a journal without any file beside it, if nobody writes the journal; None if somebody may write.

    A log beside the journal is from a batch that is running or was killed, and has rows that the journal
    itself does not have. While the store is open, no batch of this machine can begin to write.
    """
    with ExitStack() as opened:
        lock = _shared_lock(path)
        if isinstance(lock, sqlite3.Connection):
            opened.enter_context(closing(lock))
        if lock is False or _has_log(path):
            return None
        connection = sqlite3.connect(
            sqlite_uri(path.absolute(), "mode=ro&immutable=1"),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        store = _checked_reader(path, connection, lock or None)
        if lock is None and os.path.lexists(_lock_name(path)):
            store.close()
            return None
        opened.pop_all()
        return store


def _open_copy(path: Path) -> Store | None:
    """Opens a copy of a journal and its log, in a folder where SQLite may write; None if they keep changing.

    The log has the newest rows, so the journal alone would show old states and too little money. A batch may
    write meanwhile. The copy is consistent if the journal did not change, and the log was only continued: its
    first bytes are new whenever the batch begins the log again. SQLite passes over a row that is half copied.

    Only for a place where this process may not write. Closing a file would release the locks of a writer in
    this process (see `_make`).
    """
    for _ in range(_COPIES):
        try:
            copied = tempfile.TemporaryDirectory(prefix="segmind-swap-")
        except FileNotFoundError:
            raise OSError("it must be copied to be read: set TMPDIR to a folder for the copy") from None
        with ExitStack() as opened:
            opened.callback(copied.cleanup)
            before = _generation(path)
            copy = Path(copied.name) / "journal.db"
            shutil.copyfile(path, copy)
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{os.path.realpath(path)}-wal", f"{copy}-wal")
            if before is None or _generation(path) != before:
                continue
            connection = opened.enter_context(closing(_connected(copy)))
            connection.execute("PRAGMA query_only = ON")
            check_kind(path, connection)
            return Store(str(path), connection, opened.pop_all())
    return None


def _generation(path: Path) -> tuple[object, ...] | None:
    """What changes when rows move from the log into the journal; None with a log of SQLite's other kind."""
    name = os.path.realpath(path)
    if os.path.lexists(f"{name}-journal"):
        return None
    file = os.stat(name)  # noqa: PTH116
    try:
        with open(f"{name}-wal", "rb") as log:  # noqa: PTH123
            head = log.read(_LOG_HEAD_BYTES)
    except FileNotFoundError:
        head = b""
    return file.st_mtime_ns, file.st_size, file.st_ino, head


def _has_log(path: Path) -> bool:
    return any(os.path.lexists(f"{os.path.realpath(path)}-{suffix}") for suffix in ("wal", "journal"))


def _shared_lock(path: Path) -> sqlite3.Connection | Literal[False] | None:
    """A lock that keeps writers out; False if a writer has the lock; None if there is no file to lock.

    A journal that was copied without its lock has no writer: each writer first makes the file.
    """
    name = Path(_lock_name(path))
    if not os.path.lexists(name):
        return None
    lock: sqlite3.Connection | None = None
    try:
        lock = sqlite3.connect(
            sqlite_uri(name, "mode=ro"), uri=True, isolation_level=None, check_same_thread=False, timeout=0.0
        )
        lock.execute("BEGIN")
        lock.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        if lock is not None:
            lock.close()
        return False
    return lock


def no_journal(path: Path) -> JournalError:
    """The error for a journal that does not exist."""
    return JournalError(f"there is no journal {path}", path=str(path))


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and of the system into a `JournalError`."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        problem = (
            "is no journal of segmind-swap" if "not a database" in str(exc) else f"cannot be used: {exc}"
        )
    except OSError as exc:
        problem = f"cannot be used: {exc.strerror or exc}"
    except ValueError as exc:
        # The path is no valid file name, or damaged text is not UTF-8.
        problem = f"cannot be used: {exc}"
    else:
        return
    raise journal_error(path, problem)


def _make(path: Path) -> None:
    """Makes the file, readable by its owner alone, if there is none.

    An existing file is not opened here: opening and closing it would release SQLite's locks on the file for
    this whole process (POSIX locks), and the next reader would remove the log that a batch is writing.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if not path.is_file():
        raise OSError("it is no file")


def _connected(path: Path) -> sqlite3.Connection:
    """A connection to an existing file, for one thread at a time. Read-only if the file is not writable.

    A connection that is opened read-only would leave the files of the write-ahead log behind.
    """
    uri = sqlite_uri(path.absolute(), "mode=rw")
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE
    )
    # SQLite sorts many rows in a temporary file. In a container there may be no folder for such a file.
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def sqlite_uri(path: PurePath, query: str) -> str:
    """The URI by which SQLite opens an absolute path.

    `Path.as_uri` names the server of a Windows share as the host of the URI, and SQLite refuses every host.
    Four slashes make the share a part of the path: `file:////nas/jobs/journal.db`.
    """
    text = path.as_posix()
    slash = "" if text.startswith("/") else "/"
    return f"file://{slash}{quote_from_bytes(os.fsencode(text), safe='/:')}?{query}"


def _lock_name(path: Path) -> str:
    return f"{os.path.realpath(path)}.lock"


def _locked(path: Path) -> sqlite3.Connection:
    """Locks out every other writer, on any system: an exclusive transaction on a file beside the journal.

    The journal itself can still be read. A link to a journal has the lock of its target.
    """
    lock = sqlite3.connect(_lock_name(path), isolation_level=None, check_same_thread=False, timeout=0.0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as exc:
        lock.close()
        if "locked" not in str(exc):
            raise
    else:
        return lock
    raise _in_use(path)


def _in_use(path: Path | str) -> JournalInUseError:
    return JournalInUseError(f"the journal {path} {_IN_USE}", path=str(path))
