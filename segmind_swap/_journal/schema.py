"""The journal's tables, their version, and their integrity."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from .._errors import JournalError
from .._outcome import OutcomeState
from .adoption.columns import KEEP_REPLACED_JOB
from .errors import journal_error
from .orders.tables import ORDERS

APPLICATION_ID = 0x53575031  # "SWP1"
VERSION = 4

_MAY_COST = ", ".join(f"'{state}'" for state in OutcomeState if state.may_cost)
_SCHEMA = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE swaps (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    fingerprint TEXT NOT NULL,
    reference TEXT NOT NULL,
    scene TEXT NOT NULL,
    state TEXT NOT NULL,
    run INTEGER NOT NULL,
    posts INTEGER NOT NULL DEFAULT 0,
    failed_runs INTEGER NOT NULL DEFAULT 0,
    closed_posts INTEGER NOT NULL DEFAULT 0,
    accepted_at REAL,
    job TEXT,
    result TEXT,
    error TEXT,
    answer BLOB,
    posted TEXT NOT NULL DEFAULT '[]',
    past_jobs TEXT NOT NULL DEFAULT '',
    UNIQUE (key, version)
)""",
    "CREATE INDEX same_pictures ON swaps (fingerprint)",
    f"CREATE INDEX under_way ON swaps (state) WHERE state IN ({_MAY_COST})",
    *ORDERS,
)
"""The statements that make the tables, one by one: the trigger of the orders has semicolons."""

# A swap in one of these states is paid, or may be. The best one to take a result from comes first.
_S = OutcomeState
_PAID = (_S.SAVED, _S.COMPLETED, _S.ACCEPTED, _S.UNREADABLE, _S.SENDING, _S.UNKNOWN, _S.EXPIRED)
_RANK = " ".join(f"WHEN '{state}' THEN {rank}" for rank, state in enumerate(_PAID))
FIND_PAID = (
    "SELECT * FROM swaps WHERE fingerprint = ?"  # noqa: S608
    f" AND state IN ({', '.join(map(repr, map(str, _PAID)))})"
    f" ORDER BY CASE state {_RANK} END, posts = 0, version DESC, number LIMIT 1"
)
"""The row that is paid for the pictures with a fingerprint, or may be: the best row to copy from. Of the
versions of a swap, the latest: it was made again because the one before was not good enough."""
# A statement of its own: a swap that is sent must never become COMPLETED without having been SENDING.
COPY = (
    "UPDATE swaps SET state = 'completed', closed_posts = closed_posts + posts, posts = 0,"  # noqa: S608
    f" {KEEP_REPLACED_JOB}, job = :job, result = :result, error = NULL, answer = NULL"
    " WHERE number = :number AND state = 'pending'"
)
"""Gives a PENDING row the result of another row. A done row without a POST is a copy, which costs nothing. A
job that the row had stays known: it is billed, and must never be taken for the job of another row."""


def create(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, and gives the journal its id."""
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO facts VALUES ('id', ?)", (str(uuid.uuid4()),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check_kind(path: Path, connection: sqlite3.Connection) -> None:
    """Refuses a database that is no journal of this version.

    Raises:
        JournalError: the application, the version or the tables differ from this package's.
    """
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if kind != APPLICATION_ID:
        raise journal_error(path, "is an SQLite file, but no journal of segmind-swap")
    if version != VERSION:
        made_by = "a newer" if version > VERSION else "an older"
        raise journal_error(path, f"was made by {made_by} version of segmind-swap (schema {version})")
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    if tuple(sql for (sql,) in tables) != _SCHEMA:
        raise _damaged(path, "its tables differ")


def check_integrity(path: Path, connection: sqlite3.Connection) -> None:
    """Refuses a damaged journal.

    Raises:
        JournalError: the database is no journal, or is damaged.
    """
    check_kind(path, connection)
    # `quick_check` is not enough: only `integrity_check` compares the keys with their index. A swap whose key
    # is missing in the index would be submitted, and paid, again.
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise _damaged(path, found)


def _damaged(path: Path, how: str) -> JournalError:
    return journal_error(
        path, f"is damaged ({how}): keep it, and use another journal for the remaining swaps"
    )
