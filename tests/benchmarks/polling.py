"""How often a swap is looked at, and how long after its end that is noticed: in virtual time."""

from collections.abc import Sequence
from statistics import mean

from segmind_swap import RateLimit, SwapClient, SwapRequest

from .clients import KEY, PICTURES, Work, polling
from .findings import Effort, Finding, Found, at_least, at_most
from .service import Conditions, Job, Service
from .virtual import InMemory, in_virtual_time

_INTERVAL = 7.0
_IN_FLIGHT = 300
_ROUNDING = 1e-6


def _run(swaps: int, *, learn: bool) -> Service:
    """A batch that learns when to look, or does not."""
    service = Service(Conditions())
    work = Work(base_url="", swaps=swaps, in_flight=_IN_FLIGHT, interval=_INTERVAL, learn=learn)

    async def batch() -> None:
        client = SwapClient(
            KEY,
            transport=InMemory(service),
            max_in_flight=work.in_flight,
            rate_limit=RateLimit(requests_per_minute=60_000),
            polling=polling(work),
        )
        requests = (SwapRequest(id=f"s{number}", **PICTURES) for number in range(swaps))
        async with client, client.swap_many(requests) as outcomes:
            async for outcome in outcomes:
                outcome.unwrap()

    in_virtual_time(batch())
    return service


def _delay(jobs: Sequence[Job]) -> float:
    return mean(job.seen - job.ends for job in jobs if job.seen is not None)


def polls(effort: Effort) -> Found:
    """Three thousand swaps, 300 in flight; steady is what follows the first third."""
    swaps = effort.swaps(3000)
    findings = []
    series = {}
    for learn in (True, False):
        service = _run(swaps, learn=learn)
        how = "learnt" if learn else "fixed 7 s"
        steady = service.jobs[swaps // 3 :]
        findings += [
            Finding(
                what=f"polls a swap, {how}",
                figure=mean(job.polls for job in steady),
                goal=at_most(7.0) if learn else None,
                note=f"{mean(job.polls for job in service.jobs):.2f} with the first third",
            ),
            Finding(
                what=f"mean delay of detection, {how}",
                figure=_delay(steady),
                unit="s",
                goal=at_most(3.7) if learn else None,
                note=f"{_delay(service.jobs):.2f} s with the first third",
            ),
            Finding(
                what=f"smallest gap between two polls, {how}",
                figure=service.gap,
                unit="s",
                goal=at_least(_INTERVAL - _ROUNDING),
            ),
        ]
        series[f"polls, {how}"] = [job.polls for job in service.jobs]
    return Found(row="polls", findings=findings, series=series)
