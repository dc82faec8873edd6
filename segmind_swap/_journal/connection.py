"""The journal's file: made or found, checked, and kept from other writers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from .._errors import JournalError
from .schema import _check, _check_kind, _complaint, _create
from .store import IN_MEMORY, Store

_IN_USE = "is in use by another process, or by another batch of this one: wait until that has ended"


class Memory:
    """A journal that ends with this object. It is its own lock."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(IN_MEMORY, isolation_level=None, check_same_thread=False)
        self._is_locked = False
        _create(self._connection)

    def open_writer(self) -> Store:
        """As for a file.

        Raises:
            JournalError: it is in use.
        """
        if self._is_locked:
            raise _complaint(Path(IN_MEMORY), _IN_USE)
        self._is_locked = True
        return Store(IN_MEMORY, self._connection, self)

    def open_reader(self) -> Store:
        """As for a file."""
        return Store(IN_MEMORY, self._connection)

    def close(self) -> None:
        """Lets others write it."""
        self._is_locked = False

    def __del__(self) -> None:
        self._connection.close()


def open_writer(path: Path) -> Store:
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


def open_reader(path: Path) -> Store:
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
