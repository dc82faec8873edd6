"""The faults in force: which of them hits a call, and when one is used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from .._service.calls import Call
from .fault import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFault:
    """A fault in force: the ``number`` it is withdrawn by, and how many ``hits`` it has had."""

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
    """Faults in order of precedence, each by a number that is never given twice until `reset`.

    The first that fits a call is used. They may be added and removed from another thread than the server's:
    each such step is one operation on a dict.
    """

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self._first = tuple(faults)
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Back to the faults of the beginning, none of which has hit anything."""
        self._numbers = count(1)
        self._rules: dict[int, _Rule] = {}
        for fault in self._first:
            self.add(fault, now=None)

    def add(self, fault: Fault, *, now: float | None) -> int:
        """Put it after those there are. Without ``now`` its window is counted from the next call."""
        number = next(self._numbers)
        self._rules[number] = _Rule(number=number, fault=fault, since=now)
        return number

    def remove(self, number: int) -> bool:
        """Whether there was one of this number."""
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        self._rules = {}

    def match(self, call: Call, *, now: float) -> Fault | None:
        """What goes wrong with this call."""
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
        # By the rule's place from the beginning, so that removing one does not change the luck of others.
        seed = f"{self._seed}/{rule.number - 1}/{call.kind}"
        return rule.fault.hits(call.number, seed=seed, seconds=seconds)
