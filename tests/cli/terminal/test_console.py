"""The consoles and the printed lines, and that no other module prints."""

import ast
import json
import os
from pathlib import Path

import pytest
from rich.text import Text

import segmind_swap.cli
from segmind_swap import SwapJob, SwapResult
from segmind_swap.cli._terminal.console import console, errors_logged, print_json, print_text

CLI = Path(segmind_swap.cli.__file__).parent
PRINTING = {"print", "Console", "echo", "secho", "status"}
"""Names of functions that write to a terminal, and that only one module calls."""


def test_only_one_module_prints() -> None:
    for file in sorted(CLI.rglob("*.py")):
        if file == CLI / "_terminal" / "console.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in PRINTING, f"{file}:{node.lineno} prints by itself"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                printed = f"{node.value.id}.{node.attr}"
                by_itself = printed in {"typer.echo", "typer.secho", "rich.print", "sys.stdout", "sys.stderr"}
                is_stream = file.name in {"steady_stream.py", "log_handler.py"}
                assert is_stream or not by_itself, f"{file}:{node.lineno} prints by itself"


def test_a_console_changes_no_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    console().print("saved a:cat:b.png in a folder with a name of more than 20 columns", markup=False)
    console(stderr=True).print(Text("an error about :dog: in a folder of more than 20 columns"))
    out, err = capsys.readouterr()
    assert out == "saved a:cat:b.png in a folder with a name of more than 20 columns\n"
    assert err == "an error about :dog: in a folder of more than 20 columns\n"


def test_json_is_one_line_of_ascii_for_every_path(capsys: pytest.CaptureFixture[str]) -> None:
    job = SwapJob(poll_url="https://api.example/1", workflow="w")
    path = Path(os.fsdecode("画".encode() + b"-caf\xe9.png"))
    print_json(SwapResult(job=job, url="https://a.example/b", outputs=(), seconds=1.0, path=path))
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    assert Path(json.loads(line)["path"]) == path


def test_a_printed_text_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("https://a.example/\x1b[2J[red]")
    assert capsys.readouterr().out == "https://a.example/␛[2J[red]\n"


def test_an_error_of_the_progress_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    with errors_logged():
        raise ZeroDivisionError("no rate")
    assert caplog.messages == ["the progress could not be shown: ZeroDivisionError('no rate')"]
