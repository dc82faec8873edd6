"""Whatever can be printed: nothing is paid twice, nothing is lost, and the exit code is true.

`nox -s prints` runs every cell of the grid. The suite runs one cell in seventeen.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..support.print_grid import COMMANDS, Cell, Run, Zygote, cells

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="breaks descriptors as Linux does")

EVERY = 1 if os.environ.get("PRINT_GRID") == "all" else 17
"""One of so many cells is run. A prime, so that the sample meets all streams, breakages and moments."""
AT_ONCE = 4


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.mark.real_time
@pytest.mark.parametrize("command", COMMANDS)
def test_no_print_decides(command: str, zygote: Zygote, tmp_path: Path) -> None:
    sample = list(cells(command))[::EVERY]

    def problems(numbered: tuple[int, Cell]) -> list[str]:
        number, cell = numbered
        return [f"{cell}: {problem}" for problem in Run(zygote, cell, tmp_path / str(number)).problems()]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [problem for several in pool.map(problems, enumerate(sample)) for problem in several]
    assert found == [], f"{len(found)} problems in {len(sample)} cells\n" + "\n".join(found)
