"""The progress of the demo on standard error: a live table of all swaps on a terminal, else plain lines."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from segmind_swap import (
    Accepted,
    Event,
    Failed,
    Polled,
    RateChanged,
    RateLimited,
    RetryScheduled,
    Saved,
    Submitting,
    SwapJob,
)

from .._rate.status import RateStatus
from .._terminal.live_display import LiveDisplay
from .._terminal.option_names import message_of
from .._terminal.text import one_line

_STYLES = {"saved": "green", "failed": "red", "waiting": "dim", "queued": "cyan", "processing": "cyan"}


@dataclass(slots=True)
class SwapRow:
    """The row of one swap.

    Attributes:
        started_at: The time of the first submit.
        notes: The failures of this swap's calls; if the swap failed, the last note is the reason.
    """

    state: str = "waiting"
    started_at: float | None = None
    ended_at: float | None = None
    notes: list[str] = field(default_factory=list)

    def seconds(self, now: float) -> float | None:
        """Seconds from the first submit to the end of the swap, or to `now`; None before the first submit."""
        return None if self.started_at is None else (self.ended_at or now) - self.started_at


class DemoProgress:
    """Follows swaps by their ids. Pass it to a client as `on_event`.

    Attributes:
        rows: A row for each id.
        faults_survived: How often each kind of failure happened and was retried.
        display: A context manager that shows the table while the swaps run.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.rows = {id: SwapRow() for id in ids}
        self.faults_survived: Counter[str] = Counter()
        self._ids_of_jobs: dict[SwapJob, str] = {}
        self._rate = RateStatus()
        self._spinner = Spinner("dots")
        self.display = LiveDisplay(self._render, transient=False)

    def __call__(self, event: Event) -> None:
        """Updates the rows from an event of the client."""
        now = time.monotonic()
        # A 429 is a note of the swap that met it, so only what is learned from it has a line of its own.
        line = self._rate.follow(event, now)
        if line and isinstance(event, RateChanged):
            self.display.print_unless_live(line)
        match event:
            case Submitting(id=str() as id):
                row = self.rows[id]
                row.started_at = row.started_at or now
                self._set_state(id, "submitting")
            case RateLimited():
                self.faults_survived["rate limit (429)"] += 1
            case Accepted(id=str() as id, job=job):
                self._ids_of_jobs[job] = id
                self._set_state(id, "queued")
            case Polled(job=job, status=status):
                self._set_state(self._ids_of_jobs[job], status.state.value.lower())
            case RetryScheduled(id=str() as id, cause=cause, delay=delay) if "answered 429" in cause:
                self._add_note(id, f"429: waited {delay:.0f} s")
            case RetryScheduled(id=id, job=job, call=call, status_code=code):
                self.faults_survived["failed call" if code is None else f"gateway error ({code})"] += 1
                failure = f"no answer to a {call}" if code is None else f"{code} on a {call}"
                self._add_note(self._ids_of_jobs[job] if job is not None else id or "", f"{failure}: retried")
            case Saved(result=result):
                self._end(self._ids_of_jobs[result.job], "saved", now)
            case Failed(id=str() as id, error=error):
                self._add_note(id, message_of(error))
                self._end(id, "failed", now)
            case _:
                pass

    def _set_state(self, id: str, state: str) -> None:
        if self.rows[id].state != state:
            self.rows[id].state = state
            self.display.print_unless_live(f"{id}: {state}")

    def _add_note(self, id: str, note: str) -> None:
        if id in self.rows:
            note = one_line(note)
            self.rows[id].notes.append(note)
            self.display.print_unless_live(f"{id}: {note}")

    def _end(self, id: str, state: str, now: float) -> None:
        self.rows[id].ended_at = now
        self._set_state(id, state)

    def _render(self) -> RenderableType:
        now = time.monotonic()
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for column in ("swap", "state", "time", "notes"):
            table.add_column(column, justify="right" if column == "time" else "left", no_wrap=True)
        for id, row in self.rows.items():
            seconds = row.seconds(now)
            table.add_row(
                Text(id, style="bold"),
                Text(row.state, style=_STYLES.get(row.state, "yellow")),
                Text("" if seconds is None else f"{seconds:4.1f} s"),
                Text(", ".join(row.notes), style="magenta", overflow="ellipsis"),
            )
        done = sum(row.ended_at is not None for row in self.rows.values())
        text = self._rate.pause(now) or f"{done} of {len(self.rows)} done"
        self._spinner.update(text=Text(text))
        bar = ProgressBar(total=len(self.rows), completed=done, width=40)
        footer = Table.grid(padding=(0, 2))
        footer.add_row(bar, self._spinner if done < len(self.rows) else Text(text, style="green"))
        return Group(table, footer)
