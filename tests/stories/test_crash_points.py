"""The process of a batch is killed at each point between the intent to pay and the picture's last step.

What the journal says at that moment, and what the next run makes of it, is known for every one of them.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from queue import SimpleQueue

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap._api.image_header import checked
from segmind_swap._config import MAX_PICTURE_BYTES
from segmind_swap.emulator import Charge, Emulator

from ..support import crash_process as dying

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process forks itself here")

S = OutcomeState
ITEMS = 3
SIDE_BY_SIDE = 2


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process is killed.

    Attributes:
        name: As `dying` has it.
        left: The state in which the journal has the swap then.
        end: What the next run makes of it.
        billed: How often the swap is billed when the process is dead.
    """

    name: str
    left: OutcomeState
    end: OutcomeState
    billed: tuple[int, ...]


POINTS = [
    # Nothing of it has left, and the journal does not say that it has: it is sent in the next run.
    Point("pending committed", S.PENDING, S.SAVED, (0,)),
    Point("sending in its commit", S.PENDING, S.SAVED, (0,)),
    # It may have left. Whether it has, nobody can say who has only the journal: a person decides.
    Point("sending committed", S.SENDING, S.UNKNOWN, (0,)),
    Point("submit to be sent", S.SENDING, S.UNKNOWN, (0,)),
    Point("before the last byte", S.SENDING, S.UNKNOWN, (0,)),
    # The service has it all, but may not answer a client that is gone.
    Point("after the last byte", S.SENDING, S.UNKNOWN, (0, 1)),
    Point("submit answered", S.SENDING, S.UNKNOWN, (1,)),
    Point("accepted in its commit", S.SENDING, S.UNKNOWN, (1,)),
    # The job is in the journal before anybody hears of it: from here on nothing is lost.
    Point("accepted committed", S.ACCEPTED, S.SAVED, (1,)),
    Point("job told", S.ACCEPTED, S.SAVED, (1,)),
    Point("poll to be sent", S.ACCEPTED, S.SAVED, (1,)),
    Point("poll answered", S.ACCEPTED, S.SAVED, (1,)),
    Point("completed in its commit", S.ACCEPTED, S.SAVED, (1,)),
    Point("completed committed", S.COMPLETED, S.SAVED, (1,)),
    Point("download to be sent", S.COMPLETED, S.SAVED, (1,)),
    Point("download answered", S.COMPLETED, S.SAVED, (1,)),
    Point("half a file", S.COMPLETED, S.SAVED, (1,)),
    Point("file to be linked", S.COMPLETED, S.SAVED, (1,)),
    Point("file linked", S.COMPLETED, S.SAVED, (1,)),
    Point("file to be renamed", S.COMPLETED, S.SAVED, (1,)),
    Point("file renamed", S.COMPLETED, S.SAVED, (1,)),
    Point("saved in its commit", S.COMPLETED, S.SAVED, (1,)),
    Point("saved committed", S.SAVED, S.SAVED, (1,)),
    Point("outcome given", S.SAVED, S.SAVED, (1,)),
]

ALONE = [("first", 0, 1), ("middle", 1, 1), ("last", 2, 1)]
"""Which of the swaps it is, and how many are in flight."""
CASES = [*product(ALONE, ["asyncio", "trio"]), (("in-a-crowd", 1, ITEMS), "asyncio")]


class Runners:
    """A few programs that run batches, each one at a time."""

    def __init__(self, count: int) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, dying.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]
        self._idle = SimpleQueue[subprocess.Popen[str]]()
        for process in self._processes:
            self._idle.put(process)

    def run(self, case: dying.Case) -> int:
        """The exit status of a process that ran it."""
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())
        finally:
            self._idle.put(process)

    def close(self) -> None:
        for process in self._processes:
            with process:
                process.kill()


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    runners = Runners(SIDE_BY_SIDE)
    yield runners
    runners.close()


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    emulator = Emulator(duration=0.01, engine="none", credits_usd=1e6)
    with emulator.serve() as url:
        yield emulator, url


def charges_of(emulator: Emulator, scenes: str) -> list[Charge]:
    return [charge for charge in emulator.ledger if charge.character_image.startswith(f"{scenes}/")]


def billed(emulator: Emulator, scenes: str) -> list[str]:
    """The ids of the swaps that were billed, each as often as it was."""
    return [charge.character_image.rpartition("/")[2] for charge in charges_of(emulator, scenes)]


def states_in(folder: Path) -> dict[str, OutcomeState]:
    return {str(outcome.request.id): outcome.state for outcome in Journal(folder / "run.db").outcomes()}


def check_pictures(folder: Path) -> set[str]:
    """The ids of the swaps that have a file: it is whole, whatever else there is."""
    pictures = list((folder / "out").glob("s*"))
    for picture in pictures:
        checked(picture.read_bytes(), max_bytes=MAX_PICTURE_BYTES)
    return {picture.stem for picture in pictures}


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one case."""

    runners: Runners
    service: tuple[Emulator, str]
    folder: Path

    def __call__(self, point: Point, place: tuple[str, int, int], backend: str) -> str:
        """Kills a batch there and runs it again; what became of the swap."""
        emulator, url = self.service
        name, number, at_once = place
        folder = self.folder / f"{name}-{backend}"
        folder.mkdir()
        id, scenes = f"s{number}", f"https://pictures.example{folder.as_posix()}"
        case = dying.Case(
            url=url,
            folder=str(folder),
            scenes=scenes,
            items=ITEMS,
            at_once=at_once,
            backend=backend,
            point=point.name,
            id=id,
            redo=False,
            policy="strict",
            once=False,
        )
        where = f"{name} on {backend}"
        assert self.runners.run(case) == -signal.SIGKILL, f"{where}: it was not killed"
        left = states_in(folder)
        assert left[id] is point.left, where
        if at_once == 1:
            others = {f"s{other}": S.SAVED for other in range(number)}
            assert left == {**others, id: point.left}, f"{where}: those before it are done"
        check_pictures(folder)
        if point.name == "half a file":
            assert list((folder / "out").glob(".*.part")), f"{where}: there is something to be swept away"

        assert self.runners.run({**case, "point": ""}) == 0, f"{where}: the next run comes to its end"
        end = states_in(folder)
        assert end[id] is point.end, where
        # What is billed is known now, for the service has had the time of a whole run to bill it.
        paid = billed(emulator, scenes)
        assert len(paid) == len(set(paid)), f"{where}: paid twice"
        times = paid.count(id)
        assert times in ((1,) if point.end is S.SAVED else point.billed), where
        assert len(end) == ITEMS, f"{where}: every swap has its state"
        assert set(end.values()) <= {S.SAVED, S.UNKNOWN}, where
        if at_once == 1:
            assert {other for other, state in end.items() if state is S.UNKNOWN} <= {id}, where
        saved = {other for other, state in end.items() if state is S.SAVED}
        assert saved <= set(paid) <= set(end), where
        assert check_pictures(folder) == saved, f"{where}: no picture is missing, none is without its state"
        names = sorted(path.name for path in (folder / "out").iterdir())
        assert names == sorted(f"{other}.png" for other in saved), f"{where}: nothing is left over"
        assert json.loads((folder / "given.json").read_text()) == end, f"{where}: the run gave these out"
        return f"{end[id]}, billed {'once' if times else 'never'}"


@pytest.mark.parametrize("point", POINTS, ids=[point.name for point in POINTS])
def test_a_batch_killed_at_any_point_pays_nothing_twice_and_goes_on_where_it_was(
    point: Point,
    runners: Runners,
    service: tuple[Emulator, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed = Killed(runners, service, tmp_path)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        became = list(pool.map(lambda case: killed(point, *case), CASES))
    with capsys.disabled():
        told = ", ".join(f"{count} {what}" for what, count in Counter(became).items())
        print(f"\n{point.name:24} {point.left:10}-> {told} ", end="", file=sys.stderr)
