"""How a batch ended: what is said of it, what is left to do, and the exit code."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from segmind_swap import BudgetExceededError, OutcomeState, SwapError

from ._exit_codes import Exit, complain
from ._state_labels import table_of
from ._text import dollars, lasting, plain

S = OutcomeState
_CODES = (
    ((S.UNKNOWN, S.SENDING), Exit.UNKNOWN),
    ((S.ACCEPTED, S.EXPIRED, S.COMPLETED), Exit.UNFINISHED),
    ((S.PENDING,), Exit.STOPPED),
    ((S.FAILED, S.REJECTED, S.ABANDONED), Exit.FAILED),
)
"""From what is most urgent to what is least."""


@dataclass(slots=True, kw_only=True)
class Ending:
    """How a run ended.

    Attributes:
        states: What became of the inputs.
        committed_usd: What is spent, or may have to be paid, earlier runs included.
        stopped_by: Why nothing more was submitted, if the batch found a reason.
        signal: What a person ended it with.
        at_once: Whether swaps in flight were left.
        results, report: The files, if they were written.
    """

    states: Counter[OutcomeState]
    committed_usd: float
    budget_usd: float | None
    stopped_by: SwapError | None
    signal: signal.Signals | None
    at_once: bool
    seconds: float
    journal: Path
    results: Path | None
    report: Path | None = None
    emulator: bool

    @property
    def code(self) -> Exit:
        """The exit code: what a person ended, else the most urgent of what is left."""
        if self.signal is not None:
            return Exit.INTERRUPTED if self.signal is signal.SIGINT else Exit.TERMINATED
        return next(
            (code for states, code in _CODES if any(self.states[state] for state in states)), Exit.DONE
        )

    def tell(self, *, as_json: bool) -> None:
        """Says it all: what is wrong on standard error, the figures on standard output."""
        if self.stopped_by is not None:
            complain(f"nothing more was submitted: {self.stopped_by}")
        if self.signal is not None:
            left = "in the journal" if self.at_once else "finished"
            complain(f"interrupted; what was in flight is {left}")
        if as_json:
            print(json.dumps(self._fields()))
            return
        console = Console(highlight=False, emoji=False)
        saved, total = self.states[S.SAVED], self.states.total()
        style = "green" if saved == total else "yellow"
        console.print(f"[{style}]{saved:,} of {total:,} saved[/{style}] in {lasting(self.seconds)}")
        if saved < total:
            console.print(table_of(self.states), soft_wrap=True)
        for name, value in (
            ("cost", self._cost()),
            ("report", self.report),
            ("results", self.results),
            ("journal", self.journal),
        ):
            if value is not None:
                console.print(Text(f"{name:<8} {plain(str(value))}"), soft_wrap=True)
        for line in self._what_to_do():
            console.print(Text(plain(line)), soft_wrap=True)

    def _fields(self) -> dict[str, object]:
        why = self.stopped_by
        return {
            "states": self.states,
            "committed_usd": self.committed_usd,
            "stopped_by": None if why is None else {"error": type(why).__name__, "message": str(why)},
            "journal": str(self.journal),
            "report": None if self.report is None else str(self.report),
            "results": None if self.results is None else str(self.results),
        }

    def _cost(self) -> str:
        if self.emulator:
            return (
                f"nothing: it ran on the emulator; the service would bill about {dollars(self.committed_usd)}"
            )
        budget = "" if self.budget_usd is None else f" of a budget of {dollars(self.budget_usd)}"
        more = ", what may still have to be paid included" if self.committed_usd else ""
        return f"{dollars(self.committed_usd)}{budget}{more}"

    def _what_to_do(self) -> list[str]:
        states, left = self.states, []
        if self.emulator:
            if states[S.PENDING] or states[S.ACCEPTED]:
                left.append("the emulator of this run is gone, and its jobs with it: use another --out")
            return left
        if unknown := states[S.UNKNOWN] + states[S.SENDING]:
            left.append(f"{unknown:,} may have been accepted and billed; which, and how to settle them:")
            left.append(f"  {shlex.join(['segmind-swap', 'status', str(self.journal)])}")
        goes_on = []
        if free := states[S.ACCEPTED] + states[S.COMPLETED] + states[S.SENDING]:
            goes_on.append(f"fetches {free:,} that are billed already, for free")
        if states[S.PENDING]:
            goes_on.append(f"submits {states[S.PENDING]:,}")
        if goes_on:
            raised = " with a higher --budget" if isinstance(self.stopped_by, BudgetExceededError) else ""
            left.append(f"the same command{raised} goes on: it {' and '.join(goes_on)}")
            left.append(f"  {shlex.join(['segmind-swap', *sys.argv[1:]])}")
        if states[S.EXPIRED]:
            left.append(f"{states[S.EXPIRED]:,} expired: decide with `segmind-swap resolve`")
        if states[S.FAILED] + states[S.REJECTED]:
            left.append("--retry-failed submits again, and pays again, what failed or was rejected")
        return left
