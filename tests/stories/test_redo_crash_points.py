"""The process of a redo is killed at each point, and run again: the service has billed what was marked, once.

After each kill, the picture of the version before is in a file. Then either the same redo comes first, or the
batch's own command, which submits nothing.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap.emulator import Emulator, Picture

from ..support import crash_process as dying
from ..support.redone import files
from ..support.sessions import png
from .test_crash_points import SIDE_BY_SIDE, Runners, charges_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process forks itself here")

S = OutcomeState
ITEMS = 2
DYING = "s1"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a redo is killed.

    Attributes:
        name: As `dying` has it.
        left: The state of the new version in the journal then; None if the version was not begun.
        end: What the same redo makes of it.
        billed: How often the new version is billed when the process is dead.
    """

    name: str
    left: OutcomeState | None
    end: OutcomeState
    billed: tuple[int, ...]


POINTS = [
    Point("begun in its commit", None, S.SAVED, (0,)),
    Point("begun committed", S.PENDING, S.SAVED, (0,)),
    Point("sending in its commit", S.PENDING, S.SAVED, (0,)),
    Point("sending committed", S.SENDING, S.UNKNOWN, (0,)),
    Point("before the last byte", S.SENDING, S.UNKNOWN, (0,)),
    Point("after the last byte", S.SENDING, S.UNKNOWN, (0, 1)),
    Point("submit answered", S.SENDING, S.UNKNOWN, (1,)),
    Point("accepted in its commit", S.SENDING, S.UNKNOWN, (1,)),
    Point("accepted committed", S.ACCEPTED, S.SAVED, (1,)),
    Point("poll answered", S.ACCEPTED, S.SAVED, (1,)),
    Point("completed in its commit", S.ACCEPTED, S.SAVED, (1,)),
    Point("completed committed", S.COMPLETED, S.SAVED, (1,)),
    Point("earlier file to be kept", S.COMPLETED, S.SAVED, (1,)),
    Point("earlier file kept", S.COMPLETED, S.SAVED, (1,)),
    Point("earlier saved in its commit", S.COMPLETED, S.SAVED, (1,)),
    Point("earlier saved committed", S.COMPLETED, S.SAVED, (1,)),
    Point("download answered", S.COMPLETED, S.SAVED, (1,)),
    Point("half a file", S.COMPLETED, S.SAVED, (1,)),
    Point("file to be renamed", S.COMPLETED, S.SAVED, (1,)),
    Point("file renamed", S.COMPLETED, S.SAVED, (1,)),
    Point("saved in its commit", S.COMPLETED, S.SAVED, (1,)),
    Point("saved committed", S.SAVED, S.SAVED, (1,)),
    Point("outcome given", S.SAVED, S.SAVED, (1,)),
]

Policy = Literal["documented", "strict"]
CASES: list[tuple[str, Policy, bool]] = [("asyncio", "strict", False), ("trio", "documented", True)]
"""The event loop, the policy, and whether the batch's own command comes before the same redo."""


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    runners = Runners(SIDE_BY_SIDE)
    yield runners
    runners.close()


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    numbers = count(1)

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        return png(next(numbers))

    emulator = Emulator(duration=0.01, engine=engine, credits_usd=1e6)
    with emulator.serve() as url:
        yield emulator, url


def states_in(folder: Path) -> dict[tuple[str, int], OutcomeState]:
    """The state of each version."""
    outcomes = [version.outcome for version in Journal(folder / "run.db").versions()]
    return {(str(outcome.request.id), outcome.version): outcome.state for outcome in outcomes}


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one case."""

    runners: Runners
    service: tuple[Emulator, str]
    folder: Path

    def __call__(self, point: Point, case: tuple[str, Policy, bool]) -> None:
        emulator, url = self.service
        backend, policy, is_batch_first = case
        folder = self.folder / backend
        folder.mkdir()
        scenes = f"https://pictures.example{folder.as_posix()}"
        batch = dying.Case(
            url=url,
            folder=str(folder),
            scenes=scenes,
            items=ITEMS,
            at_once=1,
            backend=backend,
            point="",
            id=DYING,
            redo=False,
            once=False,
            policy=policy,
        )
        redo: dying.Case = {**batch, "redo": True}
        assert self.runners.run(batch) == 0
        first = files(folder / "out")
        assert len(first) == ITEMS

        assert self.runners.run({**redo, "point": point.name}) == -signal.SIGKILL, f"{case}: not killed"
        left = states_in(folder)
        assert left.get((DYING, 2)) is point.left, case
        # Both versions were begun in one step, before the first POST.
        assert (("s0", 2) in left) is (point.left is not None), case
        assert set(first.values()) <= set(files(folder / "out").values()), f"{case}: a paid picture is lost"

        for run in (batch, redo) if is_batch_first else (redo, batch):
            paid = len(charges_of(emulator, scenes))
            assert self.runners.run(run) == 0, f"{case}: the next run comes to its end"
            if run is batch and not is_batch_first:
                assert len(charges_of(emulator, scenes)) == paid, f"{case}: the batch submits nothing"
        end = states_in(folder)
        assert end[DYING, 2] is point.end, case
        assert end["s0", 2] is S.SAVED, case
        assert len(end) == 2 * ITEMS, f"{case}: no further version was begun"
        paid_for = [charge.character_image.rpartition("/")[2] for charge in charges_of(emulator, scenes)]
        assert paid_for.count("s0") == 2, f"{case}: the ledger equals the marks"
        expected = (1,) if point.end is S.SAVED else point.billed
        assert paid_for.count(DYING) - 1 in expected, f"{case}: the ledger equals the marks"
        now = files(folder / "out")
        redone = ["s0", *([DYING] if point.end is S.SAVED else [])]
        assert sorted(now) == sorted(
            [*(f"s{number}.png" for number in range(ITEMS)), *(f"versions/{id}.1.png" for id in redone)]
        ), f"{case}: nothing is left over, and nothing is missing"
        for id in redone:
            assert now[f"versions/{id}.1.png"] == first[f"{id}.png"] != now[f"{id}.png"], case
        for id in {f"s{number}" for number in range(ITEMS)} - set(redone):
            assert now[f"{id}.png"] == first[f"{id}.png"], case


def cases_of(point: Point) -> list[tuple[str, Policy, bool]]:
    """All cases before the job is done. After that the policy plays no part, and one of them is enough."""
    number = POINTS.index(point)
    return CASES if point.left in {None, S.PENDING, S.SENDING} else [CASES[number % len(CASES)]]


@pytest.mark.parametrize("point", POINTS, ids=[point.name for point in POINTS])
def test_a_redo_killed_at_any_point_and_run_again_pays_once_for_each_mark_and_loses_nothing(
    point: Point, runners: Runners, service: tuple[Emulator, str], tmp_path: Path
) -> None:
    killed = Killed(runners, service, tmp_path)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(lambda case: killed(point, case), cases_of(point)))
