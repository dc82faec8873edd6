"""The file of marks beside a journal: what a person decided about each picture.

The marks have a file of their own, because a running batch holds the lock of the journal for hours.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ..._api.ids import canonical_id
from ..._concurrency import run_in_thread
from ..._errors import JournalError
from ..._protocols.marks import Mark
from ..connection import sqlite_uri

T = TypeVar("T")
_APPLICATION_ID = 0x5357504D  # "SWPM"
_VERSION = 1
_SCHEMA = """
CREATE TABLE marks (
    key TEXT, version INTEGER, sha256 TEXT, mark TEXT NOT NULL, PRIMARY KEY (key, version, sha256)
) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_PATIENCE = 10.0
"""Seconds to wait for another process that writes marks. Each write takes some milliseconds."""


def marks_path(journal: str | os.PathLike[str]) -> Path:
    """The file of marks of a journal. A link to a journal has the marks of its target."""
    return Path(f"{os.path.realpath(journal)}.marks")


class MemoryMarks:
    """The marks of a journal in memory. They implement `Marks`."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, int, str], Mark] = {}

    async def read(self) -> Sequence[Mark]:
        """All marks."""
        return list(self._marks.values())

    async def of(self, id: str) -> Sequence[Mark]:
        """The marks of one swap."""
        key = canonical_id(id)
        return [mark for (known, _, _), mark in self._marks.items() if known == key]

    async def put(self, marks: Collection[Mark]) -> Sequence[Mark]:
        """Stores the marks that are newer than the known ones."""
        stored = []
        for mark in marks:
            key = _key_of(mark)
            if _is_newer(mark, self._marks.get(key)):
                self._marks[key] = mark
                stored.append(mark)
        return stored


class FileMarks:
    """The marks in the file beside a journal. They implement `Marks`.

    The file is open only during a call, so that nothing keeps other processes out of it between two key
    presses. A file that does not exist has no marks; the first mark makes it, readable by its owner alone.

    Args:
        path: The file of marks.
        journal_id: The id of the journal. A file that was made for another journal is refused.
    """

    def __init__(self, path: Path, journal_id: str) -> None:
        self.path = path
        self._journal_id = journal_id

    async def read(self) -> Sequence[Mark]:
        """All marks.

        Raises:
            JournalError: the file is damaged, of another journal, or cannot be read.
        """
        return await run_in_thread(lambda: self._found("SELECT mark FROM marks"))

    async def of(self, id: str) -> Sequence[Mark]:
        """The marks of one swap.

        Raises:
            JournalError: as `read`.
        """
        key = canonical_id(id)
        return await run_in_thread(lambda: self._found("SELECT mark FROM marks WHERE key = ?", key))

    async def put(self, marks: Collection[Mark]) -> Sequence[Mark]:
        """Stores the marks that are newer than the known ones, in one durable transaction.

        Raises:
            JournalError: the file is damaged, of another journal, or cannot be written.
        """
        return await run_in_thread(lambda: self._put(marks)) if marks else []

    def _found(self, query: str, *values: str) -> list[Mark]:
        def find() -> list[Mark]:
            if not self.path.exists():
                return []
            with closing(_connected(self.path)) as db:
                if _is_empty(db):
                    return []
                self._check(db)
                return [Mark.model_validate_json(text) for (text,) in db.execute(query, values)]

        return self._with_errors("read", find)

    def _put(self, marks: Collection[Mark]) -> list[Mark]:
        def put() -> list[Mark]:
            _make(self.path)
            with closing(_connected(self.path)) as db:
                db.execute("PRAGMA synchronous = FULL")
                # On macOS, a plain fsync leaves the data in the drive's cache. No effect elsewhere.
                db.execute("PRAGMA fullfsync = ON")
                with _transaction(db):
                    if _is_empty(db):
                        self._create(db)
                    self._check(db)
                    return [mark for mark in marks if _store(db, mark)]

        return self._with_errors("written", put)

    def _create(self, db: sqlite3.Connection) -> None:
        for statement in filter(str.strip, _SCHEMA.split(";")):
            db.execute(statement)
        db.execute("INSERT INTO facts VALUES ('journal', ?)", (self._journal_id,))
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")

    def _check(self, db: sqlite3.Connection) -> None:
        """Refuses a file that another program, another version or another journal has made.

        Raises:
            ValueError: what is wrong with the file.
        """
        (kind,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if kind != _APPLICATION_ID:
            raise ValueError("it is no file of marks")
        if version != _VERSION:
            raise ValueError(f"it was made by another version of this package (schema {version})")
        if db.execute("SELECT value FROM facts WHERE name = 'journal'").fetchone() != (self._journal_id,):
            raise ValueError(
                "it has the decisions about the pictures of another journal: move it away, or bring that"
                " journal back"
            )

    def _with_errors(self, done: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except (sqlite3.Error, OSError, ValueError) as exc:
            problem = str(exc)
        raise JournalError(
            f"the file of decisions {self.path} could not be {done}: {problem}", path=str(self.path)
        )


def _key_of(mark: Mark) -> tuple[str, int, str]:
    # A redo can return the bytes of the version before. Its picture is another one, and is undecided.
    return canonical_id(mark.id), mark.version, mark.sha256


def _is_newer(mark: Mark, known: Mark | None) -> bool:
    return known is None or mark.at > known.at


def _store(db: sqlite3.Connection, mark: Mark) -> bool:
    """Stores a mark, unless the picture has a mark that is as new. Returns whether the mark was stored."""
    key = _key_of(mark)
    row = db.execute("SELECT mark FROM marks WHERE key = ? AND version = ? AND sha256 = ?", key).fetchone()
    if not _is_newer(mark, None if row is None else Mark.model_validate_json(row[0])):
        return False
    db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (*key, mark.model_dump_json()))
    return True


def _is_empty(db: sqlite3.Connection) -> bool:
    """Whether the file was made, and has no tables: its first writer was killed, or has just begun."""
    return bool(db.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _connected(path: Path) -> sqlite3.Connection:
    # Also to read: what a killed writer left half written is taken back by the next one who opens the file.
    uri = sqlite_uri(path.absolute(), "mode=rw")
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
