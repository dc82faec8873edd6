"""The process of a service is killed at each step from the upload to the picture, and another one goes on.

The application asks the next process for the same ids, as browsers do. The emulator's ledger is the witness.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap.emulator import Emulator

from ..support import crash_process as dying
from ..support.pictures import PNG
from .test_crash_points import Runners, billed, check_pictures, states_in

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process forks itself here")

S = OutcomeState
ITEMS = 3
ID = "s1"
LATER = (S.ACCEPTED, S.COMPLETED, S.SAVED)


@dataclass(frozen=True, slots=True)
class Step:
    """Where a process is killed.

    Attributes:
        left: The states that the journal may have then; empty if it has no swap.
        end: What the next process makes of it.
        billed: How often the swap may be billed when the process is dead.
    """

    name: str
    left: tuple[OutcomeState, ...]
    end: OutcomeState
    billed: tuple[int, ...]


STEPS = [
    # The application has got no answer. It asks again, and the swap begins anew.
    Step("spool to be written", (), S.SAVED, (0,)),
    Step("half a spool", (), S.SAVED, (0,)),
    Step("spool written", (), S.SAVED, (0,)),
    Step("order in its commit", (), S.SAVED, (0,)),
    # From here on nothing is lost.
    Step("pending committed", (S.PENDING,), S.SAVED, (0,)),
    Step("sending in its commit", (S.PENDING,), S.SAVED, (0,)),
    # Whether it has left, nobody can say who has only the journal.
    Step("sending committed", (S.SENDING,), S.UNKNOWN, (0,)),
    Step("submit to be sent", (S.SENDING,), S.UNKNOWN, (0,)),
    Step("before the last byte", (S.SENDING,), S.UNKNOWN, (0,)),
    Step("after the last byte", (S.SENDING,), S.UNKNOWN, (0, 1)),
    Step("submit answered", (S.SENDING,), S.UNKNOWN, (1,)),
    Step("accepted in its commit", (S.SENDING,), S.UNKNOWN, (1,)),
    # Paid, and known: the next process waits for the job.
    Step("accepted committed", (S.ACCEPTED,), S.SAVED, (1,)),
    Step("job told", (S.ACCEPTED,), S.SAVED, (1,)),
    Step("spool to be removed", LATER, S.SAVED, (1,)),
    Step("spool removed", LATER, S.SAVED, (1,)),
    Step("poll to be sent", (S.ACCEPTED,), S.SAVED, (1,)),
    Step("poll answered", (S.ACCEPTED,), S.SAVED, (1,)),
    Step("completed in its commit", (S.ACCEPTED,), S.SAVED, (1,)),
    Step("completed committed", (S.COMPLETED,), S.SAVED, (1,)),
    Step("download answered", (S.COMPLETED,), S.SAVED, (1,)),
    Step("half a file", (S.COMPLETED,), S.SAVED, (1,)),
    Step("file linked", (S.COMPLETED,), S.SAVED, (1,)),
    Step("saved in its commit", (S.COMPLETED,), S.SAVED, (1,)),
    Step("saved committed", (S.SAVED,), S.SAVED, (1,)),
    Step("outcome given", (S.SAVED,), S.SAVED, (1,)),
]

PROCESSES = [("asyncio", "documented"), ("trio", "strict")]


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    runners = Runners(1)
    yield runners
    runners.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[Emulator, str]]:
    emulator = Emulator(duration=0.01, engine="none", credits_usd=1e6)
    with emulator.serve() as url:
        yield emulator, url


def pictures_of_orders(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "run.db")) as journal:
        return {str(name) for (name,) in journal.execute("SELECT reference FROM orders")}


@pytest.mark.parametrize(
    ("step", "process"),
    [*product(STEPS, PROCESSES)],
    ids=lambda value: value.name if isinstance(value, Step) else value[0],
)
def test_a_killed_service_pays_nothing_twice_and_the_next_process_goes_on(
    *,
    step: Step,
    process: tuple[str, str],
    runners: Runners,
    upstream: tuple[Emulator, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator, url = upstream
    backend, policy = process
    scenes = f"https://pictures.example{tmp_path.as_posix()}"
    case = dying.Case(
        url=url,
        folder=str(tmp_path),
        scenes=scenes,
        items=ITEMS,
        at_once=2,
        backend=backend,
        point=step.name,
        id=ID,
        redo=False,
        policy="documented" if policy == "documented" else "strict",
        once=False,
        reference=PNG.hex(),
    )
    assert runners.run(case) == -signal.SIGKILL, "it was not killed"
    left = states_in(tmp_path)
    assert left.get(ID) in step.left if step.left else ID not in left
    check_pictures(tmp_path)

    assert runners.run({**case, "point": ""}) == 0, "the next process comes to its end"
    end = states_in(tmp_path)
    assert len(end) == ITEMS
    assert end[ID] is step.end
    assert set(end.values()) <= {S.SAVED, S.UNKNOWN}
    paid = billed(emulator, scenes)
    assert len(paid) == len(set(paid)), "paid twice"
    assert paid.count(ID) in ((1,) if step.end is S.SAVED else step.billed)
    saved = {id for id, state in end.items() if state is S.SAVED}
    assert saved <= set(paid)
    assert set(paid) <= set(end)
    assert check_pictures(tmp_path) == saved, "no picture is missing, none is without its state"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{id}.png" for id in saved)
    assert json.loads((tmp_path / "given.json").read_text()) == end, "the application was told these"
    spooled = {path.name for path in (tmp_path / "run.db.spool").iterdir()}
    assert not spooled & pictures_of_orders(tmp_path), "pictures that were sent are not kept"
    # The one that was being ordered. It is removed after an hour: another process may be ordering it.
    assert len(spooled) <= 1
    summary = Journal(tmp_path / "run.db").summary()
    price = emulator.ledger[0].price_usd
    unbilled = len(end) - len(paid)
    assert summary.committed_usd == pytest.approx(price * (len(paid) + unbilled))
    with capsys.disabled():
        became = f"{end[ID]}, billed {paid.count(ID)} times, {len(spooled)} left in the spool"
        print(
            f"\n{step.name:24} {backend:8} {left.get(ID, 'nothing'):10}-> {became}", end=" ", file=sys.stderr
        )
