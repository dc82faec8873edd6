"""The options that several commands share."""

from typing import Any

import pytest
import typer.main

from segmind_swap.cli._app.app import app


def _parameters() -> dict[str, list[Any]]:
    commands: Any = typer.main.get_command(app)
    found: dict[str, list[Any]] = {}
    for command in commands.commands.values():
        for parameter in command.params:
            found.setdefault(parameter.opts[0], []).append(parameter)
    return found


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("--overwrite", 2),
        ("--timeout", 4),
        ("--strict", 3),
        ("--emulator", 2),
        ("--allow-http", 8),
        ("--json", 11),
    ],
)
def test_a_shared_option_has_the_same_help_and_default_in_each_command(name: str, commands: int) -> None:
    parameters = _parameters()[name]
    assert len(parameters) == commands
    assert len({(parameter.help, parameter.default, parameter.required) for parameter in parameters}) == 1
    assert parameters[0].help
