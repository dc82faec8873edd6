"""One fault, put to a batch: what the emulator's ledger and the batch's journal then say, together."""

import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from os import environ
from pathlib import Path

from segmind_swap import Event, Journal, OutcomeState, RetryScheduled, SubmissionUnknownError, SwapOutcome
from segmind_swap.emulator import Emulator, Fault
from segmind_swap.emulator._pictures.dot import dot

from .batch import POLICIES, Plan, Policy, command, requests, run
from .mechanisms import deleted
from .proxy import Proxy, Trouble
from .rows import NO_FAULT, ROWS, Row, foreign_answer

S = OutcomeState
JOB = 0.3
"""Seconds a job takes."""

PICTURE = dot()
"""What every job returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What two witnesses say of a batch.

    Attributes:
        paid_twice: Bills beyond what the journal says may have been paid; under `strict`, beyond one a swap.
        lost: Swaps that were billed and cannot be found, or that are in no final state.
        unknown: Swaps that are listed as perhaps paid.
        duplicates: Second bills that `possible_duplicates` told of.
    """

    paid_twice: int
    lost: int
    unknown: int
    duplicates: int
    saved: int
    billed: int


def account(plan: Plan, emulator: Emulator) -> Account:
    """Confronts ledger and journal."""
    known = {outcome.request.id: outcome for outcome in Journal(plan.journal).outcomes()}
    billed = Counter(charge.character_image.rpartition("/")[2] for charge in emulator.ledger)
    paid_twice = lost = duplicates = 0
    for request in requests(plan.swaps):
        outcome, times = known.get(request.id), billed[request.id or ""]
        excess = max(0, times - _may_be_billed(outcome, plan.policy))
        paid_twice += excess
        duplicates += max(0, times - 1) - excess
        lost += outcome is None or not _is_accounted_for(outcome, times, plan)
    states = Counter(outcome.state for outcome in known.values())
    return Account(
        paid_twice=paid_twice,
        lost=lost,
        unknown=states[S.UNKNOWN],
        duplicates=duplicates,
        saved=states[S.SAVED],
        billed=len(emulator.ledger),
    )


def _may_be_billed(outcome: SwapOutcome | None, policy: Policy) -> int:
    if outcome is None or policy == "strict":
        return 1
    if isinstance(outcome.error, SubmissionUnknownError):
        return outcome.error.possible_duplicates
    return 1 if outcome.job is None else 1 + outcome.job.possible_duplicates


def _is_accounted_for(outcome: SwapOutcome, times: int, plan: Plan) -> bool:
    match outcome.state:
        case S.SAVED:
            picture = plan.pictures / f"{outcome.request.id}.png"
            return picture.is_file() and picture.read_bytes() == PICTURE
        case S.UNKNOWN:
            return True
        case S.REJECTED:
            return times == 0
        case _:
            # A run without faults has followed: nothing is under way any more.
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A row's result.

    Attributes:
        trials: How often the fault was injected.
        requests: All that the client made, in both runs.
        complaints: What else did not hold.
    """

    row: str
    policy: Policy
    trials: int
    account: Account | None
    requests: int
    complaints: tuple[str, ...]

    @property
    def is_red(self) -> bool:
        """Whether something that must be zero is not."""
        return self.account is None or bool(self.account.paid_twice or self.account.lost or self.complaints)


def trial(name: str, policy: Policy, swaps: int, without: str | None = None) -> Figures:
    """Runs a batch with a fault, and once more without; never raises what comes of a deleted mechanism.

    A row runs on asyncio under one policy and on trio under the other.
    """
    row = ROWS[name]
    loop = ("asyncio", "trio")[(list(ROWS).index(name) + POLICIES.index(policy)) % 2]
    calls = row.calls()
    emulator = Emulator(duration=JOB, engine="none", credits_usd=1e6, **row.service)
    foreign = Emulator(api_key=None)
    complaints = []
    kills = 0
    refused: Counter[str] = Counter()

    def count(event: Event) -> None:
        if isinstance(event, RetryScheduled) and "connection refused" in event.cause:
            refused[event.call] += 1

    found: Account | None = None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        proxy = Proxy(stack.enter_context(emulator.serve()))
        elsewhere = stack.enter_context(foreign.serve())
        foreign.inject(foreign_answer(elsewhere))
        plan = Plan(
            url=stack.enter_context(proxy.serve()),
            folder=folder,
            swaps=swaps,
            concurrency=row.concurrency,
            policy=policy,
            loop=loop,
            max_futile=row.max_futile,
        )
        wrong = row.wrong(calls, elsewhere)
        proxy.troubles = tuple(one for one in wrong if isinstance(one, Trouble))
        for one in wrong:
            if isinstance(one, Fault):
                emulator.inject(one)
        try:
            with deleted(without):
                for _ in range(row.kills):
                    kills += killed(plan, emulator, emulator.count("submit") + row.concurrency, without)
                run(plan, on_event=count)
                proxy.troubles = ()
                emulator.withdraw_all()
                run(plan)
            found = account(plan, emulator)
        except Exception as exc:
            complaints.append(f"{type(exc).__name__}: {exc}")
    if row.kills:
        trials = kills
    elif row.refuses:
        trials = refused.total()
    else:
        trials = emulator.count("poll") if row.service else calls.hit
    if not trials and row is not NO_FAULT:
        complaints.append("the fault was never injected: give it more swaps")
    complaints += [f"no {call} met a refused connection" for call in row.refuses if not refused[call]]
    if found is not None and row.most_unknown is not None and found.unknown > row.most_unknown:
        complaints.append(f"{found.unknown} swaps are unknown, more than {row.most_unknown}")
    complaints += _complaints(row, emulator, foreign)
    return Figures(
        row=name,
        policy=policy,
        trials=trials,
        account=found,
        requests=proxy.requests,
        complaints=tuple(complaints),
    )


def _complaints(row: Row, emulator: Emulator, foreign: Emulator) -> list[str]:
    complaints = []
    seen = sum(bool(call.schemes) for call in foreign.calls)
    if seen:
        complaints.append(f"a foreign host saw the key {seen} times")
    answers = Counter(call.status for call in emulator.calls if call.kind == "submit")
    for status, most in row.at_most.items():
        if answers[status] > most:
            complaints.append(f"{answers[status]} submits met a {status}, more than {most}")
    return complaints


def killed(plan: Plan, emulator: Emulator, submits: int, without: str | None = None) -> bool:
    """Starts the batch in a process of its own, and kills it when so many submits have arrived.

    False if it had ended before.
    """
    with child(plan, without) as process:
        while emulator.count("submit") < submits and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    return process.returncode == -signal.SIGKILL


def child(plan: Plan, without: str | None = None) -> "subprocess.Popen[str]":
    """The batch as a process."""
    tests = Path(__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", f"{Path(__file__).parent.name}.batch", *command(plan, without)],
        stdout=subprocess.PIPE,
        text=True,
        # The package itself comes from where it is installed.
        env={**environ, "PYTHONPATH": str(tests), "PYTHONSAFEPATH": "1"},
    )
