"""What the entries of a ledger hold of its budget."""

import anyio
import pytest

from segmind_swap import BudgetExceededError, OutcomeState
from segmind_swap._journal.money.budget import Reservations
from segmind_swap._policy.budget import Budget, Spent
from segmind_swap._protocols.entry import Entry


async def test_a_swap_with_posts_in_doubt_does_not_wait_for_its_own_money() -> None:
    """Its own POSTs are in progress, too, but nobody gives their price back."""
    budget = Budget(0.2, price_usd=0.15, spent=Spent(unsettled_posts=1))
    reservations = Reservations(budget)
    entry = Entry(
        number=1,
        id="a",
        fingerprint="p",
        reference="r",
        scene="s",
        state=OutcomeState.PENDING,
        run=1,
        billable_posts=1,
    )
    with anyio.fail_after(60), pytest.raises(BudgetExceededError, match="has no room for another swap"):
        await reservations.reserve(entry)
    reservations.settle(entry, unsettled_posts=1)
    assert budget.committed_usd == 0.15
