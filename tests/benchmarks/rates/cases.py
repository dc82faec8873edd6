"""A case: a service, what is asked of a client of it, and for how long."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .service import Terms
from .steps import MINUTE, Steps

Polling: TypeAlias = Literal["sparse", "usual", "batch"]

ENDLESS: None = None
"""There is always another swap to submit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case.

    Attributes:
        name: Its family, and what it has of its own, between slashes.
        minutes: How long it lasts.
        demand: Swaps a minute, evenly spread; or endless.
        polling: `"sparse"`: a swap is first looked at when it should be done, which saves most polls.
            `"usual"`: it is first looked at after 45 s, and then each 7 s. `"batch"`: a batch of the client
            decides.
        starts: When each client starts, in seconds.
        restart_at: When the first client is closed, and a new one continues; None for never.
        learnt: The rate that the new client is given, as one that was learnt before; None for none.
        raised: The moment of a raise and the new limit. The case ends a minute after the first minute in
            which nine tenths of the limit were accepted. None for no raise.
        beside: The name of the same case without the 429 whose cost is asked for.
        is_sample: Whether the others run it, too.
    """

    name: str
    terms: Terms
    minutes: float
    demand: Steps | None = ENDLESS
    polling: Polling = "sparse"
    starts: tuple[float, ...] = (0.0,)
    restart_at: float | None = None
    learnt: float | None = None
    raised: tuple[float, float] | None = None
    beside: str | None = None
    is_sample: bool = True

    @property
    def swaps(self) -> float:
        """How many swaps it has at most: what it costs to run it."""
        demand = self.terms.limit if self.demand is None else self.demand
        return demand.between(0.0, self.minutes * MINUTE)
