"""The program without its script."""

import sys
from pathlib import Path

import pytest

from .cli.processes import segmind_swap


@pytest.mark.parametrize("module", ["segmind_swap", "segmind_swap.cli"])
def test_python_runs_the_command_line_as_a_module(tmp_path: Path, module: str) -> None:
    command = [sys.executable, "-m", module]
    overview = segmind_swap("--help", cwd=tmp_path, command=command)
    assert (overview.returncode, overview.stderr) == (0, "")
    assert (
        "segmind-swap batch pairs.csv"
        in segmind_swap("batch", "--help", cwd=tmp_path, command=command).stdout
    )
    refused = segmind_swap("credits", cwd=tmp_path, command=command)
    assert (refused.returncode, "SEGMIND_API_KEY" in refused.stderr) == (2, True)
