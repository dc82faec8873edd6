"""Totals of a ledger, updated step by step: the page asks every second, and a ledger may be long."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .._service.ledger import Charge


@dataclass(slots=True)
class Totals:
    """Running totals. `update` adds new charges once, and checks only the jobs that have not ended."""

    _seen: int = 0
    _ended: Counter[str] = field(default_factory=Counter)
    _running: set[int] = field(default_factory=set)
    _billed: Decimal = Decimal(0)
    _charges: Sequence[Charge] = ()
    _first_and_last: dict[tuple[str, str], tuple[int, int | None]] = field(default_factory=dict)
    _again: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of each job whose swap had been billed before: the first job of the swap, and the job before it."""

    def update(self, charges: Sequence[Charge]) -> None:
        """Add what has changed since the last update."""
        for charge in charges[self._seen :]:
            self._running.add(charge.number)
            self._billed += Decimal(str(charge.price_usd))
            first, before = self._first_and_last.get(charge.identity, (charge.number, None))
            if before is not None:
                self._again[charge.number] = (first, before)
            self._first_and_last[charge.identity] = (first, charge.number)
        self._seen = len(charges)
        self._charges = charges
        for number in tuple(self._running):
            charge = charges[number - 1]
            if charge.outcome is not None:
                self._running.remove(number)
                self._ended[charge.outcome] += 1
                self._billed -= Decimal(str(charge.price_usd)) if charge.refunded else 0

    def billed_before(self, charge: Charge) -> int | None:
        """The number of the first job that was billed for the same swap. None for the first job itself."""
        first, _ = self._again.get(charge.number, (None, None))
        return first

    def lost_before(self, charge: Charge) -> int | None:
        """The number of the job of the same swap before this one, if the client could not know that job.

        Then this job was certainly not wanted beside the other: the answer to the other's submit was lost,
        and the submit was sent again. None if the answer was not lost: then the swap may be wanted twice.
        """
        _, before = self._again.get(charge.number, (None, None))
        if before is None or charge.refunded or not self._charges[before - 1].answer_lost:
            return None
        return before

    def summary(self) -> dict[str, Any]:
        """The totals in JSON."""
        return {
            "jobs": self._seen,
            "running": len(self._running),
            "completed": self._ended["COMPLETED"],
            "failed": self._ended["FAILED"],
            "billed_usd": float(self._billed),
            "billed_again": len(self._again),
            "paid_twice": sum(
                self.lost_before(self._charges[number - 1]) is not None for number in self._again
            ),
        }
