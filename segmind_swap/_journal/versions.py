"""The versions of each swap: which one is current, all of them in order, and new ones for a redo."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

from .._api.ids import canonical_id
from .._outcome import OutcomeState, SwapVersion
from .._policy.redo import RedoStep, redo_step
from .._protocols.entry import Entry, EntryConflict, NewVersion
from .money.budget import version_of

_DONE = ", ".join(f"'{state}'" for state in OutcomeState if state.is_done)
# A later version exists only of a swap that is done. Until such a version is done, the first one is current.
_LATEST_CURRENT = f"(version = 1 OR state IN ({_DONE})) ORDER BY version DESC LIMIT 1"
IS_CURRENT = (
    f"swaps.number = (SELECT number FROM swaps AS other WHERE other.key = swaps.key AND {_LATEST_CURRENT})"  # noqa: S608
)
"""The condition on a row of `swaps` that it is the current version of its id."""
_PAGE = 500


class Versions:
    """The rows by id and version. Synchronous, inside the transactions of the store."""

    def __init__(self, connection: sqlite3.Connection, entry_of_row: Callable[[sqlite3.Row], Entry]) -> None:
        self._db = connection
        self._entry = entry_of_row

    def current(self, id: str) -> Entry | None:
        """The current version of an id: the latest that is done, else the first; None if there is no row."""
        return self._one(f"SELECT * FROM swaps WHERE key = ? AND {_LATEST_CURRENT}", canonical_id(id))  # noqa: S608

    def latest(self, id: str) -> Entry | None:
        """The version of an id with the highest number; None if there is no row."""
        return self._one("SELECT * FROM swaps WHERE key = ? ORDER BY version DESC LIMIT 1", canonical_id(id))

    def of(self, id: str, version: int) -> Entry | None:
        """One version of an id; None if there is no such row."""
        return self._one("SELECT * FROM swaps WHERE key = ? AND version = ?", canonical_id(id), version)

    def _one(self, query: str, *values: object) -> Entry | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else self._entry(row)

    def all(self, ids: Collection[str] | None = None) -> Iterator[Entry]:
        """All versions of all ids, or of `ids`: ids in the order of the first run, versions ascending."""
        keys = None if ids is None else json.dumps([canonical_id(id) for id in ids])
        return self._pages(":keys IS NULL OR first.key IN (SELECT value FROM json_each(:keys))", keys=keys)

    def all_current(self, state: OutcomeState | None) -> Iterator[Entry]:
        """The current version of each id, in the order of the first run; with `state`, in this state."""
        return self._pages(f"{IS_CURRENT} AND (:state IS NULL OR swaps.state = :state)", state=state)

    def _pages(self, condition: str, **values: object) -> Iterator[Entry]:
        """The rows in the order of id and version. Each page is a query of its own."""
        query = (
            "SELECT swaps.*, first.number AS place"  # noqa: S608
            " FROM swaps AS first CROSS JOIN swaps ON swaps.key = first.key"
            " WHERE first.version = 1 AND first.number >= :place"
            f" AND (first.number > :place OR swaps.version > :version) AND ({condition})"
            f" ORDER BY first.number, swaps.version LIMIT {_PAGE}"
        )
        place = version = 0
        while rows := self._db.execute(query, {**values, "place": place, "version": version}).fetchall():
            yield from map(self._entry, rows)
            place, version = rows[-1]["place"], rows[-1]["version"]

    def bill(self, price_usd: float, *, failed_runs_are_free: bool) -> Iterator[SwapVersion]:
        """All versions in the order of `all`, with their money at a price of a swap in USD."""
        for _, group in groupby(self.all(), key=lambda entry: entry.id):
            entries = list(group)
            current = next((entry for entry in reversed(entries) if entry.state.is_done), entries[0])
            for entry in entries:
                yield version_of(
                    entry,
                    is_current=entry is current,
                    price_usd=price_usd,
                    failed_runs_are_free=failed_runs_are_free,
                )

    def count_redone(self) -> int:
        """How many ids have a later version than the first as their current one."""
        (count,) = self._db.execute(
            f"SELECT count(*) FROM swaps WHERE version > 1 AND {IS_CURRENT}"  # noqa: S608
        ).fetchone()
        return int(count)

    def count_without_picture(self) -> dict[OutcomeState, int]:
        """How many ids have a latest version that is not their current one, by the state of that version."""
        rows = self._db.execute(
            f"SELECT state, count(*) FROM swaps WHERE version > 1 AND NOT ({IS_CURRENT})"  # noqa: S608
            " AND version = (SELECT max(version) FROM swaps AS latest WHERE latest.key = swaps.key)"
            " GROUP BY state"
        )
        return {OutcomeState(state): count for state, count in rows}

    def begin(self, versions: Sequence[NewVersion], *, run: int) -> list[Entry]:
        """Makes the rows of the versions of a redo, or finds them: all of them, or none.

        Raises:
            EntryConflict: a swap cannot be redone so, or an id occurs twice. No row was made.
        """
        if len({canonical_id(new.id) for new in versions}) < len(versions):
            raise EntryConflict("an id is given twice: a redo makes one version of each id")
        steps = [(new, redo_step(new, self.latest(new.id))) for new in versions]
        return [self._begin(new, step, run) for new, step in steps]

    def _begin(self, new: NewVersion, step: RedoStep, run: int) -> Entry:
        key, version = canonical_id(new.id), new.after + 1
        pictures = new.fingerprint, storable(new.reference), storable(new.scene)
        if step is RedoStep.BEGIN:
            self._db.execute(
                "INSERT INTO swaps (key, id, version, fingerprint, reference, scene, state, run)"
                " SELECT key, id, ?, ?, ?, ?, 'pending', ? FROM swaps WHERE key = ? AND version = 1",
                (version, *pictures, run, key),
            )
        elif step is RedoStep.REPLACE:
            self._db.execute(
                "UPDATE swaps SET fingerprint = ?, reference = ?, scene = ? WHERE key = ? AND version = ?",
                (*pictures, key, version),
            )
        begun = self.of(new.id, version)
        assert begun is not None  # noqa: S101 - the row was inserted just now, or was found
        return begun


def storable(name: str) -> str:
    """A file name as SQLite can store it: UTF-8. Some systems allow other bytes in a name."""
    return name.encode(errors="backslashreplace").decode()
