"""The faults in force: which fault hits a call, and when a fault is used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from .._service.calls import Call
from .fault import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFault:
    """A fault in force: the ``number`` to withdraw it by, and how many calls it has hit (``hits``)."""

    number: int
    fault: Fault
    hits: int


@dataclass(slots=True, kw_only=True)
class _Rule:
    number: int
    fault: Fault
    since: float | None
    hits: int = 0


class FaultRules:
    """The faults in order of precedence, by number. A number is not used twice before `reset`.

    The first fault that matches a call is used. Faults may be added and removed from any thread: each such
    step is one atomic operation on a dict.
    """

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self._first = tuple(faults)
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Restore the faults of the start, with no hits."""
        self._numbers = count(1)
        self._rules: dict[int, _Rule] = {}
        for fault in self._first:
            self.add(fault, now=None)

    def add(self, fault: Fault, *, now: float | None) -> int:
        """Add a fault after the others; returns its number.

        Without ``now``, its window starts at the next call.
        """
        number = next(self._numbers)
        self._rules[number] = _Rule(number=number, fault=fault, since=now)
        return number

    def remove(self, number: int) -> bool:
        """Remove a fault. False if there is no fault of this number."""
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        self._rules = {}

    def match(self, call: Call, *, now: float) -> Fault | None:
        """The fault that hits this call, if any. Counts the hit."""
        if not self._rules:
            return None
        hit = None
        for rule in list(self._rules.values()):
            if rule.since is None:
                rule.since = now
            if hit is None and self._hits(rule, call, now - rule.since):
                hit = rule
        if hit is None:
            return None
        hit.hits += 1
        if hit.hits == hit.fault.times:
            self._rules.pop(hit.number, None)
        return hit.fault

    def in_force(self) -> tuple[PlacedFault, ...]:
        return tuple(
            PlacedFault(number=rule.number, fault=rule.fault, hits=rule.hits)
            for rule in list(self._rules.values())
        )

    def _hits(self, rule: _Rule, call: Call, seconds: float) -> bool:
        if rule.fault.on != call.kind:
            return False
        # Seeded by the fault's number: removing a fault does not change which calls another fault hits.
        seed = f"{self._seed}/{rule.number - 1}/{call.kind}"
        return rule.fault.hits(call.number, seed=seed, seconds=seconds)
