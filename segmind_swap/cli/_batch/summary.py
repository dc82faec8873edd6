"""The end of a batch: the printed summary, the next steps, and the exit code."""

from __future__ import annotations

import shlex
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from segmind_swap import BudgetExceededError, OutcomeState, SwapError

from .._terminal.console import console, print_json
from .._terminal.errors import print_error
from .._terminal.exit_codes import ExitCode, most_urgent
from .._terminal.install_hint import install_hint
from .._terminal.option_names import message_of
from .._terminal.state_labels import states_table
from .._terminal.text import format_duration, format_usd, printable
from .failures import Failures
from .options import JOURNAL_NAME, same_command

S = OutcomeState
_EXIT_CODES = {
    S.SAVED: ExitCode.DONE,
    S.UNKNOWN: ExitCode.UNKNOWN,
    S.SENDING: ExitCode.UNKNOWN,
    S.ACCEPTED: ExitCode.UNFINISHED,
    S.UNREADABLE: ExitCode.UNFINISHED,
    S.EXPIRED: ExitCode.UNFINISHED,
    S.COMPLETED: ExitCode.UNFINISHED,
    S.PENDING: ExitCode.STOPPED,
    S.FAILED: ExitCode.FAILED,
    S.ABANDONED: ExitCode.FAILED,
    S.REJECTED: ExitCode.REFUSED,
}
SETTLED_WITHOUT_PICTURE = frozenset({S.FAILED, S.REJECTED, S.ABANDONED})
"""If an earlier run settled a swap so, the swap does not count for the exit code of a later run."""


@dataclass(slots=True, kw_only=True)
class BatchSummary:
    """How a run of a batch ended.

    Attributes:
        states: The number of inputs in each state.
        settled_earlier: How many of these an earlier run settled without a picture.
        without_input: The jobs of earlier runs that this run has waited for, without an input in this run, in
            each state. They are billed, so they count for the exit code.
        left_out: How many inputs cannot be used, and were left out. They count for the exit code.
        copies: How many inputs have copies of the results of others, for free.
        held_back: How many pending inputs are not sent, because a swap with their pictures may be paid.
        unknown_redos: How many later versions of swaps are unknown, in a batch. Their swaps still have the
            state of the version before. They count for the exit code.
        failures: Why swaps of this run have no picture.
        committed_usd: The money in USD that is spent, or may still have to be paid, earlier runs included.
        budget_usd: The budget, if there is one.
        stopped_by: The error because of which the batch submitted nothing more, if there is one.
        signal: The signal that ended the run, if there is one.
        is_cancelled: Whether a second signal ended the run before the swaps in flight finished.
        seconds: How long the run took.
        results, report: The files; None if they were not written.
        emulator: Whether the run used an emulator of its own.
        redo: Whether the run was a redo. Then `states` counts the new versions.
        measured: How many results were measured; None without Pillow.
        suspicious: How many of these have a flag.
    """

    states: Counter[OutcomeState]
    settled_earlier: Counter[OutcomeState]
    without_input: Counter[OutcomeState]
    left_out: int = 0
    copies: int = 0
    held_back: int = 0
    unknown_redos: int = 0
    failures: Failures
    committed_usd: float
    budget_usd: float | None
    stopped_by: SwapError | None
    signal: signal.Signals | None
    is_cancelled: bool
    seconds: float
    journal: Path
    results: Path | None
    report: Path | None = None
    emulator: bool
    redo: bool = False
    measured: int | None = 0
    suspicious: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """The code of the signal if there is one, else of the most urgent state of this run.

        Inputs that were left out do not count: a person has asked for that with `--skip-bad`.
        """
        if self.signal is not None:
            return ExitCode.of_signal(self.signal)
        states = self.states - self.settled_earlier + self.without_input
        codes = [_EXIT_CODES[state] for state in states]
        if self.unknown_redos:
            codes.append(ExitCode.UNKNOWN)
        return most_urgent(codes)

    def show(self, *, as_json: bool) -> None:
        """Prints errors on standard error, and everything else on standard output."""
        if self.stopped_by is not None:
            print_error(f"nothing more was submitted: {self.stopped_by}")
        if self.signal is not None:
            in_flight = "are in the journal" if self.is_cancelled else "are finished"
            print_error(f"interrupted; the swaps that were in flight {in_flight}")
        if as_json:
            print_json(self._fields())
            return
        out = console()
        saved, total = self.states[S.SAVED], self.states.total()
        style = "green" if saved == total else "yellow"
        out.print(f"[{style}]{saved:,} of {total:,} saved[/{style}] in {format_duration(self.seconds)}")
        if saved < total:
            out.print(states_table(self.states))
        for remark in self._remarks():
            out.print(remark)
        if reasons := self.failures.lines(self.report):
            out.print("in this run:")
            for line in reasons:
                out.print(Text(f"  {printable(line)}"))
        for name, value in (
            ("cost", self._cost()),
            ("report", self.report),
            ("results", self.results),
            ("journal", self.journal),
        ):
            if value is not None:
                out.print(Text(f"{name:<8} {printable(str(value))}"))
        for line in (*self._review(), *self._next_steps()):
            out.print(Text(printable(line)))

    def _remarks(self) -> Iterator[str]:
        """What the counts of the states do not say."""
        if self.copies:
            yield "1 is a copy, free" if self.copies == 1 else f"{self.copies:,} are copies of others, free"
        if self.unknown_redos:
            redos = "1 redo is" if self.unknown_redos == 1 else f"{self.unknown_redos:,} redos are"
            yield f"{redos} unknown; the version before is still current"
        if self.left_out:
            were = "was" if self.left_out == 1 else "were"
            yield f"{self.left_out:,} cannot be used, and {were} left out"
        if earlier := [f"{count:,} {state}" for state, count in self.settled_earlier.items()]:
            yield f"{' and '.join(earlier)} in an earlier run, which does not count for the exit code"
        if others := [f"{count:,} {state}" for state, count in self.without_input.items()]:
            yield f"{' and '.join(others)} of an earlier run, without an input in this run"

    def _fields(self) -> dict[str, object]:
        error = self.stopped_by
        stopped_by = None
        if error is not None:
            stopped_by = {"error": type(error).__name__, "message": message_of(error)}
        return {
            "states": self.states,
            "settled_earlier": self.settled_earlier,
            "without_input": self.without_input,
            "left_out": self.left_out,
            "copies": self.copies,
            "unknown_redos": self.unknown_redos,
            "committed_usd": self.committed_usd,
            "stopped_by": stopped_by,
            "journal": str(self.journal),
            "report": None if self.report is None else str(self.report),
            "results": None if self.results is None else str(self.results),
            "measured": self.measured,
            "suspicious": self.suspicious,
        }

    def _cost(self) -> str:
        if self.emulator:
            return (
                "nothing: the batch ran on the emulator; the service would bill about"
                f" {format_usd(self.committed_usd)}"
            )
        budget = "" if self.budget_usd is None else f" of a budget of {format_usd(self.budget_usd)}"
        reserved = ", including what may still have to be paid" if self.committed_usd else ""
        return f"{format_usd(self.committed_usd)}{budget}{reserved}"

    def _review(self) -> Iterator[str]:
        """The command that shows the results, and how many of them look suspicious."""
        if self.measured is None:
            if self.states[S.SAVED]:
                yield install_hint("looking for suspicious pictures", "review")
        elif self.measured:
            folder = (self.report or self.results or self.journal).parent
            journal = [] if self.journal == folder / JOURNAL_NAME else ["--journal", str(self.journal)]
            command = shlex.join(["segmind-swap", "review", str(folder), *journal])
            verb = "looks" if self.suspicious == 1 else "look"
            of = f" of {self.measured:,} measured" if self.measured < self.states[S.SAVED] else ""
            yield f"look at them: {command}  ({self.suspicious:,}{of} {verb} suspicious)"

    def _next_steps(self) -> list[str]:
        states, lines = self.states, []
        if self.emulator:
            if states[S.PENDING] or states[S.ACCEPTED]:
                lines.append("the emulator of this run and its jobs are gone: use another --out")
            return lines
        in_doubt = sum(count for state, count in states.items() if state.is_in_doubt)
        if unknown := in_doubt + self.unknown_redos:
            lines.append(f"{unknown:,} may have been accepted and billed; to look for them (free):")
            lines.append(f"  {shlex.join(['segmind-swap', 'reconcile', str(self.journal)])}")
        effects = []
        known = states + self.without_input
        # A run fetches a picture for an input alone, and waits for every job.
        not_fetched = self.without_input[S.COMPLETED]
        if free := sum(count for state, count in known.items() if state.is_resumed) - not_fetched:
            effects.append(f"downloads {free:,} that are billed already (free)")
        if submits := states[S.PENDING] - self.held_back:
            effects.append(f"submits {submits:,}")
        if effects:
            needs_budget = isinstance(self.stopped_by, BudgetExceededError)
            condition = " with a higher --budget" if needs_budget else ""
            lines.append(f"the same command{condition} continues the batch: it {' and '.join(effects)}")
            lines.append(f"  {same_command(with_another_budget=needs_budget)}")
        if not_fetched:
            lines.append(
                f"{not_fetched:,} billed and not saved: add the input again to fetch its picture (free)"
            )
        if known[S.EXPIRED]:
            lines.append(f"{known[S.EXPIRED]:,} expired: decide with `segmind-swap resolve`")
        if any(states[state] for state in states if state.is_retryable):
            lines.append(
                "a version that failed or was rejected is made again by its name, as in `segmind-swap redo"
                " OUT ID:2`, and paid again; the version before is still current"
                if self.redo
                else "--retry-failed submits again, and pays again, what failed or was rejected"
            )
        return lines
