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
    _swaps: dict[tuple[str, str], int] = field(default_factory=dict)
    _again: dict[int, int] = field(default_factory=dict)

    def update(self, charges: Sequence[Charge]) -> None:
        """Add what has changed since the last update."""
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
        """The number of the first job that was billed for the same swap. None for the first job itself."""
        return self._again.get(charge.number)

    def summary(self) -> dict[str, Any]:
        """The totals in JSON."""
        return {
            "jobs": self._seen,
            "running": len(self._running),
            "completed": self._ended["COMPLETED"],
            "failed": self._ended["FAILED"],
            "billed_usd": float(self._billed),
            "billed_again": len(self._again),
        }
