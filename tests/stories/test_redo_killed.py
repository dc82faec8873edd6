"""The command `redo` is killed again and again: each mark of a review is paid once, and no picture is lost.

The process, the files and the sockets are real. The marks are made as a person makes them.
"""

import random
import time
from collections import Counter
from itertools import count
from pathlib import Path

import anyio
import pytest

from segmind_swap import Journal, OutcomeState, Review, Verdict
from segmind_swap.emulator import Picture

from ..cli.processes import BATCH, PATIENCE, an_emulator, running, segmind_swap, with_pictures
from ..support.redone import files
from ..support.sessions import png

S = OutcomeState
MARKED = ("s1", "s2", "s5", "s6", "s7")
KILLS = 6


@pytest.mark.parametrize("policy", ["strict", "documented"])
def test_a_redo_that_is_killed_again_and_again_pays_once_for_each_mark(tmp_path: Path, policy: str) -> None:
    (tmp_path / "scenes").mkdir()
    for number in range(8):
        (tmp_path / "scenes" / f"s{number}.png").write_bytes(png(100 + number))
    folder, numbers, moments = with_pictures(tmp_path), count(1), random.Random(policy)

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        await anyio.sleep(0.2)
        return png(next(numbers))

    redo = ["redo", "out", "--pay-again", "--poll-interval", "0.1", "--concurrency", "2"]
    redo += ["--strict"] if policy == "strict" else []
    with an_emulator(engine=engine, duration=0.0) as (emulator, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
        before = files(folder / "out")

        async def mark() -> None:
            review = Review(folder / "out" / "journal.db", folder=folder / "out")
            for id in MARKED:
                await review.decide(id, Verdict.REDO)

        anyio.run(mark)
        for _ in range(KILLS):
            with running(*redo, cwd=folder, **service) as process:
                time.sleep(moments.uniform(0.0, 1.5))
                process.kill()
                process.communicate(timeout=PATIENCE)
        last = segmind_swap(*redo, cwd=folder, **service)
        paid = Counter(charge.character_image for charge in emulator.ledger)
        again = segmind_swap(*redo, cwd=folder, **service)
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode in {0, 4}
        assert Counter(charge.character_image for charge in emulator.ledger) == paid, "nothing is paid again"
    outcomes = {
        (v.outcome.request.id, v.outcome.version): v.outcome
        for v in Journal(folder / "out" / "journal.db").versions()
    }
    redone = {id for id, version in outcomes if version == 2}
    unknown = {id for (id, _), outcome in outcomes.items() if outcome.state is S.UNKNOWN}
    assert redone == set(MARKED)
    assert len(outcomes) == 8 + len(MARKED), "no mark has begun two versions"
    assert {outcome.state for outcome in outcomes.values()} <= {S.SAVED, S.UNKNOWN}
    assert last.returncode == (4 if unknown else 0), last.stderr
    assert again.returncode == last.returncode
    # One charge for each swap, one more for each mark; a redo in doubt was charged or not.
    assert 8 + len(MARKED) - len(unknown) <= sum(paid.values()) <= 8 + len(MARKED)
    now = files(folder / "out")
    for id in MARKED:
        kept = now[f"{id}.png"] if id in unknown else now[f"versions/{id}.1.png"]
        assert kept == before[f"{id}.png"], "the picture that was paid first is still there"
