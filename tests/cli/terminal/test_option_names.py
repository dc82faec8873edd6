"""A command never names what only Python has, and Python's errors never name what only a command has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from PIL import Image
from typer.main import get_command

import segmind_swap
from segmind_swap import ConfigurationError, PollPolicy, SwapClient
from segmind_swap.cli._app.app import app
from segmind_swap.cli._terminal.option_names import SETTINGS, options_of_command, with_option_names

from ..processes import in_this_process

COMMANDS: Any = get_command(app)
PACKAGE = Path(segmind_swap.__file__).parent
IN_BACKTICKS = re.compile(r"`([A-Za-z_][\w.]*)`")
ONLY_PYTHON_HAS = re.compile(r"\b[a-z]+_[a-z_]+\b|\b\w+=[\w…(]|\b(?!WebP|MiB)[A-Z][a-z]+[A-Z]\w*\b")
ENVIRONMENT = re.compile(r"SEGMIND_\w+(=1)?")
ONLY_A_COMMAND_HAS = re.compile(r"(?<!\w)--[a-z]|segmind-swap \w")
SQL = re.compile(r"\b(SELECT|UPDATE|INSERT|PRAGMA|CREATE|CASE|coalesce|CREATE)\b")
NEVER_OF_A_COMMAND = {
    # Mistakes in a program, which no command makes; texts of no message.
    "a batch takes SwapRequest(",
    "a redo takes ids and RedoRequest(",
    # Thresholds are written so in Python and in a command.
    "write a name, = and a number, as in background=0.5",
    "a SwapClient cannot be pickled",
    "was never closed: use `async with SwapClient()",
    "or upload it with SwapClient.upload()",
    "<SwapClient of",
    "on_event raised for",
    "each `asyncio.run` or `trio.run`",
    "the gate raised in closed_for()",
    "segmind_swap: ",
    "os.PathLike[str]",
}


def options_of(command: str) -> dict[str, str]:
    return {parameter.name: parameter.opts[0] for parameter in COMMANDS.commands[command].params}


def texts_of(file: Path) -> Iterator[str]:
    """Each text of a module that may be a part of a message: no docstring, no name, no SQL."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            text = node.value
        else:
            continue
        if " " in text.strip() and not SQL.search(text):
            yield text


LIBRARY = [
    text
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.relative_to(PACKAGE).parts[0] not in {"cli", "emulator", "testing", "gallery"}
    # The names of file types, such as QuickTime, and HTTP headers are written as names of Python are.
    if file.parent.name not in {"image_formats", "serving"}
    for text in texts_of(file)
    if not any(text.find(never) >= 0 for never in NEVER_OF_A_COMMAND)
]


def test_the_messages_of_the_library_are_found() -> None:
    assert len(LIBRARY) > 200
    assert any("`max_image_bytes`" in text for text in LIBRARY)


@pytest.mark.parametrize("command", COMMANDS.commands)
def test_no_message_of_the_library_names_a_setting_of_python_in_a_command(command: str) -> None:
    with options_of_command(options_of(command)):
        for text in LIBRARY:
            shown = with_option_names(text)
            assert not ONLY_PYTHON_HAS.search(ENVIRONMENT.sub("", shown)), shown
            assert not IN_BACKTICKS.search(shown), shown


def test_no_message_of_the_library_names_an_option_or_a_command() -> None:
    for text in LIBRARY:
        assert not ONLY_A_COMMAND_HAS.search(text), text


def test_each_setting_that_a_message_names_is_known_with_its_option() -> None:
    named = {name for text in LIBRARY for name in IN_BACKTICKS.findall(text)}
    assert named <= SETTINGS.keys()
    parameters = {name for command in COMMANDS.commands for name in options_of(command)}
    assert {name for name in SETTINGS.values() if name and not name.isupper()} <= parameters


def test_a_remark_about_a_setting_is_kept_where_the_command_has_its_option() -> None:
    message = "a.png exists already: choose another name (or replace it with `overwrite`)"
    with options_of_command(options_of("swap")):
        assert with_option_names(message).endswith("(or replace it with --overwrite)")
    with options_of_command(options_of("batch")):
        assert with_option_names(message) == "a.png exists already: choose another name"
    assert with_option_names(message) == "a.png exists already: choose another name"


def test_what_is_no_setting_stays_as_it_is() -> None:
    for message in (
        "the file `x`, (see `y`)",
        "run `segmind-swap demo` (now)",
        "`character_image` must be a URL",
    ):
        assert with_option_names(message) == message


def test_in_python_an_error_names_the_setting_of_python() -> None:
    with pytest.raises(ConfigurationError, match=r"^`PollPolicy\.interval` must be"):
        PollPolicy(interval=0)
    with pytest.raises(ConfigurationError, match=r"^`base_url` 'nonsense' cannot be used"):
        SwapClient("k", base_url="nonsense")


ARGUMENTS = {
    "swap": ["--reference", "a.png", "--scene", "a.png", "--out", "o.png"],
    "wait": ["http://127.0.0.1:1/workflows/request/1", "--out", "o.png"],
    "batch": ["scenes", "--reference", "a.png", "--out", "out"],
    "emulator": [],
}
CALLBACKS = {
    registered.name or registered.callback.__name__: registered.callback
    for registered in app.registered_commands
    if registered.callback is not None
}
IMPOSSIBLE = [
    (command, options_of(command)[name], value)
    for command in ARGUMENTS
    for name, kind in get_type_hints(CALLBACKS[command]).items()
    if kind in {int, float, int | None, float | None}
    for value in ("-1", "nan", "x")
    # A seed may be any whole number.
    if (name, value) != ("seed", "-1")
]


@pytest.mark.parametrize(("command", "option", "value"), IMPOSSIBLE)
def test_a_number_that_an_option_cannot_have_is_refused_by_the_name_of_the_option(
    command: str, option: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "k")
    # Nothing listens there: a value that is not refused ends in another error.
    monkeypatch.setenv("SEGMIND_BASE_URL", "http://127.0.0.1:1")
    (tmp_path / "scenes").mkdir()
    # Two pictures: a copy of the reference is no scene.
    for name, colour in (("a.png", "#7a5"), ("scenes/s.png", "#57a")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / name)
    done = in_this_process(command, *ARGUMENTS[command], option, value, cwd=tmp_path, monkeypatch=monkeypatch)
    assert done.exit_code == 2, done.output
    assert option in done.stderr
    assert not ONLY_PYTHON_HAS.search(ENVIRONMENT.sub("", done.stderr)), done.stderr
