"""The journal's file: made or found, checked, and kept from other writers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from ._errors import JournalError
from ._store import IN_MEMORY, Store

APPLICATION_ID = 0x53575031  # "SWP1"
VERSION = 1
_IN_USE = "is in use by another process, or by another batch of this one: wait until that has ended"

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE swaps (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reference TEXT NOT NULL,
    scene TEXT NOT NULL,
    state TEXT NOT NULL,
    run INTEGER NOT NULL,
    posts INTEGER NOT NULL DEFAULT 0,
    accepted_at REAL,
    job TEXT,
    result TEXT,
    error TEXT
);
CREATE INDEX under_way ON swaps (state) WHERE state IN ('sending', 'accepted', 'unknown', 'expired');
"""


class Memory:
    """A journal that ends with this object. It is its own lock."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(IN_MEMORY, isolation_level=None, check_same_thread=False)
        self._is_locked = False
        _create(self._connection)

    def to_write(self) -> Store:
        """As for a file.

        Raises:
            JournalError: it is in use.
        """
        if self._is_locked:
            raise _complaint(Path(IN_MEMORY), _IN_USE)
        self._is_locked = True
        return Store(IN_MEMORY, self._connection, self)

    def to_read(self) -> Store:
        """As for a file."""
        return Store(IN_MEMORY, self._connection)

    def close(self) -> None:
        """Lets others write it."""
        self._is_locked = False

    def __del__(self) -> None:
        self._connection.close()


def to_write(path: Path) -> Store:
    """Opens the file, or makes it; alone, until it is closed.

    Raises:
        JournalError: it is in use, is no journal or a damaged one, or cannot be written.
    """
    with _complaints(path):
        _make(path)
        with ExitStack() as opened:
            lock = opened.enter_context(closing(_locked(path)))
            connection = opened.enter_context(closing(_connected(path)))
            if path.stat().st_size == 0:
                _create(connection)
            _check(path, connection)
            opened.pop_all()
        return Store(str(path), connection, lock)


def to_read(path: Path) -> Store:
    """Opens the file to look at it, which is possible while a batch writes.

    Raises:
        JournalError: there is none, or it is no journal.
    """
    with _complaints(path):
        if not path.is_file():
            raise JournalError(f"there is no journal {path}", path=str(path))
        with ExitStack() as opened:
            connection = opened.enter_context(closing(_connected(path)))
            connection.execute("PRAGMA query_only = ON")
            _check_kind(path, connection)
            opened.pop_all()
        return Store(str(path), connection)


def _create(connection: sqlite3.Connection) -> None:
    connection.executescript(
        f"BEGIN; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _check_kind(path: Path, connection: sqlite3.Connection) -> None:
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if kind != APPLICATION_ID:
        raise _complaint(path, "is an SQLite file, but no journal of segmind-swap")
    if version != VERSION:
        made_by = "a newer" if version > VERSION else "an older"
        raise _complaint(path, f"was made by {made_by} version of segmind-swap (schema {version})")
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    if [sql for (sql,) in tables] != [sql.strip() for sql in _SCHEMA.split(";")[:-1]]:
        raise _damaged(path, "its tables are others")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    _check_kind(path, connection)
    # The whole check: it compares the keys with their index, in which a lost one would be paid again.
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise _damaged(path, found)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _damaged(path: Path, how: str) -> JournalError:
    return _complaint(path, f"is damaged ({how}): keep it, and begin another for what is left")


def _complaint(path: Path, text: str) -> JournalError:
    return JournalError(f"the journal {path} {text}", path=str(path))


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as exc:
        complaint = (
            "is no journal of segmind-swap" if "not a database" in str(exc) else f"cannot be used: {exc}"
        )
    except OSError as exc:
        complaint = f"cannot be used: {exc.strerror or exc}"
    except ValueError as exc:
        # A name that can be no file's, or damage that is no text.
        complaint = f"cannot be used: {exc}"
    else:
        return
    raise _complaint(path, complaint)


def _make(path: Path) -> None:
    """Makes the file, readable by its owner alone, if it is not there.

    One that is there is left alone: to open and close it here would take SQLite's locks on it away from this
    whole process, and whoever looks at the journal next would remove the log that a batch is writing.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if not path.is_file():
        raise OSError("it is no file")


def _connected(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists, for one thread at a time; read-only if the system allows no more.

    One that could not write would leave the files of the write-ahead log behind.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10.0)


def _locked(path: Path) -> sqlite3.Connection:
    """Keeps every other writer away, on any system: an exclusive transaction on a small file beside it.

    Readers of the journal itself stay possible. A link to a journal is the same journal.
    """
    name = f"{os.path.realpath(path)}.lock"
    lock = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=0.0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as exc:
        lock.close()
        if "locked" not in str(exc):
            raise
    else:
        return lock
    raise _complaint(path, _IN_USE)
