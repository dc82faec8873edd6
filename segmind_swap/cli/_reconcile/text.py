"""What `reconcile` prints: the swaps by what the history says of them, and the commands for what is left."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from segmind_swap import PRICE_USD, HistoryVerdict, ReconciledSwap, Reconciliation

from .._journal_commands import resolve_command
from .._terminal.text import format_usd, one_line

_MAX_IDS_SHOWN = 20
_MAX_REQUESTS_SHOWN = 5


def lines_of(found: Reconciliation, journal: Path) -> Iterator[str]:
    """The lines about all swaps, and what to do next.

    Args:
        found: The result of the comparison.
        journal: The argument JOURNAL of the command, for the commands to run next.
    """
    if not found.swaps:
        yield "no swap is unknown: nothing to look for"
        return
    pages = "1 page" if found.pages == 1 else f"{found.pages:,} pages"
    yield f"{_swaps(len(found.swaps), 'unknown ')}, compared with {pages} of the account's history"
    if found.incomplete:
        yield f"  not every page was read: {one_line(found.incomplete)}"
    for verdict in HistoryVerdict:
        of_verdict = [swap for swap in found.swaps if swap.verdict is verdict]
        if of_verdict:
            yield f"{verdict}: {len(of_verdict):,}"
            yield from _by_reason(of_verdict)
    yield ""
    yield from _done(found)
    yield from _next_steps(found, journal)


def _by_reason(swaps: Sequence[ReconciledSwap]) -> Iterator[str]:
    """The ids under their reason: one cause is told once, however many swaps have it."""
    groups: dict[tuple[str, tuple[str, ...]], list[ReconciledSwap]] = {}
    for swap in swaps:
        groups.setdefault((swap.reason, swap.missing_proof), []).append(swap)
    for (reason, missing), members in groups.items():
        yield f"  {one_line(reason)}"
        for swap in members[:_MAX_IDS_SHOWN]:
            yield f"    {one_line(swap.id)}{_requests_of(swap)}"
        if len(members) > _MAX_IDS_SHOWN:
            yield f"    and {len(members) - _MAX_IDS_SHOWN:,} more: --json lists all"
        if missing:
            yield "    not to be submitted again by --resubmit-missing, because"
            yield from (f"    - {one_line(problem)}" for problem in missing)


def _requests_of(swap: ReconciledSwap) -> str:
    ids = swap.request_ids
    if not ids:
        return ""
    shown = ", ".join(map(one_line, ids[:_MAX_REQUESTS_SHOWN]))
    more = f" and {len(ids) - _MAX_REQUESTS_SHOWN:,} more" if len(ids) > _MAX_REQUESTS_SHOWN else ""
    return f"  (request {shown}{more})"


def _done(found: Reconciliation) -> Iterator[str]:
    """What was done, or would be."""
    jobs = sum(swap.job is not None for swap in found.swaps)
    if not found.applied:
        yield "nothing was changed: this was a dry run"
        return
    if jobs:
        what = "job" if jobs == 1 else f"{jobs:,} jobs"
        yield (
            f"{_swaps(jobs)} found: the next `segmind-swap batch`, or the application, waits for the {what},"
            " which is free"
        )
    if again := sum(swap.resubmitted for swap in found.swaps):
        they, them = ("it", "it") if again == 1 else ("they", "them")
        yield (
            f"{_swaps(again)} will be submitted again, and paid: about {format_usd(again * PRICE_USD)},"
            f" besides what {they} may have cost before. The next `segmind-swap batch` submits {them}"
        )
    if not (jobs or again):
        yield "nothing was changed"


def _next_steps(found: Reconciliation, journal: Path) -> Iterator[str]:
    if not found.applied and (jobs := sum(swap.job is not None for swap in found.swaps)):
        yield f"to wait for the {'job that was' if jobs == 1 else f'{jobs:,} jobs that were'} found, free:"
        yield f"  {_command(journal, '--apply')}"
    if (again := found.may_resubmit) and not any(swap.resubmitted for swap in found.swaps):
        yield f"to submit {_swaps(again)} again, which is paid (about {format_usd(again * PRICE_USD)}):"
        yield f"  {_command(journal, '--apply', '--resubmit-missing')}"
    if listed := next((swap for swap in found.undecided if swap.job is None and swap.request_ids), None):
        yield f"to take one of the requests for a swap, as in this example for {one_line(listed.id)}:"
        yield f"  {_command(journal, '--apply', '--choose', f'{listed.id}={listed.request_ids[0]}')}"
    left = [swap for swap in found.undecided if swap.job is None]
    if left:
        # An example that shows every decision that some swap allows.
        example = next((swap for swap in left if swap.pictures_are_kept), left[0])
        id = example.id
        yield f"to decide about a swap yourself, as in this example for {one_line(id)}:"
        for decision, meaning in (
            ("--wait-again --poll-url URL", "its job is known"),
            *([("--resubmit", "submit it again, which is paid")] if example.pictures_are_kept else []),
            ("--abandon", "give it up; what it may have cost stays counted"),
        ):
            yield f"  {resolve_command(journal, id, decision)}  # {meaning}"


def _command(journal: Path, *options: str) -> str:
    return shlex.join(["segmind-swap", "reconcile", str(journal), *options])


def _swaps(count: int, kind: str = "") -> str:
    return f"1 {kind}swap" if count == 1 else f"{count:,} {kind}swaps"
