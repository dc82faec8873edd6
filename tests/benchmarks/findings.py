"""What a benchmark finds: figures, some of them against a goal, and series to be drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

Sense: TypeAlias = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound that a figure is to keep."""

    bound: float
    sense: Sense = "at most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A figure.

    Attributes:
        what: What was measured.
        unit: Of the figure and of its goal; empty for a ratio.
        goal: The bound it is to keep; None for a figure that stands beside others.
        note: How it came about, in a few words.
        beside: The same figure of others, by their names; None where one has none.
    """

    what: str
    figure: float
    unit: str = ""
    goal: Goal | None = None
    note: str = ""
    beside: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def is_reached(self) -> bool:
        """Whether the goal is reached; a figure without a goal reaches it."""
        match self.goal:
            case None:
                return True
            case Goal(sense="at most"):
                return self.figure <= self.goal.bound
            case _:
                return self.figure >= self.goal.bound

    @property
    def missed_by(self) -> float:
        """The distance to the goal, as a share of it; zero if it is reached."""
        if self.goal is None or self.is_reached:
            return 0.0
        return abs(self.figure - self.goal.bound) / self.goal.bound if self.goal.bound else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a row found.

    Attributes:
        series: To be drawn, by name.
    """

    row: str
    findings: Sequence[Finding]
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For a file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done for a figure.

    Attributes:
        share: Of the swaps of a full run.
        repeats: Of each client, in turns.
    """

    share: float
    repeats: int

    def swaps(self, count: int) -> int:
        """So many of a full run's swaps."""
        return max(20, int(count * self.share))


FULL = Effort(1.0, 3)
QUICK = Effort(0.1, 1)

Row: TypeAlias = Callable[[Effort], Found]


def at_most(bound: float) -> Goal:
    """A goal from above."""
    return Goal(bound=bound)


def at_least(bound: float) -> Goal:
    """A goal from below."""
    return Goal(bound=bound, sense="at least")
