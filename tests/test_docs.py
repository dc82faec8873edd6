"""What the documents say is run: every example, every command line, every table of names."""

import ast
import asyncio
import codeop
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import certifi
import httpx
import pytest
import trio
import typer.main
from PIL import Image

import segmind_swap
from segmind_swap import SwapClient
from segmind_swap.cli._app.app import app
from segmind_swap.cli._pictures import copy_pictures
from segmind_swap.cli._terminal.exit_codes import ExitCode
from segmind_swap.emulator import Emulator

from .conftest import VirtualTimeLoop, virtual_trio

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NOT_RUN = 0
"""How many Python examples cannot be run."""

WHERE_AWAIT_RUNS = "`python -m asyncio`"

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<remark>[^\n]*) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[a-z]+)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """An example.

    `remark` is the comment just above it: "not run: …", "real time: …" where sockets are the point, or
    "file: …" where it is a file of a project that pytest runs.
    """

    document: Path
    line: int
    code: str
    remark: str

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str:
        return self.remark.removeprefix("file: ") if self.remark.startswith("file: ") else ""

    @property
    def is_pasted(self) -> bool:
        """Whether the example is pasted into `python -m asyncio`, and is no program or file."""
        if compiled(self).co_flags & inspect.CO_COROUTINE:
            return True
        is_program = bool(self.remark) or ".run(" in self.code
        return (
            not is_program
            and self.document.is_file()
            and WHERE_AWAIT_RUNS in self.document.read_text("utf-8")
        )

    @property
    def is_run(self) -> bool:
        return not self.remark.startswith("not run: ")


def blocks(document: Path, language: str) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            document,
            text.count("\n", 0, found.start("code")) + 1,
            dedent(found["code"]),
            found["remark"] or "",
        )
        for found in _FENCE.finditer(text)
        if found["language"] == language
    ]


def name_of(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else ""


# The examples


def compiled(block: Block) -> CodeType:
    """An example as one piece of code, which is a coroutine if it has `await` outside a function."""
    # The traceback of a broken example then shows the document's own lines.
    source = "\n" * (block.line - 1) + block.code
    code = compile(source, str(block.document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


def as_typed(block: Block) -> Iterator[CodeType]:
    """The statements of an example as `python -m asyncio` reads them, line by line, when a user pastes it."""
    compiler = codeop.CommandCompiler()
    compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    lines: list[str] = []
    for line in [*block.code.splitlines(), ""]:
        lines.append(line)
        if (code := compiler("\n".join(lines), block.place, "single")) is not None:
            yield code
            lines.clear()
    assert not lines, "the last statement is not complete"


class Stage:
    """Where one document's examples run: one namespace, one emulator, and a loop on virtual time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = Emulator(speed=20)
        self.real_time = False
        self._leapt = 0.0
        self._runner = asyncio.Runner(loop_factory=self._loop)
        trio_run: Callable[..., Any] = trio.run

        def run(main: Coroutine[Any, Any, Any]) -> Any:
            with asyncio.Runner(loop_factory=None if self.real_time else self._loop) as runner:
                try:
                    return runner.run(main)
                finally:
                    self._take_time_of(runner)

        monkeypatch.setattr(asyncio, "run", run)
        monkeypatch.setattr(trio, "run", lambda main: trio_run(main, **virtual_trio()))
        client = self._client_class()
        monkeypatch.setattr(segmind_swap, "SwapClient", client)
        monkeypatch.setenv("SEGMIND_API_KEY", "emulator-key")
        monkeypatch.delenv("SEGMIND_BASE_URL", raising=False)
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> None:
        """Runs an example, and the tests without arguments that it defines."""
        self.real_time = block.remark.startswith("real time: ")
        before = set(self.names)
        if block.is_pasted:
            assert not self.real_time, "pasted examples share the document's virtual loop"
            for statement in as_typed(block):
                if statement.co_flags & inspect.CO_COROUTINE:
                    self._runner.run(eval(statement, self.names))
                else:
                    exec(statement, self.names)
        else:
            exec(compiled(block), self.names)
        for name in sorted(set(self.names) - before):
            if name.startswith("test_") and not inspect.signature(self.names[name]).parameters:
                self.names[name]()

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def close(self) -> None:
        if isinstance(client := self.names.get("client"), SwapClient):
            self.do(client.aclose())
        self._runner.close()

    def _client_class(self) -> type[SwapClient]:
        stage = self

        class Local(SwapClient):
            """Talks to the document's emulator, unless the example says to whom."""

            def __init__(self, api_key: str | None = None, **settings: Any) -> None:
                if settings.get("transport") is None and not stage.real_time:
                    settings["transport"] = httpx.ASGITransport(app=stage.emulator.app)
                    settings.setdefault("base_url", "http://127.0.0.1")
                    if (proxy := settings.pop("proxy", None)) is not None:
                        httpx.Proxy(proxy)
                super().__init__(api_key, **settings)

        return Local

    def _loop(self) -> VirtualTimeLoop:
        """A loop whose clock goes on where the last one stopped: the emulator's jobs outlive a program."""
        loop = VirtualTimeLoop()
        loop._leap.leapt = self._leapt
        return loop

    def _take_time_of(self, runner: asyncio.Runner) -> None:
        loop = runner.get_loop()
        if isinstance(loop, VirtualTimeLoop):
            self._leapt = loop._leap.leapt


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    Image.new("RGB", (300, 400), "#7fb3d5").save(tmp_path / "hero.png")
    Image.new("RGB", (640, 480), "#abebc6").save(tmp_path / "street.jpg")
    copy_pictures(tmp_path / "pictures")
    shutil.copy(certifi.where(), tmp_path / "company-ca.pem")
    monkeypatch.chdir(tmp_path)
    stage = Stage(monkeypatch)
    yield stage
    stage.close()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_python_example_of_a_document_runs_from_top_to_bottom(document: Path, stage: Stage) -> None:
    for block in blocks(document, "python"):
        if block.is_run and not block.file:
            stage.run(block)


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("guide", "passed"), [("how-to/testing", 5), ("how-to/fastapi", 7), ("reference/testing", 92)]
)
def test_a_guide_to_testing_is_a_project_whose_tests_pass(guide: str, passed: int, tmp_path: Path) -> None:
    document = DOCS / f"{guide}.md"
    for block in [*blocks(document, "python"), *blocks(document, "html")]:
        if block.file:
            (tmp_path / block.file).write_text(block.code)
    plugins = ("-p", "anyio.pytest_plugin", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--strict-markers", "-W", "error", *plugins],
        cwd=tmp_path,
        # A user's own modules lie beside the tests, where a safe path would not look.
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" {passed} passed" in done.stdout, done.stdout


def test_an_example_that_is_wrong_fails_whether_it_is_a_program_a_cell_or_a_test(stage: Stage) -> None:
    stage.run(Block(DOCS, 1, "from segmind_swap import SwapClient\nclient = SwapClient()", ""))
    for code in ("assert 0", "await client.credits(); assert 0", "def test_it():\n    assert 0"):
        with pytest.raises(AssertionError):
            stage.run(Block(DOCS, 1, code, ""))


def test_an_example_with_await_at_the_top_runs_when_it_is_pasted_line_by_line(stage: Stage) -> None:
    pasted = "import asyncio\n\nfor _ in range(2):\n    await asyncio.sleep(0)\n\nawait asyncio.sleep(0)\n"
    stage.run(Block(DOCS, 1, pasted, ""))
    for broken in (pasted.replace(")\n\na", ")\na"), pasted.replace(":\n", ":\n    pass\n\n")):
        with pytest.raises(SyntaxError):
            stage.run(Block(DOCS, 1, broken, ""))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_document_with_await_at_the_top_says_where_that_runs(document: Path) -> None:
    if any(compiled(block).co_flags & inspect.CO_COROUTINE for block in blocks(document, "python")):
        assert WHERE_AWAIT_RUNS in document.read_text(encoding="utf-8")


def test_of_many_swaps_one_is_rejected_and_the_rest_are_done(stage: Stage) -> None:
    whole, in_order, left_early = blocks(DOCS / "how-to" / "many.md", "python")[:3]
    stage.run(whole)
    states = {outcome.request.id: outcome.state.value for outcome in stage.names["found"]}
    assert states == {"street": "saved", "hero": "saved", "gone": "rejected"}
    assert len(stage.emulator.ledger) == 2
    stage.run(in_order)
    assert len(stage.emulator.ledger) == 4
    # The first outcome is that of the file which does not exist. Whether the others were submitted by then
    # depends on the threads that read their files.
    stage.run(left_early)
    assert 4 <= len(stage.emulator.ledger) <= 6


def test_the_tutorial_shows_what_its_programs_print(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    tutorial = DOCS / "tutorial.md"
    for block in blocks(tutorial, "python"):
        stage.run(block)

    def lines(text: str) -> set[str]:
        return set(re.sub(r"[0-9a-f]{24}(?=[0-9a-f]{8}\b)", "", text).splitlines())

    shown = lines("".join(block.code for block in blocks(tutorial, "text")))
    by_commands = {line for line in shown if line.startswith(("saved ", "$"))}
    assert len(by_commands) == 2
    assert shown - by_commands <= lines(capsys.readouterr().out)


def test_hardly_any_example_is_left_out() -> None:
    examples = [block for document in DOCUMENTS for block in blocks(document, "python")]
    left_out = [block.place for block in examples if not block.is_run]
    assert len(left_out) == NOT_RUN, left_out
    assert len(examples) >= 30


def test_every_fence_is_one_that_these_tests_understand() -> None:
    # "py" is a signature in the reference, and no example.
    known = {"python", "py", "html", "sh", "text", "json", "yaml", "mermaid", "{toctree}"}
    for document in DOCUMENTS:
        opening = re.findall(r"^ *```(\S+)", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(opening) <= known, document


# The command lines


def command_lines(block: Block) -> Iterator[list[str]]:
    """The `segmind-swap …` commands of an example, each as its words."""
    for line in block.code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("&|;<>()"):
                if words[:1] == ["segmind-swap"]:
                    yield words[1:]
                words = []
            elif words or not re.fullmatch(r"[A-Z_]+=.*", word):
                words.append(word)


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_line_of_a_document_is_one_that_the_program_takes(document: Path) -> None:
    for block in blocks(document, "sh"):
        for words in command_lines(block):
            assert words, block.place
            assert words[0] in commands(), f"{block.place}: {words}"
            try:
                commands()[words[0]].make_context(words[0], words[1:])
            except Exception as error:
                pytest.fail(f"{block.place}: {shlex.join(words)}: {error}")


def test_the_command_lines_are_found_in_pipes_and_after_variables() -> None:
    code = (
        "A=1 segmind-swap credits && echo x | segmind-swap wait - \\\n --out a.png > log\necho segmind-swap"
    )
    found = list(command_lines(Block(DOCS, 1, code, "")))
    assert found == [["credits"], ["wait", "-", "--out", "a.png"]]


def sections(document: Path) -> dict[str, str]:
    """The text under each heading of the second level, which is one name in backticks."""
    parts = re.split(r"^## `([^`]+)`$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_command_line_reference_names_every_command_and_option_with_its_default() -> None:
    told = sections(DOCS / "reference" / "command-line.md")
    assert set(told) == set(commands())
    for name, command in commands().items():
        rows = dict(re.findall(r"^\| `(--[a-z-]+|[A-Z]+…?)[^|`]*` (\|.*)$", told[name], re.MULTILINE))
        options = {parameter.opts[0]: parameter for parameter in command.params}
        arguments = {option for option in options if not option.startswith("--")}
        assert {row for row in rows if row.startswith("--")} == set(options) - arguments, name
        assert {row.rstrip("…").lower().removesuffix("s") for row in rows if not row.startswith("--")} == {
            argument.removesuffix("s") for argument in arguments
        }, name
        for option, parameter in options.items():
            if parameter.required:
                assert parameter.param_type_name == "argument" or "required" in rows[option], (name, option)
            elif parameter.default not in {None, False}:
                assert f"`{parameter.default}`" in rows[option], (name, option)
        assert any(
            f"segmind-swap {name}" in block for block in re.findall(r"```sh\n(.*?)```", told[name], re.S)
        )


def test_the_command_line_reference_lists_every_exit_code() -> None:
    text = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| ([^|]*) \|", text, re.MULTILINE)
    assert listed == [(str(code.value), code.meaning) for code in ExitCode]


# The tables of names


def test_the_reference_names_every_variable_that_the_package_reads() -> None:
    package = Path(segmind_swap.__file__).parent
    read = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r"SEGMIND_[A-Z_]+", file.read_text(encoding="utf-8"))
    }
    told = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    assert read == set(re.findall(r"SEGMIND_[A-Z_]+", told))
