"""Before a batch: check every input, and compute from the journal the remaining work and its cost."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmind_swap import (
    MEAN_SECONDS,
    ConfigurationError,
    Journal,
    JournalError,
    JournalSummary,
    OutcomeState,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)

from .._terminal.console import print_json, print_text, status_display
from .._terminal.text import format_duration, format_usd, one_line
from .options import BatchLimits
from .pairs_file import Pairs, Problem, changed_ids_text, passed_over_text

_MAX_PROBLEMS_SHOWN = 20
_MAX_SHOWN_OF_A_CAUSE = 5
_MAX_IDS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What a run will do, and what earlier runs of the same journal did.

    Attributes:
        states: The number of inputs in each state of the journal; inputs that are not in the journal are
            pending.
        to_submit: The ids of the inputs that will be submitted.
        finished: The ids of the inputs that an earlier run finished, with or without a picture.
        summary: The journal in figures; empty if there is no journal yet.
    """

    states: Counter[OutcomeState]
    to_submit: frozenset[str]
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


async def check_inputs(client: SwapClient, pairs: Pairs, *, out: Path, journal: Path) -> None:
    """Checks every input before any swap is paid, and reports all problems together, each cause once.

    Raises:
        ConfigurationError: An input cannot be used.
        JournalError: The journal exists, and cannot be read.
    """
    with status_display("checking the inputs") as status:

        def counted() -> Iterator[SwapRequest]:
            for number, request in enumerate(pairs.requests):
                if not number % 50:
                    status.update(f"checking the inputs: {number:,} of {len(pairs.requests):,}")
                yield request

        rejected = await client.check(counted(), journal=journal, save_to=out)
    groups: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in pairs.problems:
        groups[problem.text].append(problem)
    for outcome in rejected:
        groups[_cause(outcome)].append(Problem(outcome.request.id or "", str(outcome.error)))
    if not groups:
        return
    lines = [line for cause, group in groups.items() for line in _lines_of(cause, group)]
    if hidden := sum(count for _, count in lines[_MAX_PROBLEMS_SHOWN:]):
        lines[_MAX_PROBLEMS_SHOWN:] = [(f"and {hidden:,} more", hidden)]
    total = sum(map(len, groups.values()))
    count = "1 input cannot be used" if total == 1 else f"{total:,} inputs cannot be used"
    shown = [f"  {one_line(line)}" for line, _ in lines]
    raise ConfigurationError("\n".join([f"{count}; nothing was sent", *shown]))


_CONFLICTS = "conflicts with the journal"


def _cause(outcome: SwapOutcome) -> str:
    """What the problems with one cause have in common: the message, without what names the input."""
    if isinstance(outcome.error, JournalError):
        return _CONFLICTS
    request = outcome.request
    text = str(outcome.error).replace(str(request.character_image), "")
    return re.sub(rf"(?<!\w){re.escape(request.id or '')}(?!\w)", "", text)


def _lines_of(cause: str, group: Sequence[Problem]) -> list[tuple[str, int]]:
    """The lines for all problems with one cause, each with the number of inputs that it stands for."""
    if len(group) > 1 and len({problem.text for problem in group}) == 1:
        return [(f"{len(group):,} inputs ({_places(group)}): {group[0].text}", len(group))]
    # All inputs conflict with the journal if the reference, or the journal, is not that of the earlier run.
    most = 1 if cause is _CONFLICTS else _MAX_SHOWN_OF_A_CAUSE
    lines = [(str(problem), 1) for problem in group[:most]]
    if rest := group[most:]:
        lines.append((f"and {len(rest):,} more of this kind ({_places(rest)})", len(rest)))
    return lines


def _places(group: Sequence[Problem]) -> str:
    places = ", ".join(problem.place for problem in group[:_MAX_IDS_SHOWN])
    return f"{places} and {len(group) - _MAX_IDS_SHOWN:,} more" if len(group) > _MAX_IDS_SHOWN else places


def make_plan(
    requests: Sequence[SwapRequest], journal: Path, *, retry_failed: bool, failed_is_free: bool
) -> BatchPlan:
    """Compares the inputs with the journal, if the journal exists. Counts money as the run will count it.

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
        to_submit=inputs - submitted,
        finished=frozenset(finished),
        summary=summary,
    )


def folder_notes(pairs: Pairs) -> list[str]:
    """What the reader of a folder must know before anything is paid; empty for a table."""
    notes = []
    if pairs.passed_over:
        notes.append(passed_over_text(pairs.passed_over))
    if pairs.changed_ids:
        notes.append(changed_ids_text(pairs.changed_ids))
    return notes


def print_plan(plan: BatchPlan, pairs: Pairs, limits: BatchLimits, *, as_json: bool) -> None:
    """Prints the output of `--dry-run`."""
    count, price = plan.affordable(limits), limits.price_usd
    cost = count * price
    if as_json:
        fields = {
            "inputs": plan.total,
            "states": plan.states,
            "to_submit": len(plan.to_submit),
            "within_budget": count,
            "cost_usd": round(cost, 4),
            "committed_usd": plan.committed_usd,
            "seconds": plan.seconds(limits),
            "passed_over": [{"name": passed.name, "reason": passed.reason} for passed in pairs.passed_over],
            "changed_ids": pairs.changed_ids,
        }
        print_json(fields)
        return
    known = [
        f"{number:,} {state}" for state, number in plan.states.items() if state is not OutcomeState.PENDING
    ]
    lines = [
        f"inputs   {plan.total:,}, all of them usable",
        *(f"         {one_line(note)}" for note in folder_notes(pairs)),
        f"journal  {', '.join(known) or 'no input was submitted before'}",
        f"submit   {len(plan.to_submit):,}",
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
