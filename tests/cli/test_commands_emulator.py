"""The command `emulator`, and the free commands that use it."""

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from segmind_swap import SwapResult

from .processes import PATIENCE, emulator_at, running, segmind_swap


@contextmanager
def an_emulator_command(folder: Path, speed: float, *arguments: str) -> Iterator[dict[str, str]]:
    """Runs the command `emulator`, and yields the environment variables with which commands use it."""
    # The test pictures show no person, so the preview would find nothing to swap.
    options = ("--port", "0", "--speed", str(speed), "--engine", "sheet", *arguments)
    with running("emulator", *options, cwd=folder) as server:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found, "the emulator ended early"
        yield emulator_at(found[0])
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=PATIENCE)
        assert (server.returncode, err) == (0, "")


def test_every_command_finds_an_emulator_by_the_environment(folder: Path) -> None:
    with an_emulator_command(folder, 1000) as service:
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
    with an_emulator_command(folder, 1000, *arguments) as service:
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
