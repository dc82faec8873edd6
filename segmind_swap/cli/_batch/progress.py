"""The progress of a batch on standard error: a live display on a terminal, else status lines."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from segmind_swap import (
    Accepted,
    Completed,
    Event,
    OutageBegan,
    OutageEnded,
    Outcomes,
    OutcomeState,
    Polled,
    RetryScheduled,
    Submitting,
    SwapJob,
    SwapOutcome,
    Uploaded,
)

from .._rate.status import RateStatus
from .._terminal.live_display import LiveDisplay
from .._terminal.option_names import message_of
from .._terminal.state_labels import state_style
from .._terminal.text import format_duration, format_usd, one_line
from .eta import EtaEstimator
from .options import BatchLimits
from .plan import BatchPlan

STATUS_LINE_INTERVAL = 5.0
"""Seconds between two status lines where there is no terminal."""

_LATEST_SHOWN = 4


class BatchProgress:
    """Counts the swaps of a batch. Pass it to a client as `on_event`, and each outcome to `add_outcome`.

    Attributes:
        states: The number of inputs that ended in each state.
        rate: What is known of the rate limit.
        display: A context manager that shows the table while the batch runs.
    """

    def __init__(self, plan: BatchPlan, limits: BatchLimits) -> None:
        self.states: Counter[OutcomeState] = Counter()
        self.rate = RateStatus()
        self._plan = plan
        self._limits = limits
        self._unsubmitted = set(plan.to_submit)
        # The ids of which a POST of this run is in flight, or was accepted, or is in doubt: their money.
        self._posted: set[str] = set()
        self._submitting: set[str] = set()
        self._retried_submits = 0
        self._accepted_at: dict[SwapJob, float] = {}
        self._eta = EtaEstimator(limits.concurrency)
        self._outcomes: Outcomes | None = None
        self._latest: deque[Text] = deque(maxlen=_LATEST_SHOWN)
        self._started = time.monotonic()
        self._retry_cause = ""
        self._outage: tuple[str, float] | None = None
        self._how_to_cancel: str | None = None
        self._last_status = ""
        self.display = LiveDisplay(self._render, transient=True)

    @property
    def seconds(self) -> float:
        """Seconds since the start of the batch."""
        return time.monotonic() - self._started

    @property
    def in_flight(self) -> int:
        """The number of swaps that are being submitted, or are accepted and have no outcome yet."""
        return len(self._submitting) + len(self._accepted_at)

    def set_outcomes(self, outcomes: Outcomes) -> None:
        """Sets the source of the committed money, which is known as soon as the batch has started."""
        self._outcomes = outcomes

    def shutdown_started(self, how_to_cancel: str) -> None:
        """Shows that nothing more is submitted, and how to cancel the swaps in flight as well."""
        self._how_to_cancel = how_to_cancel
        self.display.print_unless_live(self._shutdown_line())

    def _shutdown_line(self) -> str:
        return f"finishing {self.in_flight:,} in flight; {self._how_to_cancel} to stop now"

    def __call__(self, event: Event) -> None:
        """Updates the counts from an event of the client."""
        now = time.monotonic()
        if line := self.rate.follow(event, now):
            self._print_message(line)
        match event:
            case Submitting(id=str() as id):
                self._unsubmitted.discard(id)
                self._submitting.add(id)
                self._posted.add(id)
            case RetryScheduled(call=call, id=id, cause=cause, status_code=code):
                if call == "submit" and id is not None:
                    self._submitting.discard(id)
                    self._posted.discard(id)
                    self._unsubmitted.add(id)
                    # A submit that was answered 429 was not accepted. Any other failed submit may have been
                    # accepted, and its money stays committed beside the money of the retry.
                    self._retried_submits += code != 429
                self._retry_cause = one_line(cause)
            case Accepted(id=str() as id, job=job):
                self._submitting.discard(id)
                self._accepted_at[job] = now
                self._retry_cause = ""
            case Polled(job=job, seconds=seconds, status=status):
                # A job of an earlier run has no `Accepted` event in this run.
                self._accepted_at.setdefault(job, now - seconds)
                # A word alone may be one of a job that runs. With a text, it is perhaps the end of the job.
                says = f"job {job.name}: the service says {status.note}"
                self._retry_cause = one_line(says) if status.note and status.reason else ""
            case Uploaded():
                self._retry_cause = ""
            case Completed(result=result):
                started_in_this_run = result.seconds <= self.seconds
                self._eta.swap_ended(now, result.seconds if started_in_this_run else None)
            case OutageBegan(cause=cause, delay=delay):
                self._outage = one_line(cause), now + delay
                self._print_message(f"the service does not answer ({cause}): next try in {delay:.0f} s")
            case OutageEnded():
                self._outage = None
                self._print_message("the service answers again")
            case _:
                pass

    def _print_message(self, line: str) -> None:
        """Where there is no terminal, prints what is no count, as the command begins each of its messages."""
        self.display.print_unless_live(f"segmind-swap: {line}")

    def add_outcome(self, outcome: SwapOutcome, *, is_input: bool = True) -> None:
        """Counts an outcome.

        Args:
            outcome: The outcome.
            is_input: False for a job of an earlier run whose input is not among the inputs of this run. The
                job is shown, but not counted.
        """
        self.states[outcome.state] += is_input
        id = outcome.request.id or ""
        self._unsubmitted.discard(id)
        self._submitting.discard(id)
        if outcome.state in {OutcomeState.REJECTED, OutcomeState.PENDING}:
            self._posted.discard(id)
        if outcome.job is not None:
            self._accepted_at.pop(outcome.job, None)
        # All pending outcomes have the same cause, which the summary reports once. Outcomes of earlier runs
        # are not new, but for a picture that is fetched again.
        is_earlier = id in self._plan.finished and outcome.state is not OutcomeState.COMPLETED
        if outcome.state is OutcomeState.PENDING or is_earlier:
            return
        line = Text.assemble((f"{outcome.state:<10}", state_style(outcome.state)), " ", one_line(id))
        if outcome.ok and outcome.result is not None:
            line.append(f"  {outcome.result.seconds:.1f} s", style="dim")
        elif outcome.error is not None:
            line.append(f": {one_line(message_of(outcome.error))}")
        self._latest.append(line)
        if not outcome.ok:
            self.display.print_above(line)

    def print_status_line(self) -> None:
        """Where there is no terminal, prints the counts, unless they are the same as in the last line."""
        counts = ", ".join(count.plain for count in self._counts())
        retry = f"; {self._retry_cause}, retrying" if self._retry_cause else ""
        if counts + retry == self._last_status:
            return
        self._last_status = counts + retry
        ended = f"{format_duration(self.seconds):>9}  {self.states.total():,} of {self._plan.total:,}"
        seconds_left = self._seconds_left()
        self.display.print_unless_live(
            f"{ended}: {counts}; {self._money()}"
            + (f"; about {format_duration(seconds_left)} left" if seconds_left is not None else "")
            + retry
        )

    def _counts(self) -> Sequence[Text]:
        """Five numbers whose sum is the number of inputs."""
        states = Counter(self.states)  # copied, because the display is drawn in a thread of its own
        done = sum(count for state, count in states.items() if state.is_done)
        unknown, pending = states[OutcomeState.UNKNOWN], states[OutcomeState.PENDING]
        failed = states.total() - done - unknown - pending
        waiting = max(0, self._plan.total - done - failed - unknown - self.in_flight)
        return (
            Text(f"{done:,} done", style="green" if done else "dim"),
            Text(f"{self.in_flight:,} in flight", style="cyan" if self.in_flight else "dim"),
            Text(f"{waiting:,} waiting", style="" if waiting else "dim"),
            Text(f"{failed:,} failed", style="red" if failed else "dim"),
            Text(f"{unknown:,} unknown", style="magenta" if unknown else "dim"),
        )

    def _money(self) -> str:
        if self._outcomes is None:
            return f"{format_usd(self._plan.committed_usd)} committed"
        committed, budget = self._committed_usd(self._outcomes), self._limits.budget_usd
        text = f"{format_usd(committed)} committed"
        if budget is not None:
            text += f" of a budget of {format_usd(budget)}"
        return f"{text}, about {format_usd(self._projected_usd(committed, self._outcomes.price_usd))} for all"

    def _committed_usd(self, outcomes: Outcomes) -> float:
        """The money that is spent, or may have to be paid for a POST that has left.

        The budget also counts the prices of swaps that wait for their submit, such as behind a 429. Nothing
        is to be paid for those yet.
        """
        posts = len(self._posted) + self._retried_submits
        return min(outcomes.committed_usd, self._plan.committed_usd + posts * outcomes.price_usd)

    def _projected_usd(self, committed: float, price: float) -> float:
        """The committed money after all swaps ended."""
        return committed + len(self._unsubmitted) * price

    def _seconds_left(self) -> float | None:
        now = time.monotonic()
        ages = [now - accepted_at for accepted_at in list(self._accepted_at.values())]
        ages += [0.0] * len(self._submitting)
        waiting = len(self._unsubmitted) if self._how_to_cancel is None else 0
        seconds, duration = self._eta.seconds_left(now, waiting, ages), self._eta.mean_duration
        if seconds is None or duration is None or not waiting:
            return seconds
        # Nothing is submitted before a 429 is over, and the last swap takes as long as any other.
        return self.rate.closed_for("submit", now) + max(seconds, duration)

    def _render(self) -> RenderableType:
        now = time.monotonic()
        lines = Table.grid(padding=(0, 2), expand=True)
        lines.add_column(style="dim", no_wrap=True, min_width=8)
        lines.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=self._plan.total, completed=self.states.total(), width=40),
            Text(f"{self.states.total():,} of {self._plan.total:,}", style="bold"),
        )
        lines.add_row("batch", bar)
        lines.add_row("swaps", Text(" · ").join(self._counts()))
        lines.add_row("time", Text(self._time(now)))
        lines.add_row("money", Text(self._money()))
        if limit := self.rate.limit(now):
            lines.add_row("limit", Text(limit))
        if self._outage is not None:
            cause, next_try_at = self._outage
            next_try = f"next try in {max(0.0, next_try_at - now):.0f} s"
            lines.add_row("outage", Text(f"the service does not answer, {next_try}: {cause}", style="red"))
        elif pause := self.rate.pause(now):
            lines.add_row("pause", Text(pause, style="yellow"))
        elif self._retry_cause:
            lines.add_row("retry", Text(f"{self._retry_cause}, retrying", style="yellow"))
        if self._how_to_cancel is not None:
            lines.add_row("stopping", Text(self._shutdown_line(), style="bold yellow"))
        for number, line in enumerate(reversed(list(self._latest))):
            lines.add_row("" if number else "latest", line)
        # The terminal writes ^C at the cursor. The empty last line keeps ^C out of the table.
        return Group(lines, "")

    def _time(self, now: float) -> str:
        text = format_duration(self.seconds)
        rate, seconds_left = self._eta.swaps_per_second(now), self._seconds_left()
        if rate is not None:
            text += f" · {rate * 60:,.1f} swaps a minute"
        return text if seconds_left is None else f"{text} · about {format_duration(seconds_left)} left"
