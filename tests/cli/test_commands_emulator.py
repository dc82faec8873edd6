"""The command `emulator`, and the free commands that use it."""

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segmind_swap import SwapResult
from segmind_swap.cli._app.app import app
from segmind_swap.emulator import describe_switches

from .processes import PATIENCE, emulator_at, program, running, segmind_swap


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
        assert (nonsense.returncode, "there is no file 'nonsense'" in nonsense.stderr) == (2, True)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(service["SEGMIND_BASE_URL"], timeout=PATIENCE)


def test_the_emulator_refuses_an_address_that_others_can_reach(folder: Path) -> None:
    done = segmind_swap("emulator", "--host", "0.0.0.0", "--port", "0", cwd=folder)
    assert done.returncode == 2
    assert "0.0.0.0" in done.stderr


@contextmanager
def an_emulator_for_others(folder: Path, *arguments: str) -> Iterator[list[str]]:
    """The command `emulator` for other machines; yields the lines that it prints."""
    options = ("--port", "0", "--engine", "sheet", "--speed", "1000", "--host", "0.0.0.0", "--allow-remote")
    with running("emulator", *options, *arguments, cwd=folder) as server:
        assert server.stdout is not None
        yield [server.stdout.readline() for _ in range(6)]
        server.send_signal(signal.SIGHUP)
        _, err = server.communicate(timeout=PATIENCE)
        assert (server.returncode, err) == (0, "")


def variables_of(line: str) -> dict[str, str]:
    """The variables that a printed `export` sets."""
    export, *variables = line.split()
    assert export == "export"
    return dict(variable.split("=", 1) for variable in variables)


def test_the_address_that_an_emulator_for_others_prints_works_here(folder: Path) -> None:
    with an_emulator_for_others(folder) as lines:
        service = variables_of(lines[3])
        done = segmind_swap("credits", cwd=folder, **service)
        assert (done.returncode, done.stderr) == (0, "")
        elsewhere = variables_of(lines[5])
        assert elsewhere["SEGMIND_BASE_URL"] == service["SEGMIND_BASE_URL"].replace("127.0.0.1", "HOST")
        assert elsewhere["SEGMIND_ALLOW_HTTP"] == "1"


def test_a_name_of_another_machine_needs_the_variable_or_the_option_and_says_so_once(folder: Path) -> None:
    # Resolved to this machine, as a name in a network of containers is to another.
    patch = (
        "import socket; real = socket.getaddrinfo;"
        " socket.getaddrinfo = lambda host, *a, **k:"
        " real('127.0.0.1' if host in ('emulator', b'emulator') else host, *a, **k)"
    )
    with an_emulator_for_others(folder) as lines:
        url = variables_of(lines[3])["SEGMIND_BASE_URL"].replace("127.0.0.1", "emulator")
        service = emulator_at(url)

        def run(*arguments: str, **env: str) -> tuple[int, str]:
            done = segmind_swap(*arguments, cwd=folder, command=program(patch), **{**service, **env})
            return done.returncode, done.stderr

        code, err = run("credits")
        assert (code, "--allow-http" in err) == (2, True)
        for arguments, variables in (("--allow-http",), {}), ((), {"SEGMIND_ALLOW_HTTP": "1"}):
            code, err = run("credits", *arguments, **variables)
            assert code == 0, err
            assert err.count("in clear text") == 1
        batch = ("batch", "scenes", "--reference", "hero.png", "--out", "out", "--poll-interval", "0.1")
        code, err = run(*batch, "--allow-http")
        assert code == 0, err
        assert err.count("in clear text") == 1
        code, err = run("credits", "--allow-http", SEGMIND_BASE_URL="http://api.segmind.com")
        assert (code, "clear text" in err) == (2, True)


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
        "--switch",
        "upload_field=urls",
        "--count-polls",
    ]
    with an_emulator_command(folder, 1000, *arguments) as service:
        state = json.load(urllib.request.urlopen(f"{service['SEGMIND_BASE_URL']}/_emulator/state"))
        assert [(fault["on"], fault["what"], fault["when"]) for fault in state["faults"]] == [
            ("credits", "status 503", "once"),
            ("upload", "status 404", "call 2"),
        ]
        limit = state["rate_limit"]
        assert (limit["requests_per_minute"], limit["count_polls"], state["credits_usd"]) == (1, True, 0.5)
        uploaded = urllib.request.Request(
            f"{service['SEGMIND_BASE_URL']}/upload-asset",
            data=b'{"data_urls": ["data:image/png;base64,AAEC"]}',
            headers={"x-api-key": service["SEGMIND_API_KEY"], "content-type": "application/json"},
        )
        assert set(json.load(urllib.request.urlopen(uploaded))) == {"urls", "message"}
        page = urllib.request.urlopen(service["SEGMIND_BASE_URL"]).read()
        assert b"Segmind emulator" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "pol:502"], "'pol' is no kind of call; there are submit, poll"),
        (["--fault", "poll:502:ten%"], "'ten%' is not understood"),
        (["--rate-limit", "0"], "--rate-limit must be at least 1"),
        (["--credits", "-1"], "--credits must be a number of at least 0"),
        (["--switch", "output=xml"], "output is json-list, list, "),
        (["--count-polls", "--switch", "count_polls=no"], "count_polls is given a second time"),
    ],
)
def test_the_emulator_says_which_option_it_cannot_use(folder: Path, arguments: list[str], words: str) -> None:
    done = segmind_swap("emulator", "--port", "0", *arguments, cwd=folder)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


def test_the_switches_are_listed_without_serving() -> None:
    done = CliRunner().invoke(app, ["emulator", "--list-switches"])
    assert done.exit_code == 0
    assert done.stdout == f"{describe_switches()}\n"
