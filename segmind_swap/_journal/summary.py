"""`JournalSummary`: a journal in figures."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from .._config import PRICE_USD
from .._models import LearnedRate
from .._outcome import OutcomeState
from .._policy.budget import affordable_posts


class JournalSummary(BaseModel):
    """A journal in figures.

    Attributes:
        states: How many swaps are in each state. A state without swaps is missing. PENDING also counts the
            inputs of the last run that the run has not taken, if the run got its requests as a list or tuple.
        reserved_usd: The money in USD that counts as paid for swaps whose picture may still come.
        spent_usd: The cost in USD of the other swaps, failed runs and earlier POSTs in doubt included.
        unknown: The ids of the swaps that a person has to decide about.
        without_pictures: Those of `unknown` that cannot be submitted again from the journal: a service does
            not keep uploaded pictures after they are sent. The application can pay again, with the pictures.
        orders: How many payments the applications of a service have asked for; 0 for the journal of a batch.
        redone: How many swaps have a later version than the first as their current one.
        redos: The latest version of a swap, if it is not the current one: how many are in each state.
        redo_usd: The part of the committed money, in USD, that is for later versions than the first.
        learned_rate: What the last run has learned of the account's rate limit; None if it learned nothing.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    states: dict[OutcomeState, int]
    reserved_usd: float
    spent_usd: float
    unknown: tuple[str, ...]
    without_pictures: tuple[str, ...] = ()
    orders: int = 0
    redone: int = 0
    redos: dict[OutcomeState, int] = Field(default_factory=dict)
    redo_usd: float = 0.0
    learned_rate: LearnedRate | None = None

    @property
    def committed_usd(self) -> float:
        """What is spent or may still have to be paid, in USD: what counts against a budget."""
        return self.spent_usd + self.reserved_usd

    def affordable(self, budget_usd: float, *, price_usd: float = PRICE_USD) -> int:
        """How many more swaps a budget allows.

        Args:
            budget_usd: The budget in USD, earlier runs of the journal included.
            price_usd: What a swap is taken to cost, in USD.
        """
        return affordable_posts(budget_usd, committed_usd=self.committed_usd, price_usd=price_usd)
