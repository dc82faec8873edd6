"""A batch while it runs: a few lines that live on a terminal, a line now and then where nobody watches."""

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
    RateLimited,
    RetryScheduled,
    Submitting,
    SwapJob,
    SwapOutcome,
    Uploaded,
)

from ._batch_plan import Limits, Plan
from ._eta import Pace
from ._live_display import Screen
from ._state_labels import style_of
from ._text import dollars, lasting, one_line

BEAT = 5.0
"""Seconds between two lines of the summary where nobody watches."""

_LATEST = 4
_DONE = (OutcomeState.SAVED, OutcomeState.COMPLETED)


class Progress:
    """Follows a batch. Given to its client as `on_event`, and given each outcome."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        self.states: Counter[OutcomeState] = Counter()
        self._plan = plan
        self._limits = limits
        self._unsent = set(plan.unsent)
        self._on_the_wire: set[str] = set()
        self._sent_again = 0
        self._jobs: dict[SwapJob, float] = {}
        self._pace = Pace(limits.concurrency)
        self._outcomes: Outcomes | None = None
        self._latest: deque[Text] = deque(maxlen=_LATEST)
        self._started = time.monotonic()
        self._paused_until = 0.0
        self._trouble = ""
        self._outage: tuple[str, float] | None = None
        self._again: str | None = None
        self._said = ""
        self.screen = Screen(self._picture, transient=True)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._started

    @property
    def in_flight(self) -> int:
        """How many swaps are at the service, or on their way."""
        return len(self._on_the_wire) + len(self._jobs)

    def follow(self, outcomes: Outcomes) -> None:
        """From now on the money is known."""
        self._outcomes = outcomes

    def stopping(self, again: str) -> None:
        """Nothing more is submitted; `again` is how to end what is in flight as well."""
        self._again = again
        self.screen.say(self._stopping())

    def _stopping(self) -> str:
        return f"finishing {self.in_flight:,} in flight; {self._again} to stop now"

    # What happens

    def __call__(self, event: Event) -> None:
        """Takes notice of an event."""
        now = time.monotonic()
        match event:
            case Submitting(id=str() as id):
                self._unsent.discard(id)
                self._on_the_wire.add(id)
            case RetryScheduled(call=call, id=id, cause=cause, status_code=code):
                if call == "submit":
                    self._on_the_wire.discard(id or "")
                    self._sent_again += code != 429  # such a one may have been accepted
                self._trouble = one_line(cause)
            case Accepted(id=str() as id, job=job):
                self._on_the_wire.discard(id)
                self._jobs[job] = now
                self._trouble = ""
            case Polled(job=job, seconds=seconds):
                # A job of an earlier run was accepted there.
                self._jobs.setdefault(job, now - seconds)
                self._trouble = ""
            case Uploaded():
                self._trouble = ""
            case Completed(result=result):
                ours = result.seconds <= self.seconds
                self._pace.ended(now, result.seconds if ours else None)
            case RateLimited(delay=delay):
                if now >= self._paused_until:
                    self.screen.say(f"rate limited (429): going on in {delay:.0f} s")
                self._paused_until = max(self._paused_until, now + delay)
            case OutageBegan(cause=cause, delay=delay):
                self._outage = one_line(cause), now + delay
                self.screen.say(f"the service does not answer ({cause}): asked again in {delay:.0f} s")
            case OutageEnded():
                self._outage = None
                self.screen.say("the service answers again")
            case _:
                pass

    def ended(self, outcome: SwapOutcome, *, is_input: bool = True) -> None:
        """Takes notice of an outcome; of a job whose input did not come again, it is none of the inputs'."""
        self.states[outcome.state] += is_input
        id = outcome.request.id or ""
        self._unsent.discard(id)
        self._on_the_wire.discard(id)
        if outcome.job is not None:
            self._jobs.pop(outcome.job, None)
        if outcome.state is OutcomeState.PENDING or id in self._plan.settled:
            return  # one cause for all of them, which the end tells; or no news
        line = Text.assemble((f"{outcome.state:<9}", style_of(outcome.state)), " ", one_line(id))
        if outcome.ok and outcome.result is not None:
            line.append(f"  {outcome.result.seconds:.1f} s", style="dim")
        elif outcome.error is not None:
            line.append(f": {one_line(str(outcome.error))}")
        self._latest.append(line)
        if not outcome.ok:
            self.screen.keep(line)

    # What is shown

    def beat(self) -> None:
        """Says how far it is, where nobody watches, and if that has changed."""
        counts = ", ".join(words.plain for words in self._counts())
        trouble = f"; {self._trouble}, tried again" if self._trouble else ""
        if counts + trouble == self._said:
            return
        self._said = counts + trouble
        done = f"{lasting(self.seconds):>9}  {self.states.total():,} of {self._plan.total:,}"
        left = self._left()
        self.screen.say(
            f"{done}: {counts}; {self._money()}"
            + (f"; about {lasting(left)} left" if left is not None else "")
            + trouble
        )

    def _counts(self) -> Sequence[Text]:
        """The five figures that make up the total."""
        states = Counter(self.states)  # the screen has a thread of its own
        done = sum(states[state] for state in _DONE)
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
            return f"{dollars(self._plan.committed_usd)} committed"
        committed, budget = self._outcomes.committed_usd, self._limits.budget_usd
        words = f"{dollars(committed)} committed"
        if budget is not None:
            words += f" of a budget of {dollars(budget)}"
        return f"{words}, about {dollars(self._projected(committed, self._outcomes.price_usd))} for all"

    def _projected(self, committed: float, price: float) -> float:
        """What all will have cost. A swap that waits to be sent is committed already, and in both figures."""
        most = self._plan.committed_usd + (len(self._plan.unsent) + self._sent_again) * price
        return max(committed, min(committed + len(self._unsent) * price, most))

    def _left(self) -> float | None:
        now = time.monotonic()
        ages = [now - accepted for accepted in list(self._jobs.values())]
        ages += [0.0] * len(self._on_the_wire)
        waiting = len(self._unsent) if self._again is None else 0
        return self._pace.left(now, waiting, ages)

    def _picture(self) -> RenderableType:
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
        if self._outage is not None:
            cause, asked_at = self._outage
            again = f"asked again in {max(0.0, asked_at - now):.0f} s"
            lines.add_row("outage", Text(f"the service does not answer, {again}: {cause}", style="red"))
        elif now < self._paused_until:
            pause = f"rate limited (429): going on in {self._paused_until - now:.0f} s"
            lines.add_row("pause", Text(pause, style="yellow"))
        elif self._trouble:
            lines.add_row("trouble", Text(f"{self._trouble}, tried again", style="yellow"))
        if self._again is not None:
            lines.add_row("stopping", Text(self._stopping(), style="bold yellow"))
        for number, line in enumerate(reversed(list(self._latest))):
            lines.add_row("" if number else "latest", line)
        # The terminal writes ^C where the cursor is: in a line of its own it moves nothing.
        return Group(lines, "")

    def _time(self, now: float) -> str:
        words = lasting(self.seconds)
        rate, left = self._pace.a_second(now), self._left()
        if rate is not None:
            words += f" · {rate * 60:,.1f} swaps a minute"
        return words if left is None else f"{words} · about {lasting(left)} left"
