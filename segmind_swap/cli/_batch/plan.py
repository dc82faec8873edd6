"""Before a batch: compute from the journal the remaining work and its cost, and print the dry run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segmind_swap import (
    MEAN_SECONDS,
    Journal,
    JournalSummary,
    OutcomeState,
    SwapRequest,
)

from .._scenes.passed_over import passed_over_text
from .._terminal.console import print_json, print_text
from .._terminal.text import format_duration, format_usd, one_line
from .options import BatchLimits
from .pairs_file import Pairs, changed_ids_text

if TYPE_CHECKING:
    from .checks import CheckedPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What a run will do, and what earlier runs of the same journal did.

    Attributes:
        states: The number of inputs in each state of the journal; inputs that are not in the journal are
            pending.
        to_submit: The ids of the inputs that will be submitted, and paid.
        to_copy: The ids of the inputs that get copies of the results of others, for free.
        finished: The ids of the inputs that an earlier run finished, with or without a picture.
        summary: The journal in figures; empty if there is no journal yet.
    """

    states: Counter[OutcomeState]
    to_submit: frozenset[str]
    to_copy: frozenset[str] = frozenset()
    finished: frozenset[str]
    summary: JournalSummary

    @property
    def committed_usd(self) -> float:
        """The money in USD that earlier runs spent, or may still have to pay."""
        return self.summary.committed_usd

    @property
    def total(self) -> int:
        """The number of inputs."""
        return self.states.total()

    def affordable(self, limits: BatchLimits) -> int:
        """How many of the inputs to submit the budget allows."""
        if limits.budget_usd is None:
            return len(self.to_submit)
        affordable = self.summary.affordable(limits.budget_usd, price_usd=limits.price_usd)
        return min(len(self.to_submit), affordable)

    def seconds(self, limits: BatchLimits) -> float:
        """The expected duration of the affordable swaps in seconds, without the uploads."""
        count = self.affordable(limits)
        by_concurrency = math.ceil(count / limits.concurrency) * MEAN_SECONDS
        by_rate = 0.0
        if limits.rpm is not None and count:
            by_rate = (count - 1) * 60 / limits.rpm + MEAN_SECONDS
        return max(by_concurrency, by_rate)


def make_plan(
    requests: Sequence[SwapRequest],
    journal: Path,
    *,
    retry_failed: bool,
    failed_is_free: bool,
    copies: Collection[str] = (),
) -> BatchPlan:
    """Compares the inputs with the journal, if the journal exists. Counts money as the run will count it.

    Args:
        requests: The inputs.
        journal: The journal. The file may not exist.
        retry_failed: Whether swaps that failed or were rejected are submitted again.
        failed_is_free: Whether failed runs cost nothing.
        copies: The ids of the inputs that are not paid, because others have their pictures.

    Raises:
        JournalError: The journal exists, and cannot be read.
    """
    inputs = frozenset(request.id or "" for request in requests)
    submitted: set[str] = set()
    finished: set[str] = set()
    states = Counter({OutcomeState.PENDING: len(inputs)})
    summary = JournalSummary(states={}, reserved_usd=0.0, spent_usd=0.0, unknown=())
    if journal.is_file():
        summary = Journal(journal).summary(failed_runs_are_free=failed_is_free)
        for outcome in Journal(journal).outcomes():
            id = outcome.request.id or ""
            if id not in inputs:
                continue
            states[OutcomeState.PENDING] -= 1
            states[outcome.state] += 1
            if outcome.state.needs_submit(retry_failed=retry_failed):
                continue
            submitted.add(id)
            if not outcome.state.is_resumed:
                finished.add(id)
    return BatchPlan(
        states=+states,
        to_submit=inputs - submitted - frozenset(copies),
        to_copy=(inputs - submitted) & frozenset(copies),
        finished=frozenset(finished),
        summary=summary,
    )


def folder_notes(pairs: Pairs) -> list[str]:
    """What the reader of a folder must know before anything is paid; empty for a table."""
    notes = []
    if pairs.passed_over:
        notes.append(passed_over_text(pairs.passed_over, can_recurse=not pairs.is_recursive))
    if pairs.changed_ids:
        notes.append(changed_ids_text(pairs.changed_ids))
    return notes


def print_plan(
    plan: BatchPlan, checked: CheckedPairs, limits: BatchLimits, *, once_per_picture: bool, as_json: bool
) -> None:
    """Prints the output of `--dry-run`."""
    pairs = checked.pairs
    count, price = plan.affordable(limits), limits.price_usd
    cost = count * price
    if as_json:
        fields = {
            "inputs": plan.total,
            "states": plan.states,
            "to_submit": len(plan.to_submit),
            "to_copy": len(plan.to_copy),
            "within_budget": count,
            "cost_usd": round(cost, 4),
            "committed_usd": plan.committed_usd,
            "seconds": plan.seconds(limits),
            "passed_over": [
                {"name": passed.name, "kind": passed.kind, "reason": passed.reason}
                for passed in pairs.passed_over
            ],
            "changed_ids": pairs.changed_ids,
            **checked.fields(),
        }
        print_json(fields)
        return
    known = [
        f"{number:,} {state}" for state, number in plan.states.items() if state is not OutcomeState.PENDING
    ]
    notes = [
        *checked.notes(price_usd=price, once_per_picture=once_per_picture),
        *folder_notes(pairs),
    ]
    left_out = checked.count_left_out
    usable = f" of {plan.total + left_out:,} are usable" if left_out else ", all of them usable"
    lines = [
        f"inputs   {plan.total:,}{usable}",
        *(f"         {one_line(note)}" for note in notes),
        f"journal  {', '.join(known) or 'no input was submitted before'}",
        f"submit   {len(plan.to_submit):,}",
        *([f"copy     {len(plan.to_copy):,}, free: others have their pictures"] if plan.to_copy else []),
        f"cost     about {format_usd(len(plan.to_submit) * price)}, at ${price:g} a swap",
    ]
    if limits.budget_usd is not None:
        committed = (
            f", of which {format_usd(plan.committed_usd)} is committed already" if plan.committed_usd else ""
        )
        effect = (
            "is enough"
            if count == len(plan.to_submit)
            else f"stops the batch after {count:,} swaps: at most {format_usd(cost)}"
        )
        lines.append(f"budget   {format_usd(limits.budget_usd)}{committed}; the budget {effect}")
    rate = f"{limits.concurrency:,} at a time, {MEAN_SECONDS:.0f} s each"
    if limits.rpm is not None:
        rate += f", {limits.rpm:g} submits a minute"
    lines.append(f"time     about {format_duration(plan.seconds(limits))}: {rate}")
    print_text("\n".join([*lines, "", "nothing was sent: this was a dry run"]))
