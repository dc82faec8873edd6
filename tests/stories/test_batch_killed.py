"""A batch whose process is killed again and again, on real files and real sockets."""

import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap.emulator import Emulator

from ..support.forked import Forked

S = OutcomeState
ITEMS = 300
KILLS = 20

PROGRAM = """
import sys
import anyio
from segmind_swap import PollPolicy, RetryPolicy, SwapClient, SwapRequest

async def main():
    _, url, folder, items, _ = sys.argv
    requests = [
        SwapRequest(
            id=f"s{n}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/s{n}",
        )
        for n in range(int(items))
    ]
    async with SwapClient(
        "emulator-key",
        base_url=url,
        max_in_flight=12,
        polling=PollPolicy(interval=0.1),
        retry=RetryPolicy(submit="strict"),
    ) as client:
        batch = client.swap_many(requests, journal=f"{folder}/run.db", save_to=f"{folder}/out")
        async with batch as outcomes:
            print("begun", flush=True)
            async for _ in outcomes:
                pass

anyio.run(main, backend=sys.argv[4])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_batch_killed_at_random_moments_pays_nothing_twice_and_loses_nothing(
    backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items, kills = (ITEMS, KILLS) if backend == "asyncio" else (ITEMS // 5, KILLS // 4)
    random_moments = random.Random(backend)
    emulator = Emulator(duration=0.4, engine="none", credits_usd=1e6)
    killed = 0
    with emulator.serve() as url:
        while True:
            with Forked(PROGRAM, url, str(tmp_path), str(items), backend) as process:
                assert process.stdout.readline() == "begun\n"
                if killed < kills:
                    time.sleep(random_moments.uniform(0.0, 0.7))
                    process.kill()
                    killed += 1
                elif process.wait() == 0:
                    break
    states = Journal(tmp_path / "run.db").summary().states
    billed = Counter(charge.character_image.rpartition("/")[2] for charge in emulator.ledger)
    saved = {outcome.request.id for outcome in Journal(tmp_path / "run.db").outcomes(S.SAVED)}
    unknown = {outcome.request.id for outcome in Journal(tmp_path / "run.db").outcomes(S.UNKNOWN)}
    with capsys.disabled():
        print(
            f"\n{backend}: {items} swaps, killed {killed} times: {len(emulator.ledger)} billed, paid twice"
            f" {len(emulator.paid_twice())}, saved {len(saved)}, unknown {len(unknown)}",
            file=sys.stderr,
        )
    assert emulator.paid_twice() == []
    assert set(states) <= {S.SAVED, S.UNKNOWN}
    assert sum(states.values()) == items, "every item has its state"
    assert set(billed) <= saved | unknown, "nothing that was billed is lost"
    assert saved <= set(billed)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == sorted(f"{id}.png" for id in saved), "no half-written file, and none missing"
