"""Visitors of an application that is killed: what each of them got, what was paid, and the polls."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

from segmind_swap import PRICE_USD, Journal, OutcomeState

from .application import Application, application
from .guide import write_application
from .visitor import Visitor
from .witness import Testimony, Witness, witness

MAX_PER_OWNER = 3
"""How many unfinished swaps the guide's application allows a visitor."""

TAKEOVER = 5.0
"""Seconds within which another worker goes on."""

_QUIET = 15.0
"""Seconds without a submit after which all of them were sent."""

_ON_ITS_WAY = 0.1
_SLACK = 0.95
"""The share of an interval after which a poll is no poll too early: clocks of two processes are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done.

    Attributes:
        tabs: How many streams each visitor reads.
        kills: At which shares of the billed swaps all processes of the application are killed.
        holder_kills: At which shares the worker that submits is killed, and the other goes on.
        job_seconds: The seconds of a job.
        interval: Seconds between two polls of a job.
        submit_delay: Seconds for which a submit is accepted, and its answer still on the wire.
    """

    users: int
    tabs: int
    kills: Sequence[float]
    holder_kills: Sequence[float]
    job_seconds: float
    interval: float
    submit_delay: float


@dataclass(slots=True)
class Kill:
    """One kill.

    Attributes:
        is_whole: Whether all processes of the application were killed, and not only one worker.
        on_wire: The submits that the emulator had not answered at that moment.
        sending: The swaps that the journal has in doubt since then.
        at: On the clock of the machine.
        takeover: Seconds until another process had the lock.
        silence: Seconds until the next poll or submit came in at the emulator.
    """

    is_whole: bool
    sending: int
    at: float
    takeover: float
    on_wire: int = 0
    silence: float = 0.0

    @property
    def what(self) -> str:
        """The words of the table."""
        return "all processes, and a new start" if self.is_whole else "the worker that submits"


@dataclass(slots=True, kw_only=True)
class Proof:
    """What was found. `complaints` is empty if everything is as it must be."""

    plan: Plan
    ends: Counter[str]
    pictures: int
    told: int
    kills: list[Kill]
    paid_twice: int
    resent: int
    lost: int
    listeners: int
    reconnects: int
    polls: int
    jobs: int
    early_polls: int
    closest: float
    longest_put: float
    refused: Counter[int]
    budget_usd: float
    spent_usd: float
    journal_usd: float
    not_billed: int
    seconds: float
    complaints: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The table."""
        plan = self.plan
        return [
            ("users at once", f"{plan.users}"),
            ("pictures, each from the application itself", f"{self.pictures}"),
            ("unknown, each told what to do", f"{self.ends['unknown']} ({self.told} told)"),
            ("any other end", f"{sum(self.ends.values()) - self.ends['saved'] - self.ends['unknown']}"),
            *(
                (
                    f"kill of {kill.what}",
                    f"{kill.on_wire} submits on the wire, {kill.sending} in doubt in the journal;"
                    f" lock taken over after {kill.takeover:.1f} s, next request after {kill.silence:.1f} s",
                )
                for kill in self.kills
            ),
            ("paid twice", f"{self.paid_twice}"),
            ("unknown sent again by itself", f"{self.resent}"),
            ("paid, and neither a picture nor unknown", f"{self.lost}"),
            ("streams of events at once", f"{self.listeners} ({self.reconnects} connected again)"),
            ("polls", f"{self.polls} of {self.jobs} jobs, {self.polls / max(1, self.jobs):.1f} a job"),
            (
                f"polls of a job sooner than {plan.interval:g} s after the last, by one process",
                f"{self.early_polls} (closest {self.closest:.2f} s)",
            ),
            ("longest time until an upload was answered, restarts included", f"{self.longest_put:.1f} s"),
            (
                "caps: 5 swaps at once of one owner, then 1 of another",
                ", ".join(f"{count} x {status}" for status, count in sorted(self.refused.items())),
            ),
            ("daily budget", f"${self.budget_usd:.4f}"),
            ("the emulator's ledger", f"${self.spent_usd:.4f}"),
            (
                "the journal, unknown included",
                f"${self.journal_usd:.4f}: {self.not_billed} unknown were not billed",
            ),
            ("seconds", f"{self.seconds:.0f}"),
        ]


def prove(plan: Plan, folder: Path) -> Proof:
    """Does it, in an empty folder."""
    write_application(folder)
    # One more swap is left after those of the visitors and those of the owner who asks for too many.
    budget = PRICE_USD * (plan.users + MAX_PER_OWNER + 0.5)
    with (
        witness(job_seconds=plan.job_seconds, submit_delay=plan.submit_delay) as seen,
        application(folder, upstream=seen.url, interval=plan.interval, budget_usd=budget) as site,
    ):
        started = time.monotonic()
        visitors = [Visitor(site.url, f"visitor {number}", plan.tabs) for number in range(plan.users)]
        kills, refused = asyncio.run(_day(plan, site, seen, visitors))
        return _judged(
            plan,
            visitors=visitors,
            kills=kills,
            refused=refused,
            seen=seen.asked(),
            site=site,
            budget=budget,
            seconds=time.monotonic() - started,
        )


async def _day(
    plan: Plan, site: Application, seen: Witness, visitors: Sequence[Visitor]
) -> tuple[list[Kill], Counter[int]]:
    visits = [asyncio.create_task(visitor.visit()) for visitor in visitors]
    kills = await asyncio.to_thread(_kill, plan, site, seen)
    await asyncio.gather(*visits)
    refused = await _ask_for_too_much(site)
    return kills, refused


def _kill(plan: Plan, site: Application, seen: Witness) -> list[Kill]:
    """Kills the application and its workers while submits are on the wire."""
    whole = ((share, True) for share in plan.kills)
    holders = ((share, False) for share in plan.holder_kills)
    kills: list[Kill] = []
    for share, is_whole in sorted([*whole, *holders]):
        _wait_for_submits(seen, share * plan.users)
        unknown = site.ids(OutcomeState.UNKNOWN)
        at = time.monotonic()
        killed = site.kill() if is_whole else site.kill_holder()
        # Read before another process has the lock, which makes them unknown and sends others.
        sending = site.ids(OutcomeState.SENDING, OutcomeState.UNKNOWN) - unknown
        if is_whole:
            site.start()
        site.wait_for_holder(other_than=killed)
        kills.append(Kill(is_whole, len(sending), at, time.monotonic() - at))
    return kills


def _wait_for_submits(seen: Witness, billed: float) -> None:
    """Waits until so many swaps are billed and a submit is on the wire, or until no more submits come."""
    while True:
        now = seen.asked()
        is_quiet = time.monotonic() - max((begun for begun, _ in now.submits), default=math.inf) > _QUIET
        if is_quiet or (len(now.scenes) >= billed and now.on_wire()):
            return
        time.sleep(0.01)


async def _ask_for_too_much(site: Application) -> Counter[int]:
    """Five swaps of one owner, then one of another: the statuses of the answers."""
    swaps = [Visitor(site.url, f"greedy {number}", 1) for number in range(MAX_PER_OWNER + 2)]
    late = Visitor(site.url, "late", 1)
    statuses: Counter[int] = Counter()
    async with swaps[0].browser() as greedy, late.browser() as other:
        await swaps[0].open_page(greedy)
        for swap in swaps:
            status = await swap.send(greedy)
            statuses[status or 0] += 1
        await late.open_page(other)
        statuses[await late.send(other) or 0] += 1
        await asyncio.gather(*(swap.listen(greedy) for swap in swaps[:MAX_PER_OWNER]))
    return statuses


def _judged(
    plan: Plan,
    *,
    visitors: Sequence[Visitor],
    kills: list[Kill],
    refused: Counter[int],
    seen: Testimony,
    site: Application,
    budget: float,
    seconds: float,
) -> Proof:
    ends = Counter(visitor.end for visitor in visitors)
    billed = Counter(seen.scenes)
    unknown = {visitor.scene_sha256 for visitor in visitors if visitor.end == "unknown"}
    ours = {visitor.scene_sha256: visitor for visitor in visitors}
    for kill in kills:
        kill.on_wire = seen.on_wire(kill.at)
        asked = chain((begun for begun, _ in seen.submits), *seen.polls.values())
        # What came in at the moment of the kill was on its way.
        later = (at for at in asked if at > kill.at + _ON_ITS_WAY)
        kill.silence = min(later, default=math.nan) - kill.at
    gaps = [
        later - earlier
        for polls in seen.polls.values()
        for earlier, later in pairwise(polls)
        if not any(earlier <= kill.at + kill.takeover and kill.at <= later for kill in kills)
    ]
    summary = Journal(site.journal).summary()
    proof = Proof(
        plan=plan,
        ends=ends,
        pictures=sum(visitor.has_picture for visitor in visitors),
        told=sum(bool(visitor.message) for visitor in visitors if visitor.end == "unknown"),
        kills=kills,
        paid_twice=sum(count > 1 for count in billed.values()),
        resent=sum(billed[scene] > 1 for scene in unknown),
        lost=sum(scene in ours and not (ours[scene].has_picture or scene in unknown) for scene in billed),
        listeners=plan.users * plan.tabs,
        reconnects=sum(visitor.connected - plan.tabs for visitor in visitors),
        polls=seen.calls["poll"],
        jobs=len(seen.polls),
        early_polls=sum(gap < _SLACK * plan.interval for gap in gaps),
        closest=min(gaps, default=math.inf),
        longest_put=max(visitor.took for visitor in visitors),
        refused=refused,
        budget_usd=budget,
        spent_usd=seen.spent_usd,
        journal_usd=summary.committed_usd,
        not_billed=sum(not billed[scene] for scene in unknown),
        seconds=seconds,
    )
    proof.complaints = list(_complaints(proof, summary.states))
    return proof


def _complaints(proof: Proof, states: Mapping[OutcomeState, int]) -> Iterator[str]:
    """What is not as it must be."""
    unknown, in_doubt = proof.ends["unknown"], sum(kill.sending for kill in proof.kills)
    must_be_zero = {
        "users with neither a picture nor unknown": proof.plan.users - proof.pictures - unknown,
        "unknown that were not told what to do": unknown - proof.told,
        "unknown beyond those that were in doubt at a kill": max(0, unknown - in_doubt),
        "paid twice": proof.paid_twice,
        "unknown, and sent again": proof.resent,
        "paid, and lost": proof.lost,
        "polls that came too early": proof.early_polls,
        "kills that were not made": len([*proof.plan.kills, *proof.plan.holder_kills]) - len(proof.kills),
        "swaps that are not ended": sum(states.values()) - states.get(OutcomeState.SAVED, 0) - unknown,
    }
    yield from (f"{what}: {count}" for what, count in must_be_zero.items() if count)
    if proof.refused != {202: MAX_PER_OWNER, 429: 2, 503: 1}:
        yield f"the caps: {dict(proof.refused)}"
    yield from (
        f"taken over after {kill.takeover:.1f} s"
        for kill in proof.kills
        if not kill.is_whole and kill.takeover > TAKEOVER
    )
    expected = proof.spent_usd + PRICE_USD * proof.not_billed
    if abs(proof.journal_usd - expected) > 1e-6:
        yield f"the journal has ${proof.journal_usd:.4f}, and not ${expected:.4f}"
