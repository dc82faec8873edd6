"""Many swaps through everything at once, in a process that is killed on the way: `nox -s soak`."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segmind_swap.emulator import Emulator, Fault

from .batch import PATIENCE, POLICIES, Plan
from .calls import Share
from .proxy import Proxy, Trouble
from .trial import JOB, account, child, killed

KILLS = 4
CONCURRENCY = 64
SHARE = 0.05
RARE = 0.0025
"""Of 429s, each of which stops everybody for a second."""

_TROUBLES: list[dict[str, Any]] = [
    {"on": "submit", "request_bytes": -1},
    {"on": "submit", "answer_bytes": 0, "ending": "reset"},
    {"on": "submit", "answer_bytes": 100},
    {"on": "submit", "silent": True},
    {"on": "submit", "slice_bytes": 7},
    {"on": "poll", "answer_bytes": 0, "ending": "reset"},
    {"on": "poll", "answer_bytes": 100, "ending": "half-close"},
    {"on": "poll", "hold": PATIENCE + 1.0},
    {"on": "download", "answer_bytes": -1, "ending": "reset"},
    {"on": "download", "request_bytes": 40},
    {"on": "download", "slice_bytes": 7},
]
_FAULTS: list[dict[str, Any]] = [
    {"on": "submit", "status": 502, "accepts": True},
    {"on": "submit", "status": 504},
    {"on": "submit", "malformed": "truncated"},
    {"on": "poll", "status": 502},
    {"on": "poll", "malformed": "html"},
    {"on": "file", "status": 503},
    {"on": "file", "malformed": "truncated"},
]
_LIMITED: list[dict[str, Any]] = [
    {"on": "submit", "status": 429, "headers": {"retry-after": "1"}},
    {"on": "poll", "status": 429, "headers": {"retry-after": "1"}},
]


def _troubles() -> Iterator[Trouble]:
    for number, what in enumerate(_TROUBLES):
        yield Trouble(calls=Share(SHARE, f"trouble {number}"), **what)


def _faults() -> Iterator[Fault]:
    for number, what in enumerate(_LIMITED):
        yield Fault(calls=Share(RARE, f"limit {number}"), **what)
    for number, what in enumerate(_FAULTS):
        yield Fault(calls=Share(SHARE, f"fault {number}"), **what)


def main() -> int:
    """Ends with 1 if something was paid twice, or lost."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=__doc__)
    parser.add_argument("--swaps", type=int, default=10_000)
    parser.add_argument("--policy", choices=POLICIES, default="documented")
    parser.add_argument("--loop", choices=("asyncio", "trio"), default="asyncio")
    options = parser.parse_args()
    emulator = Emulator(duration=JOB, engine="none", credits_usd=1e6)
    faults, troubles = list(_faults()), list(_troubles())
    for fault in faults:
        emulator.inject(fault)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, emulator.serve() as server:
        proxy = Proxy(server, troubles)
        with proxy.serve() as url:
            plan = Plan(
                url=url,
                folder=Path(folder),
                swaps=options.swaps,
                concurrency=CONCURRENCY,
                policy=options.policy,
                loop=options.loop,
                limit=3600.0,
            )
            for number in range(1, KILLS + 1):
                assert killed(plan, emulator, plan.swaps * number // (KILLS + 1))
                print(f"killed after {emulator.count('submit')} submits", flush=True)
            with child(plan) as process:
                assert process.wait() == 0
            proxy.troubles = ()
            emulator.withdraw_all()
            with child(plan) as process:
                assert process.wait() == 0
        found = account(plan, emulator)
    took = time.monotonic() - started
    calls = [fault.calls for fault in faults] + [trouble.calls for trouble in troubles]
    hits = sum(share.hit for share in calls if isinstance(share, Share))
    print(
        f"{options.swaps} swaps ({options.policy}, {options.loop}), killed {KILLS} times, in {took:.0f} s:"
        f" {proxy.requests} requests, {hits} of them with a fault\n"
        f"saved {found.saved}, unknown {found.unknown}, billed {found.billed}, of which"
        f" {found.duplicates} were told as possible duplicates\n"
        f"paid twice {found.paid_twice}, lost {found.lost}"
    )
    return 1 if found.paid_twice or found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
