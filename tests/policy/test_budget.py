"""Money: never above the limit, nothing counted twice, nothing forgotten, and nobody waits for nothing."""

from decimal import Decimal

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segmind_swap import BudgetExceededError
from segmind_swap._policy.budget import Budget, Spent, affordable_posts, micro_of


def a_budget(limit_usd: float | None = 1.0, *, price_usd: float = 0.25, spent: Spent | None = None) -> Budget:
    return Budget(limit_usd, price_usd=price_usd, spent=spent or Spent())


@pytest.mark.parametrize(
    ("usd", "micro"),
    [(0, 0), (0.1522, 152_200), (0.1 + 0.2, 300_001), (1e-7, 1), (1e6, 10**12), (25, 25_000_000)],
)
def test_an_amount_is_rounded_up_to_a_millionth(usd: float, micro: int) -> None:
    assert micro_of(usd) == micro


@settings(max_examples=200)
@given(st.floats(0, 1e6))
def test_no_amount_becomes_less_and_none_more_than_a_millionth_more(usd: float) -> None:
    assert 0 <= micro_of(usd) - Decimal(str(usd)) * 1_000_000 <= 1


def test_a_limit_is_rounded_down() -> None:
    with pytest.raises(BudgetExceededError):
        a_budget(0.9999999, price_usd=1.0).reserve_at_once()


def test_what_was_spent_is_told_at_a_price() -> None:
    assert Spent().usd(0.25) == 0
    assert Spent(settled_micro_usd=500_000, unsettled_posts=2).usd(0.25) == 1.0


def test_without_a_limit_there_is_always_room() -> None:
    budget = a_budget(None)
    for _ in range(1000):
        budget.reserve_at_once()
    assert budget.has_room
    assert budget.committed_usd == 250.0


def test_a_budget_of_zero_lets_nothing_through() -> None:
    with pytest.raises(BudgetExceededError) as caught:
        a_budget(0).reserve_at_once()
    assert (caught.value.budget_usd, caught.value.committed_usd) == (0, 0)


def test_the_last_cent_is_spent_and_not_one_more() -> None:
    budget = a_budget()
    for _ in range(4):
        budget.reserve_at_once()
    assert (budget.committed_usd, budget.has_room) == (1.0, False)
    with pytest.raises(
        BudgetExceededError, match=r"\$1.00 has no room for another swap at \$0.2500"
    ) as caught:
        budget.reserve_at_once()
    assert (caught.value.budget_usd, caught.value.committed_usd) == (1.0, 1.0)


def test_what_earlier_runs_have_left_counts() -> None:
    budget = a_budget(spent=Spent(settled_micro_usd=500_000, unsettled_posts=1))
    budget.reserve_at_once()
    assert budget.committed_usd == 1.0
    assert not budget.has_room


def test_a_cost_above_the_price_raises_it_for_all_that_are_not_settled() -> None:
    budget = a_budget()
    budget.reserve_at_once()
    budget.reserve_at_once()
    budget.settle(0.40)
    assert (budget.price_usd, budget.committed_usd) == (0.40, 0.80)
    assert not budget.has_room


def test_a_cost_below_the_price_lowers_nothing() -> None:
    budget = a_budget()
    for cost_usd in (0.01, 0, None):
        budget.reserve_at_once()
        budget.settle(cost_usd)
    assert (budget.price_usd, budget.committed_usd) == (0.25, 0.75)


def test_a_cost_that_settles_nothing_raises_the_price_too() -> None:
    budget = a_budget()
    budget.reserve_at_once()
    for cost, committed in ((None, 0.25), (0.1, 0.25), (0.4, 0.4)):
        budget.raise_price(cost)
        assert budget.committed_usd == committed
    assert budget.price_usd == 0.4


def test_an_error_names_the_budget_that_has_no_room() -> None:
    budget = Budget(0.1, price_usd=0.25, spent=Spent(), name="the client's budget")
    with pytest.raises(BudgetExceededError, match=r"^the client's budget of \$0\.10 has no room"):
        budget.reserve_at_once()


async def test_a_swap_waits_while_others_may_give_their_money_back_and_goes_when_one_does() -> None:
    budget = a_budget(0.25)
    await budget.reserve()
    reserved_at: list[float] = []

    async def another() -> None:
        with anyio.fail_after(200):
            await budget.reserve()
        reserved_at.append(anyio.current_time())

    async with anyio.create_task_group() as group:
        group.start_soon(another)
        await anyio.sleep(100)
        assert reserved_at == []
        budget.release()
        released_at = anyio.current_time()
    assert reserved_at == [released_at]
    assert budget.committed_usd == 0.25


@pytest.mark.parametrize("end", ["keep", "settle"])
async def test_all_who_wait_are_told_when_none_can_give_any_back(end: str) -> None:
    budget = a_budget(0.25)
    await budget.reserve()
    refused: list[BudgetExceededError] = []

    async def another() -> None:
        with anyio.fail_after(60), pytest.raises(BudgetExceededError) as caught:
            await budget.reserve()
        refused.append(caught.value)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(another)
        await anyio.wait_all_tasks_blocked()
        if end == "keep":
            budget.keep()
        else:
            budget.settle(0.25)
    assert len(refused) == 3


async def test_the_first_money_that_comes_back_is_taken_although_more_may_come() -> None:
    budget = a_budget(0.75)
    for _ in range(3):
        budget.reserve_at_once()
    with anyio.fail_after(1):
        async with anyio.create_task_group() as group:
            group.start_soon(budget.reserve)
            await anyio.wait_all_tasks_blocked()
            budget.release()
    assert budget.committed_usd == 0.75


async def test_nobody_waits_when_nothing_is_under_way() -> None:
    with anyio.fail_after(60), pytest.raises(BudgetExceededError):
        await a_budget(0.25, spent=Spent(unsettled_posts=1)).reserve()


async def test_a_job_of_an_earlier_run_that_is_waited_for_may_give_its_money_back() -> None:
    budget = a_budget(0.25, spent=Spent(unsettled_posts=1))
    budget.adopt()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(budget.reserve)
            await anyio.wait_all_tasks_blocked()
            budget.release()
    assert budget.committed_usd == 0.25


class Money(RuleBasedStateMachine):
    """A budget beside a list of what each POST is worth."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = a_budget(2.0, price_usd=0.15)
        self.under_way = 0
        self.kept = 0
        self.settled = 0

    @rule()
    def reserve(self) -> None:
        before = self.budget.committed_usd
        room = self.budget.has_room
        try:
            self.budget.reserve_at_once()
        except BudgetExceededError:
            assert not room
            assert self.budget.committed_usd == before
        else:
            assert room
            self.under_way += 1
            assert self.budget.committed_usd <= 2.0

    @precondition(lambda self: self.kept)
    @rule()
    def adopt(self) -> None:
        self.budget.adopt()
        self.kept -= 1
        self.under_way += 1

    @precondition(lambda self: self.under_way)
    @rule()
    def release(self) -> None:
        self.budget.release()
        self.under_way -= 1

    @precondition(lambda self: self.under_way)
    @rule()
    def keep(self) -> None:
        self.budget.keep()
        self.under_way -= 1
        self.kept += 1

    @precondition(lambda self: self.under_way)
    @rule(cost_usd=st.none() | st.floats(0, 0.3))
    def settle(self, cost_usd: float | None) -> None:
        self.budget.settle(cost_usd)
        self.under_way -= 1
        self.settled += max(micro_of(self.budget.price_usd), micro_of(cost_usd or 0))

    @invariant()
    def every_post_counts_once(self) -> None:
        open_posts = self.under_way + self.kept
        expected = self.settled + open_posts * micro_of(self.budget.price_usd)
        assert micro_of(self.budget.committed_usd) == expected


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.parametrize("earlier", [True, False])
async def test_a_swap_waits_for_money_while_any_post_is_under_way_and_no_longer(earlier: bool) -> None:
    budget = Budget(0.3, price_usd=0.15, spent=Spent(unsettled_posts=2 if earlier else 0))
    for _ in range(2):
        if earlier:
            budget.adopt()
        else:
            budget.reserve_at_once()
    endings: list[str] = []

    async def reserve() -> None:
        try:
            await budget.reserve()
            endings.append("reserved")
        except BudgetExceededError:
            endings.append("refused")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(reserve)
            await anyio.wait_all_tasks_blocked()
            budget.keep()
            await anyio.wait_all_tasks_blocked()
            assert endings == [], "the other may still give its money back"
            budget.keep()
    assert endings == ["refused"]


@pytest.mark.parametrize(
    ("budget_usd", "committed_usd", "price_usd", "posts"),
    [
        (1.0, 0.0, 0.1, 10),
        (0.3, 0.0, 0.1, 3),
        (0.3, 0.1, 0.1, 2),
        (0.1, 0.2, 0.1, 0),
        (0.29, 0.0, 0.1, 2),
        (0, 0, 0.1, 0),
    ],
)
def test_a_budget_allows_exactly_as_many_posts_as_it_would_reserve(
    budget_usd: float, committed_usd: float, price_usd: float, posts: int
) -> None:
    assert affordable_posts(budget_usd, committed_usd=committed_usd, price_usd=price_usd) == posts
    spent = Spent(settled_micro_usd=micro_of(committed_usd))
    budget = Budget(budget_usd, price_usd=price_usd, spent=spent)
    for _ in range(posts):
        budget.reserve_at_once()
    assert not budget.has_room
