"""Totals of a ledger for whoever looks every second, without going through all of it each time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .._service.ledger import Charge


@dataclass(slots=True)
class Totals:
    """Sums that grow with a ledger: new charges are added once, and jobs looked at until they have ended."""

    _seen: int = 0
    _ended: Counter[str] = field(default_factory=Counter)
    _running: set[int] = field(default_factory=set)
    _billed: Decimal = Decimal(0)
    _swaps: dict[tuple[str, str], int] = field(default_factory=dict)
    _again: dict[int, int] = field(default_factory=dict)

    def update(self, charges: Sequence[Charge]) -> None:
        """Take in what has happened since the last time."""
        for charge in charges[self._seen :]:
            self._running.add(charge.number)
            self._billed += Decimal(str(charge.price_usd))
            first = self._swaps.setdefault(charge.identity, charge.number)
            if first != charge.number:
                self._again[charge.number] = first
        self._seen = len(charges)
        for number in tuple(self._running):
            charge = charges[number - 1]
            if charge.outcome is not None:
                self._running.remove(number)
                self._ended[charge.outcome] += 1
                self._billed -= Decimal(str(charge.price_usd)) if charge.refunded else 0

    def billed_before(self, charge: Charge) -> int | None:
        """The number of the first job that was billed for the same swap, if this one is not it."""
        return self._again.get(charge.number)

    def summary(self) -> dict[str, Any]:
        """What the page shows in large figures."""
        return {
            "jobs": self._seen,
            "running": len(self._running),
            "completed": self._ended["COMPLETED"],
            "failed": self._ended["FAILED"],
            "billed_usd": float(self._billed),
            "billed_again": len(self._again),
        }
