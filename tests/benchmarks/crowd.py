"""Ten thousand swaps in flight at once: whether the event loop keeps up, and what each of them holds."""

import math

from .clients import FAST
from .findings import Effort, Finding, Found, at_most
from .service import Conditions
from .trial import trial

_PER_MINUTE = 60_000
_INTERVAL = 7.0
_CONDITIONS = Conditions(duration=36.0, sigma=0.1)
_BOUNDS = {FAST: 1.05, "segmind-swap": 1.5}


def ideal(conditions: Conditions, swaps: int) -> float:
    """Seconds that a client without any cost takes which submits at the limit and looks every interval."""
    step = _INTERVAL + conditions.latency
    ends = (
        number * 60.0 / _PER_MINUTE + step * math.ceil(duration / step) + conditions.latency
        for number, duration in enumerate(conditions.durations(swaps))
    )
    return max(ends)


def crowd(effort: Effort) -> Found:
    """All submitted within ten seconds; bare httpx is given up after one and a half times the ideal."""
    swaps = effort.swaps(10_000)
    wanted = ideal(_CONDITIONS, swaps)
    findings = []
    series = {}
    for client in (FAST, "segmind-swap", "bare httpx"):
        is_ours = client in _BOUNDS
        run = trial(
            client,
            _CONDITIONS,
            swaps=swaps,
            in_flight=swaps,
            interval=_INTERVAL,
            first_after=_INTERVAL,
            per_minute=_PER_MINUTE,
            deadline=(2.0 if is_ours else 1.5) * wanted,
        )
        used = run.used
        end = f"{used.done:,} of {swaps:,} done in {used.wall:.0f} s, ideal {wanted:.0f} s"
        findings += [
            Finding(
                what=f"{swaps:,} in flight, wall time of the ideal: {client}",
                figure=used.wall / wanted if used.is_complete else math.inf,
                goal=at_most(_BOUNDS[client]) if is_ours else None,
                note=end,
            ),
            Finding(
                what=f"{swaps:,} in flight, swaps that came to nothing: {client}",
                figure=swaps - used.done,
                goal=at_most(0) if is_ours else None,
                note=used.error[:60],
            ),
            Finding(
                what=f"{swaps:,} in flight, p99 of the loop's lag: {client}",
                figure=used.lag_at(0.99) * 1e3,
                unit="ms",
                goal=at_most(50) if client == FAST else None,
                note=f"at most {used.lag_at(1.0) * 1e3:.0f} ms",
            ),
            Finding(
                what=f"{swaps:,} in flight, memory a swap: {client}",
                figure=used.memory_bytes / swaps / 1024,
                unit="KiB",
                goal=at_most(8) if client == FAST else None,
                note=f"{used.memory_bytes / 2**20:.0f} MiB; {run.cpu_a_request * 1e6:.0f} us CPU a request",
            ),
        ]
        series[client] = [used.lag_at(q / 100) * 1e3 for q in range(1, 101)]
    return Found(row="crowd", findings=findings, series=series)
