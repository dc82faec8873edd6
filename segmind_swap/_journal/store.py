"""The journal's rows, one a swap, in SQLite. Plain and synchronous: who calls it brings thread and order.

A row goes `pending → sending → accepted → completed → saved`, or ends beside that path. Each step names the
states it may come from, so that no mistake elsewhere can lead a paid swap back to where it would be sent.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol

from .._errors import JournalError, SubmissionUnknownError, SwapError
from .._models import SwapJob, SwapResult
from .._outcome import OutcomeState, error_fields, error_of
from .._policy.transitions import _BY_HAND, _MAY_FOLLOW, S
from .._protocols import Entry
from .budget import MICRO, Spent, micro_of

IN_MEMORY = ":memory:"
"""The path of a journal that is no file, as SQLite has it."""


def _update(state: OutcomeState, table: Mapping[OutcomeState, tuple[OutcomeState, ...]]) -> str:
    before = ", ".join(f"'{word}'" for word in table.get(state, ()))
    # A job that FAILED is over, and no longer among the POSTs that count: those that follow are others.
    job = "CASE state WHEN 'failed' THEN NULL ELSE job END" if state is S.PENDING else "job"
    return (
        f"UPDATE swaps SET state = '{state}', posts = coalesce(:posts, posts), job = coalesce(:job, {job}),"  # noqa: S608
        " accepted_at = coalesce(:accepted_at, accepted_at), result = coalesce(:result, result),"
        f" error = :error WHERE number = :number AND state IN ({before})"
    )


class Lock(Protocol):
    """What keeps other writers away until it is closed."""

    def close(self) -> None:
        """Lets them in."""


class Store:
    """An open journal. Every method is one step; `transaction` makes several of them one."""

    def __init__(self, path: str, connection: sqlite3.Connection, lock: Lock | None = None) -> None:
        self.path = path
        self._db = connection
        self._db.row_factory = sqlite3.Row
        self._lock = lock
        # Absolute, as the process may go to another folder meanwhile.
        self._file = None if path == IN_MEMORY else (os.path.abspath(path), os.stat(path))  # noqa: PTH100, PTH116
        self.run: int = 0

    def close(self) -> None:
        """Closes the file, and lets others write it."""
        if self.path != IN_MEMORY:
            with suppress(sqlite3.Error):
                self._db.close()
        if self._lock is not None:
            self._lock.close()

    def complaint(self, text: str) -> JournalError:
        """An error about this journal."""
        return JournalError(f"the journal {self.path} {text}", path=self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes all steps inside one that is on the disk when the block ends, or none.

        Raises:
            JournalError: it could not be written.
        """
        with self._between("BEGIN IMMEDIATE", "written"):
            self._check_place()
            yield

    def _check_place(self) -> None:
        """An open file can be written wherever it is, but nobody would find there what was paid."""
        if self._file is None:
            return
        name, opened = self._file
        try:
            is_there = os.path.samestat(os.stat(name), opened)  # noqa: PTH116
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise self.complaint("was moved, removed or replaced while it was open: it is written no more")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Lets everything that is looked at inside be of one moment.

        Raises:
            JournalError: it could not be read.
        """
        with self._between("BEGIN", "read"):
            yield

    @contextmanager
    def _between(self, begin: str, done: str) -> Iterator[None]:
        with self._complaints(done):
            try:
                self._db.execute(begin)
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")

    @contextmanager
    def _complaints(self, done: str) -> Iterator[None]:
        """Tells the disk's trouble, and values that nobody here wrote, as an error about this journal."""
        try:
            yield
            return
        except (sqlite3.Error, OSError, ArithmeticError, TypeError, ValueError) as exc:
            complaint = f"could not be {done}: {exc}"
        raise self.complaint(complaint)

    # A run

    def begin_run(self, *, origin: str, workflow: str) -> None:
        """Makes sure that it is this service's journal, and ends what an earlier run left in the air.

        Raises:
            JournalError: it belongs to another service or workflow.
        """
        for name, value in (("origin", origin), ("workflow", workflow)):
            known = self._fact(name)
            if known is not None and known != value:
                raise self.complaint(
                    f"belongs to the {name} {known}, and this client's is {value}: its jobs cannot be waited"
                    " for there. Give another journal"
                )
            self._set_fact(name, value)
        self.run = int(self._fact("runs") or 0) + 1
        self._set_fact("runs", str(self.run))
        for row in self._db.execute("SELECT number, posts FROM swaps WHERE state = 'sending'").fetchall():
            error = SubmissionUnknownError(
                "an earlier run ended while the submit was on its way: it may have been accepted, and then is"
                " billed; it is not sent again by itself",
                possible_duplicates=row["posts"],
            )
            self.step(row["number"], S.UNKNOWN, error=error)

    def take(self, *, key: str, id: str, fingerprint: str, reference: str, scene: str) -> Entry | str:
        """The row of an input, made if it is new; a complaint if the input must not be taken."""
        row = self._db.execute("SELECT * FROM swaps WHERE key = ?", (key,)).fetchone()
        if row is None:
            self._db.execute(
                "INSERT INTO swaps (key, id, fingerprint, reference, scene, state, run)"
                " VALUES (?, ?, ?, ?, ?, 'pending', ?)",
                (key, id, fingerprint, _storable(reference), _storable(scene), self.run),
            )
            row = self._db.execute("SELECT * FROM swaps WHERE key = ?", (key,)).fetchone()
            return self._entry(row)
        if row["run"] == self.run:
            return f"the id {id!r} was given to another swap of this run already (as {row['id']!r})"
        if row["fingerprint"] != fingerprint:
            return self.other_pictures(self._entry(row))
        self._db.execute("UPDATE swaps SET run = ? WHERE number = ?", (self.run, row["number"]))
        return self._entry(row)

    def other_pictures(self, entry: Entry) -> str:
        """What to say of an input whose id belongs to a row with other pictures."""
        return (
            f"the journal {self.path} knows the id {entry.id!r} with other pictures ({entry.reference} into"
            f" {entry.scene}): give this swap another id, or use another journal"
        )

    def known(self, key: str) -> Entry | None:
        """The row of an id, if there is one."""
        row = self._db.execute("SELECT * FROM swaps WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._entry(row)

    def known_of(self, keys: Mapping[int, str]) -> dict[int, Entry]:
        """The rows of many ids, by whatever number each was given."""
        found = {number: self.known(key) for number, key in keys.items()}
        return {number: entry for number, entry in found.items() if entry is not None}

    def entry(self, number: int) -> Entry:
        """The row of this number."""
        return self._entry(self._db.execute("SELECT * FROM swaps WHERE number = ?", (number,)).fetchone())

    def accepted(self) -> list[int]:
        """The rows whose jobs are to be waited for, oldest first: the service forgets them in that order."""
        rows = self._db.execute("SELECT number FROM swaps WHERE state = 'accepted' ORDER BY accepted_at")
        return [row["number"] for row in rows]

    def step(
        self,
        number: int,
        state: OutcomeState,
        *,
        posts: int | None = None,
        job: SwapJob | None = None,
        result: SwapResult | None = None,
        error: SwapError | None = None,
        manual: bool = False,
    ) -> None:
        """Leads a row to its next state; what is not given stays, but for the error.

        Raises:
            JournalError: that state cannot follow the row's.
        """
        changed = self._db.execute(
            _update(state, _BY_HAND if manual else _MAY_FOLLOW),
            {
                "number": number,
                "posts": posts,
                "job": None if job is None else job.model_dump_json(),
                "accepted_at": None if job is None else job.submitted_at.timestamp(),
                "result": None if result is None else result.model_dump_json(),
                "error": None if error is None else json.dumps(error_fields(error)),
            },
        )
        if changed.rowcount != 1:
            raise self.complaint(f"does not let swap {number} become {state}")

    # Looking

    def entries(self, state: OutcomeState | None = None) -> Iterator[Entry]:
        """The rows in the order of their first run; those in `state` only, if it is given."""
        after = 0
        while True:
            rows = self._db.execute(
                "SELECT * FROM swaps WHERE number > ? AND (state = ? OR ? IS NULL) ORDER BY number LIMIT 500",
                (after, state, state),
            ).fetchall()
            if not rows:
                return
            yield from map(self._entry, rows)
            after = rows[-1]["number"]

    def counts(self) -> dict[OutcomeState, int]:
        """How many rows are in each state that any is in."""
        rows = self._db.execute("SELECT state, count(*) FROM swaps GROUP BY state")
        return {OutcomeState(state): count for state, count in rows}

    def money(self, price_usd: float, states: Collection[OutcomeState] = tuple(OutcomeState)) -> Spent:
        """What the rows in these states have cost, and how many of their POSTs may still have to be paid.

        Raises:
            JournalError: it could not be read.
        """
        settled = held = 0
        price = micro_of(price_usd)
        with self._complaints("read"):
            rows = self._db.execute(
                "SELECT state, posts, state IN ('completed', 'saved'), json_extract(result, '$.cost_usd')"
                " FROM swaps WHERE posts > 0"
            )
            for state, posts, done, cost_usd in rows:
                if state not in states:
                    continue
                settled += max(price, micro_of(cost_usd or 0)) if done else 0
                held += posts - done
        return Spent(settled_micro_usd=settled, held=held)

    @property
    def price_usd(self) -> float | None:
        """What a swap was taken to cost, last.

        Raises:
            JournalError: it could not be read.
        """
        with self._complaints("read"):
            price = self._fact("price_usd")
            # Through the budget's eyes: it must be a number that can be paid.
            return None if price is None else micro_of(float(price)) / MICRO

    def set_price(self, price_usd: float) -> None:
        """Keeps what a swap is taken to cost."""
        self._set_fact("price_usd", repr(price_usd))

    def _fact(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def _set_fact(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _entry(self, row: sqlite3.Row) -> Entry:
        try:
            job = None if row["job"] is None else SwapJob.model_validate_json(row["job"])
            return Entry(
                number=row["number"],
                id=row["id"],
                fingerprint=row["fingerprint"],
                reference=row["reference"],
                scene=row["scene"],
                state=OutcomeState(row["state"]),
                run=row["run"],
                posts=row["posts"],
                job=job,
                result=None if row["result"] is None else SwapResult.model_validate_json(row["result"]),
                error=None if row["error"] is None else error_of(json.loads(row["error"]), job),
            )
        except (AttributeError, TypeError, ValueError) as exc:
            complaint = f"has a damaged row {row['number']}: {type(exc).__name__}"
        raise self.complaint(complaint)


def _storable(name: str) -> str:
    """A file name, of which only UTF-8 can be stored, and on some systems more is allowed."""
    return name.encode(errors="backslashreplace").decode()
