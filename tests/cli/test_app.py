"""The names, options and help of the commands."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segmind_swap import SwapClient

from .processes import in_this_process, segmind_swap

COMMANDS = ("swap", "wait", "batch", "status", "resolve", "credits", "upload", "emulator", "demo")
HEAVY = {
    "httpx",
    "anyio",
    "sqlite3",
    "PIL",
    "uvicorn",
    "starlette",
    "rich.console",
    "segmind_swap._api.text",
    "segmind_swap._models",
}


def _modules_after(*arguments: str) -> set[str]:
    program = (
        f"import sys; sys.argv = ['segmind-swap', *{arguments!r}]\n"
        "from segmind_swap.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout or "segmind-swap " in done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("command", [(), ("batch",), ("emulator",), ("demo",), ("pictures",)])
def test_help_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    assert not _modules_after(*command, "--help") & {*HEAVY, "segmind_swap.cli._commands"}


def test_the_version_imports_nothing_heavy() -> None:
    heavy = {*HEAVY, "segmind_swap.cli._commands"} - {"segmind_swap._api.text"}
    assert not _modules_after("--version") & heavy


def test_help_names_every_command_with_an_example_and_the_exit_codes(folder: Path) -> None:
    overview = segmind_swap("--help", cwd=folder).stdout
    assert "Exit codes: 0 done" in " ".join(overview.split())
    for command in ("swap", "wait", "credits", "upload", "emulator", "demo"):
        assert command in overview
        assert f"Example: segmind-swap {command}" in segmind_swap(command, "--help", cwd=folder).stdout


def test_help_names_the_commands_of_a_batch_with_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = in_this_process("--help", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert "5 stopped before every input was submitted" in re.sub(r"\s+", " ", overview)
    for command in ("batch", "status", "resolve"):
        assert command in overview
        text = in_this_process(command, "--help", cwd=tmp_path, monkeypatch=monkeypatch).stdout
        assert f"Example: segmind-swap {command}" in text


def test_the_price_on_the_command_line_is_that_of_the_library() -> None:
    from segmind_swap.cli._app.batch import batch

    library = inspect.signature(SwapClient.swap_many).parameters["price_usd"].default
    assert inspect.signature(batch).parameters["price"].default == library
