"""The batch command: check every input, run the batch, write the files, and print the summary."""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

from segmind_swap import (
    ConfigurationError,
    Journal,
    JournalError,
    KnownThumbnails,
    OriginalNotDoneError,
    Outcomes,
    OutcomeState,
    PollPolicy,
    RateLimit,
    RetryPolicy,
    SwapClient,
    SwapOutcome,
    flag_results,
)

from .._emulator_engine import LEADS, Engine
from .._report.thumbnails import Thumbnails
from .._terminal.console import errors_logged, print_text, status_display
from .._terminal.errors import print_error
from .._terminal.exit_codes import ExitCode
from .._terminal.signals import GracefulShutdown
from .._terminal.text import format_usd, one_line
from .checks import CheckedPairs, check_inputs
from .failures import Failures
from .measuring import BackgroundMeasuring
from .options import BatchLimits, BatchOptions
from .pairs_file import Pairs
from .plan import BatchPlan, folder_notes, make_plan, print_plan
from .progress import STATUS_LINE_INTERVAL, BatchProgress
from .relocation import Relocation
from .results import ResultsFile, mark_folder, write_batch_report
from .summary import SETTLED_WITHOUT_PICTURE, BatchSummary

_NO_SWAPS = {Engine.SHEET: "sheets", Engine.NONE: "dots"}
"""The pictures of the emulator that look suspicious, because they are no swaps."""


def run_batch(pairs: Pairs, options: BatchOptions, limits: BatchLimits, settings: dict[str, Any]) -> ExitCode:
    """Checks the inputs, runs the batch and prints the summary; with `--dry-run`, prints the plan instead.

    Args:
        pairs: The inputs.
        options: The options of the command.
        limits: The checked limits of these options.
        settings: The arguments of `SwapClient` that select the service.

    Raises:
        ConfigurationError, JournalError: The batch cannot start. Nothing was sent.
    """
    if options.emulator and options.journal_path.exists():
        raise JournalError(
            f"the journal {options.journal_path} is from an earlier run. A run with --emulator cannot"
            " continue it, because the jobs of a run end with its emulator. Give another --out. For a batch"
            " that can be continued, start `segmind-swap emulator` in another terminal and set"
            " SEGMIND_BASE_URL",
            path=str(options.journal_path),
        )
    settings = client_settings_of(options, limits, settings)
    once_per_picture = options.once_per_picture
    checked = asyncio.run(_check(pairs, options, settings))
    if checked.refusal and (options.as_json or not options.dry_run):
        raise ConfigurationError(checked.refusal)
    pairs = checked.pairs
    plan = make_plan(
        pairs.requests,
        options.journal_path,
        retry_failed=options.retry_failed,
        failed_is_free=options.failed_is_free,
        copies=checked.ids_of_copies if once_per_picture else (),
    )
    if options.dry_run:
        print_plan(plan, checked, limits, once_per_picture=once_per_picture, as_json=options.as_json)
        if checked.refusal:
            raise ConfigurationError(checked.refusal)
        return ExitCode.DONE
    notes = checked.notes(price_usd=limits.price_usd, once_per_picture=once_per_picture)
    for note in [*notes, *folder_notes(pairs)]:
        print_error(one_line(note))
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        problem = exc.strerror or str(exc)
        raise ConfigurationError(f"the folder {options.out} cannot be created: {problem}") from None
    return run_to_its_end(BatchRun(checked, plan, options, limits, settings), options)


def run_to_its_end(run: BatchRun, options: BatchOptions) -> ExitCode:
    """Runs the paid part, writes the report, and prints the summary.

    Raises:
        JournalError: The journal cannot be opened. Nothing was sent.
        ConfigurationError: The folder of the results cannot be written. Nothing was sent.
    """
    try:
        mark_folder(options.out, options.journal_path)
    except OSError as exc:
        problem = exc.strerror or str(exc)
        raise ConfigurationError(
            f"the folder {options.out} cannot be written: {problem}; nothing was sent"
        ) from None
    try:
        asyncio.run(run.run())
    except Exception as exc:
        if not run.has_started:
            raise
        # The journal knows what was paid, so the summary and the exit code are true also after a bug.
        traceback.print_exception(exc)
    summary = run.summary()
    if not summary.is_cancelled:
        _write_report(summary, run, options)
    summary.show(as_json=options.as_json)
    if summary.suspicious and not options.as_json and options.engine in _NO_SWAPS:
        print_text(
            f"these are {_NO_SWAPS[options.engine]} of the emulator, and no swaps: so they look suspicious"
        )
    return summary.exit_code


def client_settings_of(
    options: BatchOptions, limits: BatchLimits, settings: dict[str, Any]
) -> dict[str, Any]:
    polling = {} if options.poll_interval is None else {"polling": PollPolicy(interval=options.poll_interval)}
    return {
        **settings,
        **polling,
        "max_in_flight": limits.concurrency,
        "rate_limit": RateLimit(requests_per_minute=limits.rpm),
        "retry": RetryPolicy(submit="strict" if options.strict else "documented"),
        "timeout": options.timeout,
    }


async def _check(pairs: Pairs, options: BatchOptions, settings: dict[str, Any]) -> CheckedPairs:
    async with SwapClient(**settings) as client:
        return await check_inputs(
            client, pairs, out=options.out, journal=options.journal_path, skip_bad=options.skip_bad
        )


class BatchRun:
    """The paid part of the command."""

    is_redo = False

    def __init__(
        self,
        checked: CheckedPairs,
        plan: BatchPlan,
        options: BatchOptions,
        limits: BatchLimits,
        settings: dict[str, Any],
    ) -> None:
        requests = self._requests = checked.pairs.requests
        self._checked = checked
        self._plan = plan
        self._options = options
        self._limits = limits
        self._settings = settings
        self._progress = BatchProgress(plan, limits)
        self._results = ResultsFile(options.out)
        self._measuring = BackgroundMeasuring(options.journal_path)
        self._shutdown = GracefulShutdown(self._stop)
        self._outcomes: Outcomes | None = None
        self._without_outcome = {request.id: request for request in requests}
        self.relocation = Relocation(options.out.resolve(), requests)
        self._settled_earlier: Counter[OutcomeState] = Counter()
        self._jobs_without_input: Counter[OutcomeState] = Counter()
        self._failures = Failures()
        self.thumbnails = Thumbnails(options.out.resolve())
        self._copies = 0
        self._held_back = 0

    @property
    def has_started(self) -> bool:
        """Whether a swap may have been sent."""
        return self._outcomes is not None

    async def run(self) -> None:
        """Runs the batch until all swaps ended, until nothing more is submitted, or until a signal ends it.

        Raises:
            JournalError: The journal cannot be opened. Nothing was sent.
        """
        with self._progress.display:
            await self._shutdown.run(self._swap_all, background=self._print_status_lines)

    async def _print_status_lines(self) -> None:
        while True:
            await anyio.sleep(STATUS_LINE_INTERVAL)
            with errors_logged():
                self._progress.print_status_line()

    async def _swap_all(self) -> None:
        async with SwapClient(**self._settings, on_event=self._progress) as client:
            self._progress.rate.set_source(lambda: client.rate)
            async with self._swaps(client) as outcomes:
                self._outcomes = outcomes
                self._progress.set_outcomes(outcomes)
                # A signal before this point could not stop outcomes that did not exist yet.
                if self._shutdown.first_signal is not None:
                    outcomes.stop()
                async for outcome in outcomes:
                    is_input = self._without_outcome.pop(outcome.request.id, None) is not None
                    self._record(outcome, is_input=is_input)
                    with errors_logged():
                        self._progress.add_outcome(outcome, is_input=is_input)
                        self.thumbnails.add_pictures_of(outcome)

    def _swaps(self, client: SwapClient) -> AbstractAsyncContextManager[Outcomes]:
        """The swaps of the run."""
        options, limits = self._options, self._limits
        return client.swap_many(
            self._requests,
            concurrency=limits.concurrency,
            journal=options.journal_path,
            save_to=options.out.resolve(),
            budget_usd=limits.budget_usd,
            price_usd=limits.price_usd,
            failed_runs_are_free=options.failed_is_free,
            retry_failed=options.retry_failed,
            once_per_picture=options.once_per_picture,
            max_futile=options.max_futile or None,
            max_failed=options.max_failed or None,
        )

    def _recorded(self) -> Iterator[SwapOutcome]:
        """What the journal has of the swaps of the run, and of others."""
        return Journal(self._options.journal_path).outcomes()

    def reported_states(self, summary: BatchSummary) -> Counter[OutcomeState]:
        """How many swaps of the report are in each state."""
        return summary.states

    def _add_result(self, outcome: SwapOutcome) -> None:
        """Writes the line of an outcome of this run into `results.jsonl`."""
        self._results.add(outcome)

    def _complete_results(self) -> None:
        """Writes what `results.jsonl` has besides the outcomes of this run: nothing.

        Raises:
            JournalError: The journal cannot be read.
        """

    def unknown_redos(self) -> int:
        """How many redos are unknown that are no swaps of this run.

        Raises:
            JournalError: The journal cannot be read.
        """
        return Journal(self._options.journal_path).summary().redos.get(OutcomeState.UNKNOWN, 0)

    def _record(self, outcome: SwapOutcome, *, is_input: bool) -> None:
        self._add_result(outcome)
        self._measuring.add(outcome)
        self._jobs_without_input[outcome.state] += not is_input
        self._copies += outcome.result is not None and outcome.result.copy_of is not None
        error = outcome.error
        if isinstance(error, OriginalNotDoneError) and OutcomeState(error.original_state).may_cost:
            self._held_back += 1
        if outcome.request.id not in self._plan.finished or outcome.state is OutcomeState.COMPLETED:
            # COMPLETED: the file of an earlier run is gone, and this run could not fetch the picture again.
            self._failures.add(outcome)
        elif is_input and outcome.state in SETTLED_WITHOUT_PICTURE:
            self._settled_earlier[outcome.state] += 1

    def _stop(self, number: signal.Signals) -> None:
        # Before the message: the terminal may be gone.
        if self._outcomes is not None:
            self._outcomes.stop()
        how_to_cancel = "press Ctrl-C again" if number is signal.SIGINT else "send the signal again"
        self._progress.shutdown_started(how_to_cancel)

    @property
    def not_in_journal(self) -> list[SwapOutcome]:
        """After `summary`: the inputs without an outcome and without an entry, and those left out."""
        requests = self._without_outcome.values()
        pending = [SwapOutcome(request=request, state=OutcomeState.PENDING) for request in requests]
        return [*pending, *self._checked.left_out]

    def summary(self) -> BatchSummary:
        """Completes `results.jsonl`, and returns the summary.

        An input without an outcome in this run has the state of its entry in the journal. Without an entry,
        the input is pending; if the journal cannot be read, the input is unknown.
        """
        states = +self._progress.states
        state_without_entry = OutcomeState.PENDING
        problems = []
        unknown_redos = 0
        try:
            for outcome in self._recorded() if self._without_outcome else ():
                if self._without_outcome.pop(outcome.request.id, None) is not None:
                    states[outcome.state] += 1
                    self._record(self.relocation.outcome(outcome), is_input=True)
            self._complete_results()
            unknown_redos = self.unknown_redos()
        except JournalError as exc:
            problems.append(str(exc))
            state_without_entry = OutcomeState.UNKNOWN
        for request in self._without_outcome.values():
            states[state_without_entry] += 1
            self._add_result(SwapOutcome(request=request, state=state_without_entry))
        for outcome in self._checked.left_out:
            self._add_result(outcome)
        with status_display("measuring the last pictures"):
            # Whoever presses Ctrl-C twice waits for nothing more.
            measures = self._measuring.finish(*((0.0,) if self._shutdown.is_cancelled else ()))
        self._results.close(measures)
        suspicious = 0
        with errors_logged():
            suspicious = sum(bool(found.flags) for found in flag_results(measures).values())
        if self._results.problem:
            problems.append(self._results.problem)
        for problem in problems:
            print_error(problem)
        outcomes = self._outcomes
        return BatchSummary(
            states=states,
            settled_earlier=self._settled_earlier,
            without_input=+self._jobs_without_input,
            left_out=self._checked.count_left_out,
            copies=self._copies,
            held_back=self._held_back,
            unknown_redos=unknown_redos,
            failures=self._failures,
            committed_usd=self._plan.committed_usd if outcomes is None else outcomes.committed_usd,
            budget_usd=self._limits.budget_usd,
            stopped_by=None if outcomes is None else outcomes.stopped_by,
            signal=self._shutdown.first_signal,
            is_cancelled=self._shutdown.is_cancelled,
            seconds=self._progress.seconds,
            journal=self._options.journal_path,
            results=None if self._results.problem else self._results.path,
            emulator=self._options.emulator,
            redo=self.is_redo,
            measured=len(measures) if self._measuring.is_possible else None,
            suspicious=suspicious,
        )


def _write_report(summary: BatchSummary, run: BatchRun, options: BatchOptions) -> None:
    states = run.reported_states(summary)
    totals = (
        ("saved", f"{states[OutcomeState.SAVED]:,} of {states.total():,}"),
        ("spent, or perhaps to be paid", format_usd(summary.committed_usd)),
    )
    lead = (
        "The reference, the scene and the result of each swap."
        if options.engine is None
        else LEADS[options.engine]
    )
    if options.engine is Engine.PREVIEW:
        lead += " A pair in which no character was found has a labelled sheet of its two inputs."
    try:
        with status_display("writing the report"):
            summary.report = write_batch_report(
                options.out,
                options.journal_path,
                relocation=run.relocation,
                not_in_journal=run.not_in_journal,
                lead=lead,
                totals=totals,
                thumbnails=KnownThumbnails(options.journal_path, options.out.resolve()),
            )
    except Exception as exc:  # the report decides about nothing
        print_error(f"the report could not be written: {exc}")
