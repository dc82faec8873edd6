"""The command `redo`: plan, consent, and the run, which is that of a batch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import typer

from segmind_swap import (
    ConfigurationError,
    InputCheck,
    Journal,
    Outcomes,
    OutcomeState,
    RedoPlan,
    RedoRequest,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap._api.ids import canonical_id

from .._batch.checks import CheckedPairs
from .._batch.command import BatchRun, client_settings_of, run_to_its_end
from .._batch.options import BatchLimits, BatchOptions
from .._batch.pairs_file import Pairs
from .._batch.plan import BatchPlan
from .._batch.relocation import Relocation
from .._batch.summary import BatchSummary
from .._connect import client_settings
from .._terminal.console import print_json, print_text, status_display
from .._terminal.errors import errors_as_exit_codes
from .._terminal.exit_codes import ExitCode
from .._terminal.option_names import message_of
from .._terminal.text import format_usd, one_line
from .consent import require_consent
from .options import RedoOptions
from .swaps import latest_versions, marked_swaps, named_swaps, with_moved_pictures

_MAX_SHOWN = 20
_REDOABLE = frozenset(
    {OutcomeState.SAVED, OutcomeState.FAILED, OutcomeState.REJECTED, OutcomeState.ABANDONED}
)
_ENDED = {
    OutcomeState.SAVED: "redone already",
    OutcomeState.UNKNOWN: "perhaps accepted and billed: `segmind-swap reconcile` looks for its job, free",
    OutcomeState.EXPIRED: "the redo is billed, and its job expired: decide with `segmind-swap resolve`",
}


def redo(options: RedoOptions) -> None:
    """Makes another version of swaps, and ends the command."""
    batch = options.batch
    with errors_as_exit_codes(as_json=batch.as_json):
        limits = batch.limits()
        batch.check_names()
        if not batch.out.is_dir():
            raise ConfigurationError(f"{batch.out} is no folder: give the folder of a batch, its --out")
        with client_settings(
            allow_http=batch.allow_http, needs_key=not batch.dry_run, has_emulator=False
        ) as settings:
            exit_code = run_redo(options, limits, settings)
    raise typer.Exit(exit_code)


def run_redo(options: RedoOptions, limits: BatchLimits, settings: dict[str, Any]) -> ExitCode:
    """Finds the swaps, asks for the consent to pay, and makes the next version of each.

    Args:
        options: The options of the command.
        limits: The checked limits of these options.
        settings: The arguments of `SwapClient` that select the service.

    Raises:
        ConfigurationError, JournalError: A swap cannot be redone. Nothing was sent.
    """
    batch = options.batch
    settings = client_settings_of(batch, limits, settings)
    swaps = named_swaps(options.swaps) if options.swaps else marked_swaps(batch.journal_path, batch.out)
    swaps = list(with_moved_pictures(swaps, batch.journal_path, batch.out))
    plan = _Plan(swaps, asyncio.run(_checked(swaps, batch, settings)), batch, limits)
    if batch.dry_run:
        plan.show(as_json=batch.as_json)
        return ExitCode.DONE
    if not plan.has_work:
        plan.show(as_json=batch.as_json)
        is_unknown = OutcomeState.UNKNOWN in plan.found.ended.values()
        return ExitCode.UNKNOWN if is_unknown else ExitCode.DONE
    if plan.found.to_submit:
        if not batch.as_json:
            plan.show(as_json=False)
        require_consent(len(plan.found.to_submit), is_given=options.pay_again)
    return run_to_its_end(_RedoRun(plan, batch, limits, settings), batch)


async def _checked(
    swaps: Sequence[RedoRequest], options: BatchOptions, settings: Mapping[str, Any]
) -> RedoPlan:
    """What the redo would do.

    Raises:
        ConfigurationError: Swaps cannot be redone. The message names each.
    """
    with status_display("checking the swaps"):
        async with SwapClient(**settings) as client:
            plan = await client.check_redo(
                swaps,
                journal=options.journal_path,
                reference_character_image=reference_of(options),
                save_to=options.out.resolve(),
            )
    if plan.rejected:
        lines = [f"  {one_line(message_of(outcome.error))}" for outcome in plan.rejected if outcome.error]
        if hidden := len(lines[_MAX_SHOWN:]):
            lines[_MAX_SHOWN:] = [f"  and {hidden:,} more"]
        count = len(plan.rejected)
        what = "1 swap cannot be redone" if count == 1 else f"{count:,} swaps cannot be redone"
        raise ConfigurationError("\n".join([f"{what}; nothing was sent", *lines]))
    return plan


def reference_of(options: BatchOptions) -> str | None:
    """The reference of all new versions: a URL, or an absolute path; None for the reference as before."""
    reference = options.reference
    if reference is None or "://" in reference:
        return reference
    return str(Path.cwd() / reference)


class _Plan:
    """What a redo will do, and what it costs.

    Attributes:
        swaps: The swaps.
        found: What becomes of each swap.
        summary: The journal in figures.
    """

    def __init__(
        self, swaps: Sequence[RedoRequest], found: RedoPlan, options: BatchOptions, limits: BatchLimits
    ) -> None:
        self.swaps = swaps
        self.found = found
        self._options = options
        self._limits = limits
        self.summary = Journal(options.journal_path).summary(failed_runs_are_free=options.failed_is_free)

    @property
    def has_work(self) -> bool:
        """Whether there is anything to submit, or to wait for."""
        return bool(self.found.to_submit or self.found.to_finish)

    def requests(self) -> list[SwapRequest]:
        """The swaps as inputs of a run, with the ids of the journal. The journal knows their pictures."""
        ids = (*self.found.to_submit, *self.found.to_finish, *self.found.ended)
        return [SwapRequest(id=id, reference_character_image="", character_image="") for id in ids]

    def as_batch(self) -> BatchPlan:
        """The plan as the progress of a batch shows it."""
        found = self.found
        states = Counter(found.ended.values())
        states[OutcomeState.PENDING] += len(found.to_submit)
        states[OutcomeState.ACCEPTED] += len(found.to_finish)
        return BatchPlan(
            states=+states,
            to_submit=frozenset(found.to_submit),
            finished=frozenset(found.ended),
            summary=self.summary,
        )

    def show(self, *, as_json: bool) -> None:
        """Prints what will be paid, what is finished free, and what has ended."""
        found, limits = self.found, self._limits
        count, price = len(found.to_submit), limits.price_usd
        committed_usd = self.summary.committed_usd
        left_usd = None if limits.budget_usd is None else limits.budget_usd - committed_usd
        if as_json:
            print_json(
                {
                    "to_submit": found.to_submit,
                    "to_finish": found.to_finish,
                    "ended": found.ended,
                    "cost_usd": round(count * price, 4),
                    "committed_usd": committed_usd,
                    "budget_left_usd": left_usd,
                }
            )
            return
        lines = []
        if count:
            swaps = "1 swap" if count == 1 else f"{count:,} swaps"
            budget = "" if left_usd is None else f"; budget left {format_usd(max(0.0, left_usd))}"
            lines.append(f"{swaps}, about {format_usd(count * price)}, paid AGAIN{budget}")
            affordable = self.as_batch().affordable(limits)
            if affordable < count:
                lines.append(
                    f"the budget stops the redo after {affordable:,}; a higher --budget continues it"
                )
        if found.to_finish:
            lines.append(f"{len(found.to_finish):,} begun before are finished, which is free")
        lines += self._ended_lines()
        if not self.has_work:
            lines.append("nothing to redo" if found.ended else self._nothing_marked())
        if self._options.dry_run:
            lines += ["", "nothing was sent: this was a dry run"]
        print_text("\n".join(lines))

    def _ended_lines(self) -> list[str]:
        versions = {canonical_id(swap.id): swap.version + 1 for swap in self.swaps}
        lines = []
        for id, state in list(self.found.ended.items())[:_MAX_SHOWN]:
            version = versions[canonical_id(id)]
            again = f". To pay for another version: {one_line(id)}:{version}" if state in _REDOABLE else ""
            lines.append(f"{one_line(id)}: {_ENDED.get(state, f'version {version} is {state}')}{again}")
        if hidden := len(self.found.ended) - len(lines):
            lines.append(f"and {hidden:,} more that have ended")
        return lines

    @staticmethod
    def _nothing_marked() -> str:
        return "nothing is marked to be redone: mark pictures in `segmind-swap review`, or name the swaps"


class _RedoRun(BatchRun):
    """The paid part of the command: the run of a batch whose swaps are the next versions."""

    is_redo = True

    def __init__(
        self, plan: _Plan, options: BatchOptions, limits: BatchLimits, settings: dict[str, Any]
    ) -> None:
        checked = CheckedPairs(pairs=Pairs(plan.requests()), check=InputCheck())
        super().__init__(checked, plan.as_batch(), options, limits, settings)
        self._swaps_to_redo = plan.swaps
        # The journal knows the pictures of each version: this run's inputs may have no names.
        self.relocation = Relocation(options.out.resolve(), ())

    def _swaps(self, client: SwapClient) -> AbstractAsyncContextManager[Outcomes]:
        options, limits = self._options, self._limits
        return client.redo(
            self._swaps_to_redo,
            journal=options.journal_path,
            reference_character_image=reference_of(options),
            save_to=options.out.resolve(),
            concurrency=limits.concurrency,
            budget_usd=limits.budget_usd,
            price_usd=limits.price_usd,
            failed_runs_are_free=options.failed_is_free,
            max_futile=options.max_futile or None,
            max_failed=options.max_failed or None,
        )

    def _recorded(self) -> Iterator[SwapOutcome]:
        """The latest version of each swap, which is the one that this redo has begun."""
        yield from latest_versions(Journal(self._options.journal_path).versions()).values()

    def _add_result(self, outcome: SwapOutcome) -> None:
        """Nothing: the file has every swap of the journal, and not only those of this run."""

    def _complete_results(self) -> None:
        """Writes the current version of every swap, in the order of the journal."""
        for outcome in Journal(self._options.journal_path).outcomes():
            self._results.add(self.relocation.outcome(outcome))

    def unknown_redos(self) -> int:
        """None besides the swaps of this run, which are redos."""
        return 0

    def reported_states(self, summary: BatchSummary) -> Counter[OutcomeState]:
        """The states of all swaps of the journal: the report shows every current version."""
        return Counter(Journal(self._options.journal_path).summary().states)
