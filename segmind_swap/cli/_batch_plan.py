"""What a batch is going to do, as far as that is known before anything is sent."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from segmind_swap import ConfigurationError, Journal, OutcomeState, SwapClient, SwapRequest

from ._pairs_file import Pairs
from ._text import dollars, lasting, one_line

SECONDS = 72.0
"""What a swap takes on average, by the workflow's API page."""

_SHOWN = 20
_SENT_AGAIN = (OutcomeState.FAILED, OutcomeState.REJECTED)
_UNDER_WAY = (OutcomeState.SENDING, OutcomeState.ACCEPTED, OutcomeState.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds a batch back."""

    concurrency: int
    rpm: float | None
    budget_usd: float | None
    price_usd: float

    def __post_init__(self) -> None:
        if not 0 < self.price_usd < math.inf:
            raise ConfigurationError(f"--price must be above zero, not {self.price_usd:g}")
        if self.budget_usd is not None and not 0 <= self.budget_usd < math.inf:
            raise ConfigurationError(f"--budget must not be below zero, not {self.budget_usd:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and what earlier runs of the journal have done.

    Attributes:
        states: How far the inputs are, by the journal; those it does not know are pending.
        unsent: The ids of the inputs that will be submitted.
        settled: The ids of those with which an earlier run has ended.
        committed_usd: What earlier runs have spent, or may have to pay.
    """

    states: Counter[OutcomeState]
    unsent: frozenset[str]
    settled: frozenset[str]
    committed_usd: float

    @property
    def total(self) -> int:
        """How many inputs there are."""
        return self.states.total()

    def affordable(self, limits: Limits) -> int:
        """How many of the unsent a budget lets through."""
        if limits.budget_usd is None:
            return len(self.unsent)
        left = max(0.0, limits.budget_usd - self.committed_usd)
        return min(len(self.unsent), int(left / limits.price_usd + 1e-9))

    def seconds(self, limits: Limits) -> float:
        """How long that is expected to take, beside the uploads."""
        count = self.affordable(limits)
        at_once = math.ceil(count / limits.concurrency) * SECONDS
        by_rate = 0.0 if limits.rpm is None or not count else (count - 1) * 60 / limits.rpm + SECONDS
        return max(at_once, by_rate)


async def check_all(client: SwapClient, pairs: Pairs, *, out: Path, journal: Path) -> None:
    """Looks at every input before anything is paid; all problems are told together.

    Raises:
        ConfigurationError: there are some.
        JournalError: the journal is there, and cannot be read.
    """
    problems = list(pairs.problems)
    with Console(stderr=True, highlight=False).status("looking at the inputs") as status:

        def counted() -> Iterator[SwapRequest]:
            for number, request in enumerate(pairs.requests):
                if not number % 50:
                    status.update(f"looking at the inputs: {number:,} of {len(pairs.requests):,}")
                yield request

        rejected = await client.check(counted(), journal=journal, save_to=out)
    problems += [f"{outcome.request.id}: {outcome.error}" for outcome in rejected]
    if not problems:
        return
    shown = [f"  {one_line(problem)}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        shown.append(f"  and {len(problems) - _SHOWN:,} more")
    what = "1 input cannot be used" if len(problems) == 1 else f"{len(problems):,} inputs cannot be used"
    raise ConfigurationError("\n".join([f"{what}; nothing was sent", *shown]))


def plan_of(requests: Sequence[SwapRequest], journal: Path, *, retry_failed: bool) -> Plan:
    """What is left to do of these inputs.

    Raises:
        JournalError: the journal is there, and cannot be read.
    """
    inputs = frozenset(request.id or "" for request in requests)
    sent: set[str] = set()
    settled: set[str] = set()
    states = Counter({OutcomeState.PENDING: len(inputs)})
    committed = 0.0
    if journal.is_file():
        summary = Journal(journal).summary()
        committed = summary.spent_usd + summary.reserved_usd
        again = (OutcomeState.PENDING, *(_SENT_AGAIN if retry_failed else ()))
        for outcome in Journal(journal).outcomes():
            id = outcome.request.id or ""
            if id not in inputs:
                continue
            states[OutcomeState.PENDING] -= 1
            states[outcome.state] += 1
            if outcome.state in again:
                continue
            sent.add(id)
            if outcome.state not in _UNDER_WAY:
                settled.add(id)
    return Plan(
        states=+states,
        unsent=inputs - sent,
        settled=frozenset(settled),
        committed_usd=committed,
    )


def show_plan(plan: Plan, limits: Limits, *, as_json: bool) -> None:
    """What `--dry-run` prints."""
    count, cost = plan.affordable(limits), plan.affordable(limits) * limits.price_usd
    if as_json:
        told = {
            "inputs": plan.total,
            "states": plan.states,
            "to_submit": len(plan.unsent),
            "within_budget": count,
            "cost_usd": round(cost, 4),
            "committed_usd": plan.committed_usd,
            "seconds": plan.seconds(limits),
        }
        print(json.dumps(told))
        return
    told_before = [
        f"{number:,} {state}" for state, number in plan.states.items() if state is not OutcomeState.PENDING
    ]
    lines = [
        f"inputs   {plan.total:,}, all of them usable",
        f"journal  {', '.join(told_before) or 'none of them was submitted before'}",
        f"submit   {len(plan.unsent):,}",
        f"cost     about {dollars(len(plan.unsent) * limits.price_usd)}, at ${limits.price_usd:g} a swap",
    ]
    if limits.budget_usd is not None:
        before = f", of which {dollars(plan.committed_usd)} is gone" if plan.committed_usd else ""
        ends = (
            "is enough" if count == len(plan.unsent) else f"ends it after {count:,}: at most {dollars(cost)}"
        )
        lines.append(f"budget   {dollars(limits.budget_usd)}{before}; it {ends}")
    pace = f"{limits.concurrency:,} at a time, {SECONDS:g} s each"
    if limits.rpm is not None:
        pace += f", {limits.rpm:g} submits a minute"
    lines.append(f"time     about {lasting(plan.seconds(limits))}: {pace}")
    print("\n".join([*lines, "", "nothing was sent: this was a dry run"]))
