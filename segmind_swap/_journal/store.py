"""The rows of a journal in SQLite, one row for each version of a swap.

Synchronous: the caller chooses thread and order.

The state of a row changes `pending → sending → accepted → completed → saved`, or to one of the other states.
A row has the money in two parts: `posts`, the POSTs of the current attempt, and the attempts that have ended
(`failed_runs` and `closed_posts`). A new attempt begins without a POST in doubt. Each step names the states
that it may follow. So a mistake elsewhere cannot make a paid swap pending again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

from .._api.ids import canonical_id
from .._config import MAX_ANSWER_BYTES
from .._errors import JournalError, OutputError, SubmissionUnknownError, SwapCancelledError, SwapError
from .._models import SwapJob, SwapResult
from .._outcome import OutcomeState, error_fields, error_of
from .._policy.budget import Spent
from .._protocols.entry import Entry, EntryCancelled, EntryConflict, NewEntry, Post
from .adoption.columns import past_jobs_of, post_json, posts_of
from .errors import IN_MEMORY, journal_error
from .facts import Facts
from .money.rows import spent_in_rows
from .schema import COPY, FIND_PAID
from .steps import step_sql
from .versions import IS_CURRENT, Versions, storable

S = OutcomeState
_WAITABLE = ", ".join(f"'{state}'" for state in S if state.is_waitable)


class Lock(Protocol):
    """Locks out other writers until the lock is closed."""

    def close(self) -> None:
        """Releases the lock."""


class Store:
    """An open journal. Every method is one step; `transaction` makes several steps atomic.

    Attributes:
        path: The journal's file, or `:memory:`.
        facts: The facts about the journal as a whole.
        versions: The rows by id and version.
        run: Counts the runs of the batch; 0 before `begin_run`.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, lock: Lock | None = None) -> None:
        self.path = path
        self._db = connection
        self._db.row_factory = sqlite3.Row
        self.facts: Facts = Facts(connection)
        self.versions: Versions = Versions(connection, self.entry_of_row)
        self._lock = lock
        # Absolute: the process may change its working directory meanwhile.
        self._file = None if path == IN_MEMORY else (os.path.abspath(path), os.stat(path))  # noqa: PTH100, PTH116
        self.run: int = 0

    def close(self) -> None:
        """Closes the file, and releases the lock."""
        if self.path != IN_MEMORY:
            with suppress(sqlite3.Error):
                self._db.close()
        if self._lock is not None:
            self._lock.close()

    def error(self, text: str) -> JournalError:
        """An error about this journal."""
        return journal_error(self.path, text)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes all steps of the block durable when the block ends, or none of them.

        Raises:
            JournalError: the steps could not be written.
        """
        with self._between("BEGIN IMMEDIATE", "written"):
            self._check_same_file("written to")
            yield

    def _check_same_file(self, what: str) -> None:
        """Refuses a file that was moved or removed: the record of paid swaps would be lost.

        Also for reading: a new file of the same name would share the log of the old one.
        """
        if self._file is None:
            return
        name, opened = self._file
        try:
            is_there = os.path.samestat(os.stat(name), opened)  # noqa: PTH116
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise self.error(f"was moved, removed or replaced while it was open: nothing more is {what} it")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Lets the block read one consistent state of the journal.

        Raises:
            JournalError: the journal could not be read.
        """
        with self._between("BEGIN", "read"):
            self._check_same_file("read from")
            yield

    @contextmanager
    def _between(self, begin: str, done: str) -> Iterator[None]:
        with self._journal_errors(done):
            try:
                self._db.execute(begin)
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")

    @contextmanager
    def _journal_errors(self, done: str) -> Iterator[None]:
        """Turns errors of the disk, and values that this package did not write, into a `JournalError`."""
        try:
            yield
            return
        except (sqlite3.Error, OSError, ArithmeticError, TypeError, ValueError) as exc:
            problem = f"could not be {done}: {exc}"
        raise self.error(problem)

    def begin_run(self, *, origin: str, workflow: str) -> None:
        """Begins a run of a batch, and ends the SENDING rows of earlier runs.

        Raises:
            JournalError: the journal belongs to another service or workflow.
        """
        self.claim_service(origin=origin, workflow=workflow)
        self.run = self.facts.count("runs") + 1
        self.facts.set("runs", str(self.run))
        self.end_sending()

    def claim_service(self, *, origin: str, workflow: str) -> None:
        """Records the service and the workflow of the journal, which stay the same for ever.

        Raises:
            JournalError: the journal belongs to another service or workflow.
        """
        self.check_service(origin=origin, workflow=workflow)
        self.facts.set("origin", origin)
        self.facts.set("workflow", workflow)

    def check_service(self, *, origin: str | None, workflow: str | None) -> None:
        """Refuses a client of another service or workflow. None is not compared.

        Raises:
            JournalError: the journal belongs to another service or workflow.
        """
        for name, value in (("origin", origin), ("workflow", workflow)):
            known = self.facts.get(name)
            if None not in {known, value} and known != value:
                raise self.error(
                    f"belongs to the {name} {known}, and this client's {name} is {value}: the journal's jobs"
                    " cannot be waited for there. Give another journal"
                )

    def end_sending(self) -> None:
        """Makes SENDING rows UNKNOWN: whoever may write knows that the batch that sent them has ended."""
        for row in self._db.execute("SELECT number, posts FROM swaps WHERE state = 'sending'").fetchall():
            error = SubmissionUnknownError(
                "an earlier run ended while the submit was in flight: the swap may have been accepted, and"
                " then is billed; it is not sent again automatically",
                possible_duplicates=row["posts"],
            )
            self.step(row["number"], S.UNKNOWN, error=error)

    def expect(self, ids: Collection[str]) -> None:
        """Records how many ids there are once all inputs of this run are taken. Rows are never removed."""
        known = "SELECT 1 FROM swaps WHERE key = ? AND version = 1"
        new = sum(self._db.execute(known, (key,)).fetchone() is None for key in set(map(canonical_id, ids)))
        self.facts.set("expected_ids", str(sum(self._ids_in_states().values()) + new))

    def take(self, swap: NewEntry) -> Entry:
        """Returns the current row of an input. A new input gets a new row.

        Raises:
            EntryConflict: the id was given twice in this run, or belongs to other pictures.
        """
        key = canonical_id(swap.id)
        first = self.versions.of(swap.id, 1)
        if first is None:
            self._db.execute(
                "INSERT INTO swaps (key, id, fingerprint, reference, scene, state, run)"
                " VALUES (?, ?, ?, ?, ?, 'pending', ?)",
                (key, swap.id, swap.fingerprint, storable(swap.reference), storable(swap.scene), self.run),
            )
        elif first.run == self.run:
            raise EntryConflict(
                f"the id {swap.id!r} was given to another swap of this run already (as {first.id!r})"
            )
        elif first.fingerprint != swap.fingerprint:
            raise EntryConflict(first.conflict(self.path))
        else:
            self._db.execute("UPDATE swaps SET run = ? WHERE key = ?", (self.run, key))
        return self.find([swap.id])[swap.id]

    def find(self, ids: Collection[str]) -> dict[str, Entry]:
        """The current rows by id. The mapping has no key for an id without a row."""
        found = {id: self.versions.current(id) for id in ids}
        return {id: entry for id, entry in found.items() if entry is not None}

    def find_paid(self, fingerprint: str) -> Entry | None:
        """The row that is paid for these pictures, or may be; rows with a file, and no copies, come first."""
        row = self._db.execute(FIND_PAID, (fingerprint,)).fetchone()
        return None if row is None else self.entry_of_row(row)

    def query(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Runs one statement about other rows of the journal, such as the orders."""
        return self._db.execute(statement, values)

    def entry_of(self, id: str) -> Entry | None:
        """The row of the latest version of an id, about which a person decides; None if there is no row."""
        return self.versions.latest(id)

    def entry(self, number: int) -> Entry:
        """The row of this number."""
        return self.entry_of_row(self.query("SELECT * FROM swaps WHERE number = ?", number).fetchone())

    def waitable(self) -> list[int]:
        """The numbers of the waitable rows, oldest first: the service forgets jobs in that order."""
        rows = self._db.execute(
            f"SELECT number FROM swaps WHERE state IN ({_WAITABLE}) ORDER BY accepted_at"  # noqa: S608
        )
        return [row["number"] for row in rows]

    def step(
        self,
        number: int,
        state: OutcomeState,
        *,
        billable_posts: int | None = None,
        failed_runs: int = 0,
        job: SwapJob | None = None,
        result: SwapResult | None = None,
        error: SwapError | None = None,
        post: Post | None = None,
        manual: bool = False,
    ) -> None:
        """Sets the state of a row. A value that is None stays unchanged; the error is always replaced.

        A person's step to PENDING begins a new attempt if the job of the row has ended. `failed_runs` is
        added to the failed runs of the row. The body of an `OutputError` is kept as the answer of the row.

        Raises:
            JournalError: `state` must not follow the current state of the row.
            EntryCancelled: neither may it, because the order of the row was cancelled.
        """
        fields = None if error is None else error_fields(error)
        answer = None
        if fields is not None and isinstance(error, OutputError):
            answer = error.body[:MAX_ANSWER_BYTES]
            del fields["body"]
        changed = self._db.execute(
            step_sql(state, manual=manual),
            {
                "number": number,
                "posts": billable_posts,
                "failed_runs": failed_runs,
                "answer": answer,
                "job": None if job is None else job.model_dump_json(),
                "accepted_at": None if job is None else job.submitted_at.timestamp(),
                "result": None if result is None else result.model_dump_json(),
                "error": None if fields is None else json.dumps(fields),
                "post": None if post is None else post_json(post),
            },
        )
        if changed.rowcount != 1:
            raise self._refusal(number, f"become {state}")

    def copy(self, number: int, result: SwapResult) -> None:
        """Makes a PENDING row COMPLETED with the result of another row. The row has no POST of its own.

        Raises:
            JournalError: the row is in another state.
            EntryCancelled: the order of the row was cancelled.
        """
        job, result_json = result.job.model_dump_json(), result.model_dump_json()
        changed = self._db.execute(COPY, {"number": number, "job": job, "result": result_json})
        if changed.rowcount != 1:
            raise self._refusal(number, "become a copy")

    def _refusal(self, number: int, what: str) -> JournalError | EntryCancelled:
        row = self.query("SELECT * FROM swaps WHERE number = ?", number).fetchone()
        if row is None:
            return self.error(f"does not let entry {number} {what}")
        if row["state"] == S.ABANDONED and isinstance(self.entry_of_row(row).error, SwapCancelledError):
            return EntryCancelled(f"the order of {row['id']!r} was cancelled")
        return self.error(f"does not let {row['id']!r}, which is {row['state']}, {what}")

    def reopen(self, number: int) -> None:
        """Makes a FAILED or REJECTED row PENDING. All other states need the decision of a person.

        Raises:
            JournalError: the row is in another state.
        """
        if not self.entry(number).state.is_retryable:
            raise self._refusal(number, "be retried automatically")
        self.step(number, S.PENDING, manual=True)

    def entries(self, state: OutcomeState | None = None) -> Iterator[Entry]:
        """The current row of each id in the order of the first run; with `state`, the rows in this state."""
        return self.versions.all_current(state)

    def ids(self, state: OutcomeState | None = None) -> list[str]:
        """The ids in the order of their first run; with `state`, those with a version in this state."""
        rows = self._db.execute(
            "SELECT id, min(number) AS place FROM swaps WHERE state = ? OR ? IS NULL"
            " GROUP BY key ORDER BY place",
            (state, state),
        )
        return [row["id"] for row in rows]

    def counts(self) -> dict[OutcomeState, int]:
        """How many swaps are in each state. PENDING also counts the inputs of the last run without a row."""
        counts = self._ids_in_states()
        missing = self.facts.count("expected_ids") - sum(counts.values())
        return counts if missing <= 0 else {**counts, S.PENDING: counts.get(S.PENDING, 0) + missing}

    def _ids_in_states(self) -> dict[OutcomeState, int]:
        """How many ids have their current version in each state."""
        rows = self._db.execute(
            f"SELECT state, count(*) FROM swaps WHERE {IS_CURRENT} GROUP BY state"  # noqa: S608
        )
        return {OutcomeState(state): count for state, count in rows}

    def money(
        self,
        price_usd: float,
        states: Collection[OutcomeState] = tuple(OutcomeState),
        *,
        failed_runs_are_free: bool = False,
        from_version: int = 1,
        posted_since: datetime | None = None,
    ) -> Spent:
        """The cost of the rows in these states, from a version on, and how many other POSTs count as paid.

        With `posted_since`, of the rows whose last POST was claimed since then, with their earlier POSTs.
        """
        with self._journal_errors("read"):
            return spent_in_rows(
                self._db,
                price_usd,
                states,
                failed_runs_are_free=failed_runs_are_free,
                from_version=from_version,
                posted_since=posted_since,
            )

    def entry_of_row(self, row: sqlite3.Row) -> Entry:
        """The entry in a row of `swaps`, which may have further columns."""
        try:
            job = None if row["job"] is None else SwapJob.model_validate_json(row["job"])
            error = None if row["error"] is None else json.loads(row["error"])
            if error is not None and row["answer"] is not None:
                error["body"] = row["answer"].decode("latin-1")
            return Entry(
                number=row["number"],
                id=row["id"],
                fingerprint=row["fingerprint"],
                reference=row["reference"],
                scene=row["scene"],
                state=OutcomeState(row["state"]),
                run=row["run"],
                billable_posts=row["posts"],
                failed_runs=row["failed_runs"],
                closed_posts=row["closed_posts"],
                job=job,
                result=None if row["result"] is None else SwapResult.model_validate_json(row["result"]),
                error=None if error is None else error_of(error, job),
                answer=row["answer"],
                version=row["version"],
                first=None if row["version"] == 1 else self._input_of(row["key"]),
                posts=posts_of(row["posted"]),
                past_jobs=past_jobs_of(row["past_jobs"]),
            )
        except (AttributeError, TypeError, ValueError) as exc:
            problem = f"has a damaged entry of {row['id']!r}: {type(exc).__name__}"
        raise self.error(problem)

    def _input_of(self, key: str) -> NewEntry:
        found = "SELECT id, fingerprint, reference, scene FROM swaps WHERE key = ? AND version = 1"
        return NewEntry(**dict(self._db.execute(found, (key,)).fetchone()))
