"""Why swaps of a run have no picture: the first reasons, each said once, for the end of a batch."""

from __future__ import annotations

from pathlib import Path

from segmind_swap import OriginalNotDoneError, OutcomeState, SwapOutcome

from .._terminal.option_names import message_of
from .._terminal.text import one_line

_MAX_REASONS = 5
_MAX_IDS = 3
_MAX_LENGTH = 300


class Failures:
    """Collects the reasons of outcomes without a picture. A reason of many swaps is kept once.

    Only the first reasons are kept, because a batch may have a reason of its own for each of 100,000 inputs.
    """

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._others = 0

    def add(self, outcome: SwapOutcome) -> None:
        """Keeps the reason of an outcome, if it has one.

        A pending swap is no failure: the batch stopped. But a swap whose pictures another swap has is pending
        for a reason of its own.
        """
        is_pending = outcome.state is OutcomeState.PENDING
        if is_pending and not isinstance(outcome.error, OriginalNotDoneError):
            return
        if outcome.error is None or outcome.state is OutcomeState.SAVED:
            return
        reason = one_line(message_of(outcome.error))
        reason = reason if len(reason) <= _MAX_LENGTH else f"{reason[: _MAX_LENGTH - 1]}…"
        if reason not in self._counts and len(self._counts) == _MAX_REASONS:
            self._others += 1
            return
        self._counts[reason] = self._counts.get(reason, 0) + 1
        ids = self._ids.setdefault(reason, [])
        if len(ids) < _MAX_IDS:
            ids.append(one_line(outcome.request.id or ""))

    def lines(self, details: Path | None) -> list[str]:
        """A line for each reason: the ids and the reason. `details` is the file that names all of them."""
        lines = []
        for reason, count in self._counts.items():
            ids = self._ids[reason]
            more = f" and {count - len(ids):,} more" if count > len(ids) else ""
            lines.append(f"{', '.join(ids)}{more}: {reason}")
        if self._others:
            lines.append(f"and {self._others:,} more" + (f": {details}" if details is not None else ""))
        return lines
