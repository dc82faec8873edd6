"""What a swap costs on real connections: CPU, connections, and both as more swaps are in flight."""

from collections.abc import Iterable
from statistics import median

from segmind_swap._http.pools import FAST_POLLS, POLLS
from segmind_swap._policy.durations import PRIOR

from .clients import FAST
from .findings import Effort, Finding, Found, at_least, at_most
from .service import Conditions
from .trial import Trial, trial

OURS = ("segmind-swap", FAST)
POOLS = {"segmind-swap": POLLS, FAST: FAST_POLLS}
_PACE = 10.0
"""How many times faster than life: all seconds are divided by it, and the sequence of events is the same."""


def cpu(effort: Effort) -> Found:
    """A thousand swaps, 300 in flight: what each costs the client's process, in turns."""
    runs: dict[str, list[Trial]] = {}
    conditions = Conditions(latency=0.1 / _PACE, duration=72.0 / _PACE)
    for _ in range(effort.repeats):
        for client in ("bare httpx", *OURS):
            runs.setdefault(client, []).append(
                trial(
                    client,
                    conditions,
                    swaps=effort.swaps(1000),
                    in_flight=300,
                    interval=7.0 / _PACE,
                    # What a batch does by itself at a service that takes its usual time.
                    first_after=PRIOR / _PACE,
                )
            )
    for client in ("requests in threads", "segmind in threads"):
        runs[client] = [
            trial(client, conditions, swaps=effort.swaps(100), in_flight=100, interval=7.0 / _PACE)
        ]
    a_swap = {client: median(run.cpu_a_swap for run in trials) * 1e3 for client, trials in runs.items()}
    bare = a_swap["bare httpx"]
    findings = [
        Finding(what=f"CPU a swap: {FAST}, of bare httpx's", figure=a_swap[FAST] / bare, goal=at_most(0.35)),
        Finding(
            what="CPU a swap: segmind-swap, of bare httpx's",
            figure=a_swap["segmind-swap"] / bare,
            goal=at_most(0.6),
        ),
    ]
    findings.append(
        Finding(
            what="polls a swap by bare httpx: fewer, and the machine was too busy for this row",
            figure=median(run.seen.polls_a_swap for run in runs["bare httpx"]),
            goal=at_least(9.0),
        )
    )
    for client, trials in runs.items():
        findings.append(
            Finding(
                what=f"CPU a swap: {client}",
                figure=a_swap[client],
                unit="ms",
                note=f"{median(run.seen.polls_a_swap for run in trials):.1f} polls a swap,"
                f" {median(run.cpu_a_request for run in trials) * 1e6:.0f} us a request,"
                f" the server {_server_cost(trials[0]):.0f} us",
            )
        )
    _refuse_failures(run for trials in runs.values() for run in trials)
    return Found(row="cpu", findings=findings, series={client: [value] for client, value in a_swap.items()})


def connections(effort: Effort) -> Found:
    """A thousand swaps in flight: how many connections their polls take."""
    findings = []
    pace = 5.0
    conditions = Conditions(duration=72.0 / pace, sigma=0.1)
    for client in ("bare httpx", *OURS):
        run = trial(
            client,
            conditions,
            swaps=effort.swaps(1000),
            in_flight=1000,
            interval=7.0 / pace,
            first_after=7.0 / pace,
        )
        polls, opened = run.seen.requests["poll"], run.seen.connections
        findings.append(
            Finding(
                what=f"connections opened for polls: {client}",
                figure=opened.get("poll", 0),
                goal=at_most(POOLS[client].requests) if client in OURS else None,
                note=f"{polls:,} polls, {run.seen.in_flight:,} in flight,"
                f" {run.used.failed} swaps failed{run.used.error and f': {run.used.error[:40]}'}",
            )
        )
    return Found(row="connections", findings=findings)


def growth(effort: Effort) -> Found:
    """As many requests a second by 100 swaps as by 5,000, which are that much slower: what each costs."""
    findings = []
    swaps = effort.swaps(5000)
    for client in OURS:
        costs = []
        for in_flight in (100, swaps):
            pace = swaps / in_flight
            run = trial(
                client,
                Conditions(latency=0.1 / pace, duration=21.0 / pace, sigma=0.1),
                swaps=swaps,
                in_flight=in_flight,
                interval=7.0 / pace,
                first_after=7.0 / pace,
                learn=False,
                per_minute=60_000,
            )
            _refuse_failures([run])
            costs.append(run.cpu_a_request * 1e6)
        few, many = costs
        findings.append(
            Finding(
                what=f"CPU a request with {swaps:,} in flight, of that with 100: {client}",
                figure=many / few,
                goal=at_most(1.6),
                note=f"{many:.0f} us, {few:.0f} us",
            )
        )
    return Found(row="growth", findings=findings)


def _server_cost(run: Trial) -> float:
    return run.seen.cpu / max(1, sum(run.seen.requests.values())) * 1e6


def _refuse_failures(runs: Iterable[Trial]) -> None:
    """A client that failed did less, and its figure would be too good."""
    for run in runs:
        if run.used.failed:
            raise RuntimeError(f"{run.client}: {run.used.failed} swaps failed: {run.used.error}")
