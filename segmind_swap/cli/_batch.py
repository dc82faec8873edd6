"""The batch command: look at everything, run it, and leave behind what can be looked at and gone on with."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

from segmind_swap import (
    ConfigurationError,
    Journal,
    JournalError,
    Outcomes,
    OutcomeState,
    PollPolicy,
    RateLimit,
    RetryPolicy,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)

from ._batch_plan import Limits, Plan, check_all, plan_of, show_plan
from ._batch_progress import BEAT, Progress
from ._batch_results import Results, write_page
from ._batch_summary import Ending
from ._exit_codes import Exit, complain
from ._pairs_file import Pairs
from ._signals import Interrupts


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    out: Path
    journal: Path
    limits: Limits
    poll_interval: float | None
    strict: bool
    timeout: float
    retry_failed: bool
    dry_run: bool
    emulator: bool
    as_json: bool


def run_batch(pairs: Pairs, options: Options, settings: dict[str, Any]) -> Exit:
    """Checks, runs and tells; returns the exit code.

    Raises:
        ConfigurationError, JournalError: it cannot be begun. Nothing was sent.
    """
    if options.emulator and options.journal.exists():
        raise JournalError(
            f"the journal {options.journal} is that of an earlier run, and an emulator of one run cannot go"
            " on with it: jobs end with their emulator. Give another --out; or, to be able to go on, start"
            " `segmind-swap emulator` in another terminal and set SEGMIND_BASE_URL",
            path=str(options.journal),
        )
    settings = _settings(options, settings)
    asyncio.run(_check(pairs, options, settings))
    plan = plan_of(pairs.requests, options.journal, retry_failed=options.retry_failed)
    if options.dry_run:
        show_plan(plan, options.limits, as_json=options.as_json)
        return Exit.DONE
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        complaint = exc.strerror or str(exc)
        raise ConfigurationError(f"the folder {options.out} cannot be made: {complaint}") from None
    run = _Run(pairs.requests, plan, options, settings)
    asyncio.run(run.until_the_end())
    ending = run.ending()
    if not ending.at_once:
        _report(ending, run.untaken, options)
    ending.tell(as_json=options.as_json)
    return ending.code


def _settings(options: Options, settings: dict[str, Any]) -> dict[str, Any]:
    polling = {} if options.poll_interval is None else {"polling": PollPolicy(interval=options.poll_interval)}
    return {
        **settings,
        **polling,
        "max_in_flight": options.limits.concurrency,
        "rate_limit": RateLimit(requests_per_minute=options.limits.rpm),
        "retry": RetryPolicy(submit="strict" if options.strict else "documented"),
        "timeout": options.timeout,
    }


async def _check(pairs: Pairs, options: Options, settings: dict[str, Any]) -> None:
    async with SwapClient(**settings) as client:
        await check_all(client, pairs, out=options.out, journal=options.journal)


class _Run:
    """The part that is paid for."""

    def __init__(
        self, requests: Sequence[SwapRequest], plan: Plan, options: Options, settings: dict[str, Any]
    ) -> None:
        self._requests = requests
        self._plan = plan
        self._options = options
        self._settings = settings
        self._progress = Progress(plan, options.limits)
        self._results = Results(options.out)
        self._interrupts = Interrupts(self._stop)
        self._outcomes: Outcomes | None = None
        self._left = {request.id: request for request in requests}

    async def until_the_end(self) -> None:
        """Runs the batch until nothing is left, nothing more is submitted, or somebody ends it.

        Raises:
            JournalError: it cannot be begun.
        """
        with self._progress.screen:
            await self._interrupts.during(self._swap_all, beside=self._beat)

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(BEAT)
            self._progress.beat()

    async def _swap_all(self) -> None:
        options, limits = self._options, self._options.limits
        async with SwapClient(**self._settings, on_event=self._progress) as client:
            many = client.swap_many(
                self._requests,
                concurrency=limits.concurrency,
                journal=options.journal,
                save_to=options.out.resolve(),
                budget_usd=limits.budget_usd,
                price_usd=limits.price_usd,
                retry_failed=options.retry_failed,
            )
            async with many as outcomes:
                self._outcomes = outcomes
                self._progress.follow(outcomes)
                if self._interrupts.first is not None:
                    outcomes.stop()
                async for outcome in outcomes:
                    is_input = self._left.pop(outcome.request.id, None) is not None
                    self._progress.ended(outcome, is_input=is_input)
                    self._results.add(outcome)

    def _stop(self, number: signal.Signals) -> None:
        again = "press Ctrl-C again" if number is signal.SIGINT else "send the signal again"
        self._progress.stopping(again)
        if self._outcomes is not None:
            self._outcomes.stop()

    @property
    def untaken(self) -> Collection[SwapRequest]:
        """The inputs of which, at the end, not even the journal knows."""
        return self._left.values()

    def ending(self) -> Ending:
        """How it ended. Of inputs that did not come out the journal may know; the others are pending."""
        states = +self._progress.states
        rest = OutcomeState.PENDING
        try:
            for outcome in Journal(self._options.journal).outcomes() if self._left else ():
                if self._left.pop(outcome.request.id, None) is not None:
                    states[outcome.state] += 1
                    self._results.add(outcome)
        except JournalError as exc:
            complain(str(exc))
            rest = OutcomeState.UNKNOWN
        for request in self._left.values():
            states[rest] += 1
            self._results.add(SwapOutcome(request=request, state=rest))
        self._results.finish()
        if self._results.complaint:
            complain(self._results.complaint)
        outcomes = self._outcomes
        return Ending(
            states=states,
            committed_usd=self._plan.committed_usd if outcomes is None else outcomes.committed_usd,
            budget_usd=self._options.limits.budget_usd,
            stopped_by=None if outcomes is None else outcomes.stopped_by,
            signal=self._interrupts.first,
            at_once=self._interrupts.at_once,
            seconds=self._progress.seconds,
            journal=self._options.journal,
            results=None if self._results.complaint else self._results.path,
            emulator=self._options.emulator,
        )


def _report(ending: Ending, untaken: Collection[SwapRequest], options: Options) -> None:
    saved = ending.states[OutcomeState.SAVED]
    totals = (
        ("saved", f"{saved:,} of {ending.states.total():,}"),
        ("spent, or perhaps to be paid", f"${ending.committed_usd:,.2f}"),
    )
    lead = (
        "Made on the local emulator, which swaps nothing: each result is a plainly labelled sheet of its two"
        " inputs."
        if options.emulator
        else "Who went in, the scene, and what came of it."
    )
    try:
        with Console(stderr=True, highlight=False).status("writing the report"):
            ending.report = write_page(
                options.out, options.journal, untaken=untaken, lead=lead, totals=totals
            )
    except (OSError, JournalError) as exc:
        complain(f"the report could not be written: {exc}")
