"""A batch that pays once for equal pictures is killed at each step, and run again: one charge for all.

Before the result is known, the process dies at a step of the swap that is paid for; after that, at a step of
a copy. At each of these moments, the other swaps with the same pictures wait, or are not taken yet.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmind_swap import PRICE_USD, Journal, OutcomeState
from segmind_swap.emulator import Emulator

from ..support import crash_process as dying
from .test_crash_points import Runners, billed, check_pictures, states_in

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process forks itself here")

S = OutcomeState
ITEMS = 4
SAVED = {f"s{number}": S.SAVED for number in range(ITEMS)}

PAID = [
    "sending in its commit",
    "sending committed",
    "after the last byte",
    "submit answered",
    "accepted committed",
    "poll answered",
    "completed committed",
    "file linked",
    "saved in its commit",
    "outcome given",
]
"""Steps of the swap that is paid for, which is the first one."""
IN_DOUBT = {"sending committed", "after the last byte", "submit answered"}
"""Steps after which nobody can say whether the submit was accepted."""
COPY = [
    "pending committed",
    "copied in its commit",
    "copied committed",
    "half a file",
    "file to be linked",
    "file linked",
    "file renamed",
    "saved in its commit",
    "saved committed",
    "outcome given",
]
"""Steps of a copy."""


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    runners = Runners(1)
    yield runners
    runners.close()


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    emulator = Emulator(duration=0.01, engine="none", credits_usd=1e6)
    with emulator.serve() as url:
        yield emulator, url


CASES = [*(("s0", point) for point in PAID), *(("s1", point) for point in COPY)]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(case) for case in CASES])
def test_equal_pictures_are_charged_once_wherever_the_batch_is_killed(
    number: int, runners: Runners, service: tuple[Emulator, str], tmp_path: Path
) -> None:
    emulator, url = service
    id, point = CASES[number]
    backends = ["asyncio", "trio"] if number % 2 else ["trio", "asyncio"]
    # One after the other, the first swap is paid for. In a crowd, it may be any of them.
    for backend, at_once, dies in zip(backends, [1, ITEMS], [id, dying.ANY], strict=True):
        folder = tmp_path / backend
        folder.mkdir()
        scenes = f"https://pictures.example{folder.as_posix()}"
        case = dying.Case(
            url=url,
            folder=str(folder),
            scenes=scenes,
            items=ITEMS,
            at_once=at_once,
            backend=backend,
            point=point,
            id=dies,
            once=True,
            redo=False,
            policy="strict",
        )
        where = f"{point} of {dies} on {backend}, {at_once} at once"
        assert runners.run(case) == -signal.SIGKILL, f"{where}: it was not killed"
        assert len(billed(emulator, scenes)) <= 1, where
        check_pictures(folder)
        assert runners.run({**case, "point": ""}) == 0, f"{where}: the next run comes to its end"
        states, paid = states_in(folder), billed(emulator, scenes)
        files = sorted(path.name for path in (folder / "out").iterdir())
        if point in IN_DOUBT:
            unknown = [other for other, state in states.items() if state is S.UNKNOWN]
            assert Counter(states.values()) == {S.UNKNOWN: 1, S.PENDING: ITEMS - 1}, where
            assert len(paid) <= 1, f"{where}: nothing was sent for a copy"
            assert files == [], where
            Journal(folder / "run.db").abandon(unknown[0])
            assert runners.run({**case, "point": ""}) == 0, where
            assert len(billed(emulator, scenes)) == len(paid) + 1, f"{where}: a person has decided"
            assert states_in(folder) == {**SAVED, unknown[0]: S.ABANDONED}, where
        else:
            assert states == SAVED, where
            assert paid == ["s0"], f"{where}: the scene of all of them"
            assert files == sorted(f"{other}.png" for other in SAVED), f"{where}: nothing is left over"
            contents = {(folder / "out" / name).read_bytes() for name in files}
            assert len(contents) == 1, where
            assert Journal(folder / "run.db").summary().committed_usd == pytest.approx(PRICE_USD), where
