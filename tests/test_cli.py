"""The command line as a person or a script meets it: real processes."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

COMMAND = [sys.executable, "-c", "from segmind_swap.cli import main; main()"]


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
        timeout=60,
    )


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two pictures."""
    Image.new("RGB", (300, 400), "#7fb3d5").save(tmp_path / "hero.png")
    Image.new("RGB", (640, 480), "#abebc6").save(tmp_path / "street.jpg")
    return tmp_path


PAIR = ["--reference", "hero.png", "--scene", "street.jpg"]


def test_one_command_turns_two_files_into_a_picture_on_the_emulator(folder: Path) -> None:
    done = segmind_swap("swap", *PAIR, "--out", "out.png", "--emulator", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(folder / "out.png") as picture:
        assert picture.size[0] > 600
    assert re.search(r"^ +\d+\.\d s  accepted as [0-9a-f]{32}$", done.stdout, re.MULTILINE)
    assert re.search(
        r"^saved out\.png  \(\d+ s; cost nothing: it ran on the emulator\)$", done.stdout, re.MULTILINE
    )
    assert "\x1b" not in done.stdout


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
        assert done.returncode == 1
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr + done.stdout
    assert (folder / "taken.png").read_bytes() == b"precious"
    assert not (folder / "o.png").exists()


def test_without_a_key_it_says_where_to_get_one(folder: Path) -> None:
    done = segmind_swap("swap", *PAIR, "--out", "out.png", cwd=folder)
    assert done.returncode == 1
    assert "SEGMIND_API_KEY" in done.stderr


def test_without_its_extra_it_says_what_to_install(folder: Path) -> None:
    for missing, extra in (("typer", "segmind-swap[cli]"), ("uvicorn", "segmind-swap[emulator]")):
        program = f"import sys; sys.modules[{missing!r}] = None; from segmind_swap.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "emulator", "--port", "0"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert extra in done.stderr


def test_the_emulator_serves_until_it_is_interrupted_and_a_swap_finds_it_by_the_environment(
    folder: Path,
) -> None:
    with running("emulator", "--port", "0", "--speed", "1000", cwd=folder) as server:
        assert server.stdout is not None
        url = ""
        while not url:
            line = server.stdout.readline()
            assert line, "it ended early"
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            url = found[0] if found else ""
        swapping = {"SEGMIND_BASE_URL": url, "SEGMIND_API_KEY": "emulator-key"}
        done = segmind_swap("swap", *PAIR, "--out", "out.png", cwd=folder, **swapping)
        assert (done.returncode, done.stderr) == (0, "")
        assert (folder / "out.png").exists()
        wrong = segmind_swap(
            "swap", *PAIR, "--out", "no.png", cwd=folder, **{**swapping, "SEGMIND_API_KEY": "x"}
        )
        assert wrong.returncode == 1
        assert "401" in wrong.stderr
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=10) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


def test_the_emulator_refuses_an_address_that_others_can_reach(folder: Path) -> None:
    done = segmind_swap("emulator", "--host", "0.0.0.0", "--port", "0", cwd=folder)
    assert done.returncode == 1
    assert "0.0.0.0" in done.stderr


def test_an_interrupted_swap_names_the_job_that_still_runs(folder: Path) -> None:
    with running("emulator", "--port", "0", "--speed", "1", cwd=folder) as server:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found
        command = [*COMMAND, "swap", *PAIR, "--out", "out.png"]
        env = environment(SEGMIND_BASE_URL=found[0], SEGMIND_API_KEY="emulator-key")
        with subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            while "accepted as" not in (line := process.stdout.readline()):
                assert line, "it ended early"
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted; the job was accepted and is billed" in complaint
    assert f'"poll_url":"{found[0]}/workflows/request/' in complaint
    assert "Traceback" not in complaint
