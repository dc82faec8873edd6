"""The format of `--help`: complete, and coloured only where colours are wanted."""

import re
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from segmind_swap.cli._app.app import app

COMMANDS = (
    "swap",
    "wait",
    "batch",
    "status",
    "resolve",
    "reconcile",
    "review",
    "export",
    "redo",
    "cost",
    "credits",
    "upload",
    "emulator",
    "demo",
    "pictures",
)


def _help(*command: str, color: bool = False, **env: str) -> str:
    base = {"COLUMNS": "80", "NO_COLOR": "", "TERM": "xterm", **env}
    done = CliRunner(env=base).invoke(app, [*command, "--help"], color=color)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_overview_says_in_full_what_each_command_costs() -> None:
    overview = " ".join(_help().split())
    group: Any = typer.main.get_command(app)
    assert tuple(group.commands) == COMMANDS
    for name in COMMANDS:
        first = " ".join(group.commands[name].help.partition("\n\n")[0].split())
        assert f"{name} {first}" in overview


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_colour_adds_nothing_but_colour_and_only_where_it_is_wanted(command: tuple[str, ...]) -> None:
    coloured = _help(*command, color=True)
    assert "\x1b[1mUsage:\x1b[0m" in coloured
    assert "  \x1b[36m-h, --help\x1b[0m  " in coloured
    plain = _help(*command)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert _help(*command, color=True, NO_COLOR="1") == plain
    assert _help(*command, color=True, TERM="dumb") == plain


def test_names_too_long_for_their_column_and_what_is_required_are_marked() -> None:
    text = _help("resolve", color=True, COLUMNS="50") + _help("swap", color=True)
    assert re.search(r"^  \x1b\[36m--poll-url <str>\x1b\[0m", text, re.MULTILINE)
    assert "\x1b[2m[required]\x1b[0m" in text
    assert re.search(r"\x1b\[2m\[default:\s+900\.0\]\x1b\[0m", text)
