"""The commands `swap` and `wait`, and what all commands do with errors."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from segmind_swap import SwapResult
from segmind_swap.emulator import Emulator

from .processes import PAIR, PATIENCE, emulator_at, running, segmind_swap, with_pictures


@dataclass(frozen=True)
class Running:
    """A running command, and its working directory."""

    folder: Path
    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str, str]:
        """Waits for the end; returns the exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Three swaps that mostly wait. They run at the same time, and while other tests run."""
    with ExitStack() as stack:

        def begin(name: str, *arguments: str, **env: str) -> Running:
            folder = with_pictures(tmp_path_factory.mktemp(name))
            return Running(folder, stack.enter_context(running("swap", *PAIR, *arguments, cwd=folder, **env)))

        unused = stack.enter_context(socket.socket())
        unused.bind(("127.0.0.1", 0))  # a port on which no server listens
        nowhere = emulator_at(f"http://127.0.0.1:{unused.getsockname()[1]}")
        yield {
            "by a person": begin("person", "--out", "out.png", "--emulator", "--engine", "sheet"),
            "by a script": begin("script", "--out", "out", "--emulator", "--engine", "none", "--json"),
            "of nobody": begin("nobody", "--out", "no.png", **nowhere),
        }


def test_one_command_turns_two_files_into_a_picture_on_the_emulator(begun: dict[str, Running]) -> None:
    swap = begun["by a person"]
    code, out, err = swap.end()
    assert code == 0
    with Image.open(swap.folder / "out.png") as picture:
        assert picture.size[0] > 600
    assert re.search(r"^ +\d+\.\d s  accepted as [0-9a-f]{32}$", err, re.MULTILINE)
    assert re.fullmatch(r"saved out\.png  \(\d+ s; cost nothing: the swap ran on the emulator\)\n", out)
    assert "\x1b" not in out + err


def test_with_json_standard_output_is_json_only(begun: dict[str, Running]) -> None:
    swap = begun["by a script"]
    code, out, _ = swap.end()
    result = SwapResult.model_validate_json(out)
    assert (result.path, code) == (Path("out.png"), 0)
    assert (swap.folder / "out.png").exists()


def test_an_input_or_option_that_cannot_be_used_is_named_without_a_traceback(folder: Path) -> None:
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
        (*PAIR, "--out", "o.png", "--timeout", "0"): "--timeout must be a number above zero",
    }
    for arguments, problem in cases.items():
        done = segmind_swap("swap", *arguments, "--emulator", "--engine", "sheet", cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert problem in done.stderr
        assert "Traceback" not in done.stderr
    assert (folder / "taken.png").read_bytes() == b"precious"
    assert not (folder / "o.png").exists()


def test_wait_takes_the_json_that_swap_printed_and_checks_its_target_first(folder: Path) -> None:
    with Emulator(speed=1000).serve() as url:
        service = emulator_at(url)
        late = segmind_swap(
            "swap", *PAIR, "--out", "a.png", "--timeout", "0.1", "--json", cwd=folder, **service
        )
        assert late.returncode == 3
        assert json.loads(late.stdout)["error"] == "SwapTimeoutError"
        (folder / "late.json").write_text(late.stdout)
        (folder / "taken.png").write_bytes(b"precious")
        taken = segmind_swap("wait", "late.json", "--out", "taken.png", cwd=folder, **service)
        assert taken.returncode == 2
        assert "exists already" in taken.stderr
        assert "completed" not in taken.stderr, "the target is checked before the job is polled"
        done = segmind_swap("wait", "late.json", "--out", "a.png", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
    assert (folder / "a.png").exists()
    assert (folder / "taken.png").read_bytes() == b"precious"


def test_a_job_of_another_service_names_the_setting_and_not_the_same_command_again(folder: Path) -> None:
    elsewhere = "http://127.0.0.1:1/workflows/request/1"
    done = segmind_swap("wait", elsewhere, "--out", "a.png", cwd=folder, SEGMIND_API_KEY="k")
    assert done.returncode == 3
    assert "SEGMIND_BASE_URL" in done.stderr
    assert "segmind-swap wait" not in done.stderr


def test_a_swap_on_a_service_that_cannot_be_reached_fails(
    begun: dict[str, Running],
) -> None:
    code, out, err = begun["of nobody"].end()
    assert (code, out) == (1, "")
    assert "Traceback" not in err
