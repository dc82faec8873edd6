"""The command line as a person or a script meets it: real processes."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from PIL import Image

from segmind_swap import (
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    ImageError,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapResult,
    SwapTimeoutError,
)
from segmind_swap.cli._exit_codes import code_of
from segmind_swap.emulator import Emulator, Picture

from .scripted import PNG

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")

# A test run in the background may ignore SIGINT, and what it starts inherits that.
HEEDING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
IGNORING = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def program(before: str = HEEDING) -> list[str]:
    """The program as an installed `segmind-swap` runs, with something done before."""
    return [sys.executable, "-c", f"{before}; from segmind_swap.cli import main; main()"]


COMMAND = program()
PATIENCE = 300
"""Seconds after which a command hangs, whatever else the machine has to do."""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEGMIND")}
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", **more}


def segmind_swap(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@contextmanager
def running(
    *arguments: str, cwd: Path, command: Sequence[str] = COMMAND, **env: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def with_pictures(folder: Path) -> Path:
    Image.new("RGB", (300, 400), "#7fb3d5").save(folder / "hero.png")
    Image.new("RGB", (640, 480), "#abebc6").save(folder / "street.jpg")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two pictures."""
    return with_pictures(tmp_path)


PAIR = ["--reference", "hero.png", "--scene", "street.jpg"]


@dataclass(frozen=True)
class Begun:
    """A command under way, and where it was called."""

    folder: Path
    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str, str]:
        """Its exit code and what it printed, once it has ended."""
        out, complaint = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, complaint


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Begun]]:
    """Swaps that wait more than they work: they do so at the same time, and while other tests run."""
    with ExitStack() as stack:

        def begin(name: str, *arguments: str, **env: str) -> Begun:
            folder = with_pictures(tmp_path_factory.mktemp(name))
            return Begun(folder, stack.enter_context(running("swap", *PAIR, *arguments, cwd=folder, **env)))

        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        nowhere = finding(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        yield {
            "by a person": begin("person", "--out", "out.png", "--emulator"),
            "by a script": begin("script", "--out", "out", "--emulator", "--json"),
            "of nobody": begin("nobody", "--out", "no.png", **nowhere),
        }


def test_one_command_turns_two_files_into_a_picture_on_the_emulator(begun: dict[str, Begun]) -> None:
    swap = begun["by a person"]
    code, out, told = swap.end()
    assert code == 0
    with Image.open(swap.folder / "out.png") as picture:
        assert picture.size[0] > 600
    assert re.search(r"^ +\d+\.\d s  accepted as [0-9a-f]{32}$", told, re.MULTILINE)
    assert re.fullmatch(r"saved out\.png  \(\d+ s; cost nothing: it ran on the emulator\)\n", out)
    assert "\x1b" not in out + told


def test_json_is_all_there_is_on_standard_output(begun: dict[str, Begun]) -> None:
    swap = begun["by a script"]
    code, out, _ = swap.end()
    result = SwapResult.model_validate_json(out)
    assert (result.path, code) == (Path("out.png"), 0)
    assert (swap.folder / "out.png").exists()


def test_what_is_wrong_with_which_input_is_said_without_a_traceback(folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    (folder / "taken.png").write_bytes(b"precious")
    cases = {
        ("--reference", "gone.png", "--scene", "street.jpg", "--out", "o.png"): "gone.png: No such file",
        (
            "--reference",
            "notes.txt",
            "--scene",
            "street.jpg",
            "--out",
            "o.png",
        ): "notes.txt: it is no picture",
        (*PAIR, "--out", "taken.png"): "taken.png exists already",
        (*PAIR, "--out", "nowhere/o.png"): "there is no folder nowhere",
        (*PAIR, "--out", "o.png", "--timeout", "0"): "timeout must be a number above zero",
    }
    for arguments, complaint in cases.items():
        done = segmind_swap("swap", *arguments, "--emulator", cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr
    assert (folder / "taken.png").read_bytes() == b"precious"
    assert not (folder / "o.png").exists()


def test_without_a_key_it_says_where_to_get_one_and_what_needs_none(folder: Path) -> None:
    for command in (["swap", *PAIR, "--out", "o.png"], ["credits"], ["upload", "hero.png"]):
        done = segmind_swap(*command, cwd=folder)
        assert done.returncode == 2
        for word in ("SEGMIND_API_KEY", "console", "--emulator", "demo"):
            assert word in done.stderr


def test_without_its_extra_it_says_what_to_install(folder: Path) -> None:
    for missing, extra, code in (
        ("typer", "segmind-swap[cli]", 1),
        ("uvicorn", "segmind-swap[emulator]", 2),
    ):
        done = subprocess.run(
            [*program(f"import sys; sys.modules[{missing!r}] = None"), "emulator", "--port", "0"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert extra in done.stderr
        assert "Traceback" not in done.stderr


@contextmanager
def an_emulator(folder: Path, speed: float, *arguments: str) -> Iterator[dict[str, str]]:
    """The environment in which commands find an emulator of their own."""
    # The pictures here are too plain for a preview to find anybody in them.
    options = ("--port", "0", "--speed", str(speed), "--engine", "sheet", *arguments)
    with running("emulator", *options, cwd=folder) as server:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found, "it ended early"
        yield finding(found[0])
        server.send_signal(signal.SIGINT)
        _, complaint = server.communicate(timeout=PATIENCE)
        assert (server.returncode, complaint) == (0, "")


def finding(url: str) -> dict[str, str]:
    """The environment in which commands find an emulator."""
    return {"SEGMIND_BASE_URL": url, "SEGMIND_API_KEY": "emulator-key"}


def until_accepted(swap: subprocess.Popen[str]) -> None:
    assert swap.stderr is not None
    while "accepted as" not in (line := swap.stderr.readline()):
        assert line, "it ended early"


def test_every_command_finds_an_emulator_by_the_environment(folder: Path) -> None:
    with an_emulator(folder, 1000) as service:
        before = segmind_swap("credits", "--json", cwd=folder, **service)
        assert json.loads(before.stdout) == {"credits": 100.0, "free_credits": 0.0}
        urls = segmind_swap("upload", "hero.png", "street.jpg", cwd=folder, **service).stdout.splitlines()
        assert [url.startswith(service["SEGMIND_BASE_URL"]) for url in urls] == [True, True]
        pair = ["--reference", urls[0], "--scene", urls[1]]
        done = segmind_swap("swap", *pair, "--out", "out.png", "--json", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        job = SwapResult.model_validate_json(done.stdout).job
        (folder / "job.json").write_text(job.model_dump_json())
        for number, form in enumerate((job.poll_url or "", job.model_dump_json(), "job.json")):
            again = segmind_swap("wait", form, "--out", f"again-{number}.png", cwd=folder, **service)
            assert again.returncode == 0, again.stderr
            assert (folder / f"again-{number}.png").read_bytes() == (folder / "out.png").read_bytes()
        assert segmind_swap("credits", cwd=folder, **service).stdout == "$99.85, and $0.00 free\n"

        refused = segmind_swap("credits", cwd=folder, **{**service, "SEGMIND_API_KEY": "wrong"})
        assert (refused.returncode, "401" in refused.stderr) == (1, True)
        nonsense = segmind_swap("wait", "nonsense", "--out", "no.png", cwd=folder, **service)
        assert (nonsense.returncode, "is no job" in nonsense.stderr) == (2, True)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(service["SEGMIND_BASE_URL"], timeout=PATIENCE)


def test_the_emulator_refuses_an_address_that_others_can_reach(folder: Path) -> None:
    done = segmind_swap("emulator", "--host", "0.0.0.0", "--port", "0", cwd=folder)
    assert done.returncode == 2
    assert "0.0.0.0" in done.stderr


def test_the_emulator_takes_faults_a_limit_and_credits(folder: Path) -> None:
    arguments = [
        "--fault",
        "credits:503:x1",
        "--fault",
        "upload:#2:404",
        "--rate-limit",
        "1",
        "--credits",
        "0.5",
    ]
    with an_emulator(folder, 1000, *arguments) as service:
        state = json.load(urllib.request.urlopen(f"{service['SEGMIND_BASE_URL']}/_emulator/state"))
        assert [(fault["on"], fault["what"], fault["when"]) for fault in state["faults"]] == [
            ("credits", "status 503", "once"),
            ("upload", "status 404", "call 2"),
        ]
        assert (state["rate_limit"]["requests_per_minute"], state["credits_usd"]) == (1, 0.5)
        page = urllib.request.urlopen(service["SEGMIND_BASE_URL"]).read()
        assert b"Segmind emulator" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "pol:502"], "'pol' is no kind of call; there are submit, poll"),
        (["--fault", "poll:502:ten%"], "'ten%' is not understood"),
        (["--rate-limit", "0"], "rate_limit must be at least 1"),
        (["--credits", "-1"], "credits_usd must be a number of at least 0"),
    ],
)
def test_the_emulator_says_which_option_it_cannot_use(folder: Path, arguments: list[str], words: str) -> None:
    done = segmind_swap("emulator", "--port", "0", *arguments, cwd=folder)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_swap_prints_the_command_that_waits_for_its_job(
    folder: Path, number: signal.Signals, code: int
) -> None:
    interrupted = threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        # However late the signal comes, the job is not done before.
        while not interrupted.is_set():  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.01)
        return PNG

    with Emulator(engine=engine, duration=0).serve() as url:
        service = finding(url)
        with running("swap", *PAIR, "--out", "out.png", cwd=folder, **service) as process:
            until_accepted(process)
            process.send_signal(number)
            _, complaint = process.communicate(timeout=PATIENCE)
        interrupted.set()
        assert process.returncode == code
        assert "interrupted; the job was accepted and is billed" in complaint
        assert "Traceback" not in complaint
        command = shlex.split(complaint.splitlines()[-1])
        assert command[:2] == ["segmind-swap", "wait"]
        done = segmind_swap(*command[1:], cwd=folder, **service)
        assert done.returncode == 0, done.stderr
    assert (folder / "out.png").exists()


def test_help_names_every_command_with_an_example_and_the_exit_codes(folder: Path) -> None:
    overview = segmind_swap("--help", cwd=folder).stdout
    assert "Exit codes: 0 done" in " ".join(overview.split())
    for command in ("swap", "wait", "credits", "upload", "emulator", "demo"):
        assert command in overview
        assert f"Example: segmind-swap {command}" in segmind_swap(command, "--help", cwd=folder).stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (ImageError("x", image="a.png"), 2),
        (AuthenticationError("x", status_code=401), 1),
        (AuthenticationError("x", status_code=401, job=JOB), 3),
        (SwapFailedError("x", reason="", job=JOB), 1),
        (SwapTimeoutError("x", seconds=1, job=JOB), 3),
        (SwapExpiredError("x", job=JOB), 3),
        (OutputError("x", body=b"", job=JOB), 3),
        (DownloadError("x", url="https://a.example/b", job=JOB), 3),
        (SubmissionUnknownError("x"), 4),
        (SubmissionUnknownError("x", job=JOB), 4),
    ],
)
def test_an_exit_code_tells_whether_something_was_paid(error: SwapError, code: int) -> None:
    assert code_of(error) == code


# What a newcomer stumbled over


def test_wait_takes_what_swap_printed_and_looks_at_its_target_first(folder: Path) -> None:
    with Emulator(speed=1000).serve() as url:
        service = finding(url)
        late = segmind_swap(
            "swap", *PAIR, "--out", "a.png", "--timeout", "0.1", "--json", cwd=folder, **service
        )
        assert late.returncode == 3
        told = json.loads(late.stdout)
        assert told["error"] == "SwapTimeoutError"
        (folder / "told.json").write_text(late.stdout)
        (folder / "taken.png").write_bytes(b"precious")
        taken = segmind_swap("wait", "told.json", "--out", "taken.png", cwd=folder, **service)
        assert taken.returncode == 2
        assert "exists already" in taken.stderr
        assert "completed" not in taken.stderr, "it said so before it asked for the job"
        done = segmind_swap("wait", "told.json", "--out", "a.png", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
    assert (folder / "a.png").exists()
    assert (folder / "taken.png").read_bytes() == b"precious"


def test_a_job_of_another_service_names_the_setting_and_not_the_same_command_again(folder: Path) -> None:
    elsewhere = "http://127.0.0.1:1/workflows/request/1"
    done = segmind_swap("wait", elsewhere, "--out", "a.png", cwd=folder, SEGMIND_API_KEY="k")
    assert done.returncode == 3
    assert "SEGMIND_BASE_URL" in done.stderr
    assert "segmind-swap wait" not in done.stderr


def test_sigterm_ends_a_command_even_where_a_script_ignores_sigint(folder: Path) -> None:
    swap = ["swap", *PAIR, "--out", "out.png"]
    with (
        Emulator(duration=3600).serve() as url,
        running(*swap, cwd=folder, command=program(IGNORING), **finding(url)) as process,
    ):
        until_accepted(process)
        process.terminate()
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "segmind-swap wait" in complaint
    assert "Traceback" not in complaint


def test_a_swap_of_a_service_that_is_not_there_has_failed(
    begun: dict[str, Begun],
) -> None:
    code, out, complaint = begun["of nobody"].end()
    assert (code, out) == (1, "")
    assert "Traceback" not in complaint
