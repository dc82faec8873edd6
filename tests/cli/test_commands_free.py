"""The commands that cost nothing: what they try, what they have done, and how long they waited."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segmind_swap.emulator import Fault

from .processes import PAIR, an_emulator, in_this_process

Run = Callable[..., Any]


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, with the variables of an emulator."""

    def command(*arguments: str, **variables: str) -> Any:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return in_this_process(*arguments, cwd=folder, monkeypatch=monkeypatch)

    return command


def test_what_is_tried_again_is_told_while_it_is_tried(run: Run) -> None:
    with an_emulator(faults=[Fault(on="credits", calls=(1,), status=503)]) as (_, service):
        done = run("credits", **service)
    assert (done.exit_code, done.stdout) == (0, "$100.00, and $0.00 free\n")
    assert re.fullmatch(
        r" +\d+\.\d s  the request for the credits was answered 503.*; trying again in \d\.\d s\n",
        done.stderr,
    )


def test_a_command_without_trouble_tells_nothing_else(run: Run) -> None:
    with an_emulator() as (_, service):
        assert run("credits", **service).stderr == ""


def test_all_pictures_are_checked_before_the_first_is_uploaded(run: Run, folder: Path) -> None:
    (folder / "bad.heic").write_bytes(b"no picture")
    with an_emulator() as (emulator, service):
        for flags in ([], ["--json"]):
            done = run("upload", "hero.png", "bad.heic", "gone.png", *flags, **service)
            assert done.exit_code == 2
            assert "bad.heic: it is no picture" in done.stderr
            assert "gone.png: No such file" in done.stderr, "every picture that cannot be used"
            assert "http" not in done.stdout
        assert [call.kind for call in emulator.calls] == []


@pytest.mark.parametrize("as_json", [False, True])
def test_an_upload_that_fails_loses_no_url_of_those_before_it(run: Run, as_json: bool) -> None:
    with an_emulator(faults=[Fault(on="upload", calls=(2,), status=400)]) as (_, service):
        done = run("upload", "hero.png", "street.jpg", *(["--json"] if as_json else []), **service)
    assert done.exit_code == 1, "something was sent, so this is no usage error"
    assert "the upload of the picture was answered 400" in done.stderr
    assert "uploaded before the command ended: hero.png" in done.stderr
    if as_json:
        fields = json.loads(done.stdout)
        assert (fields["error"], list(fields["urls"])) == ("BadRequestError", ["hero.png"])
        assert fields["urls"]["hero.png"].startswith("http")
    else:
        assert re.fullmatch(r"http://\S+\n", done.stdout)


def test_a_picture_that_changes_after_another_was_uploaded_is_no_usage_error(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(client: object, pictures: object) -> None:
        pass

    monkeypatch.setattr("segmind_swap.cli._commands._check_pictures", nothing)
    (folder / "late.png").write_bytes(b"written again")
    with an_emulator() as (_, service):
        done = run("upload", "hero.png", "late.png", **service)
    assert done.exit_code == 1
    assert done.stdout.startswith("http")


def test_wait_tells_how_long_it_waited_and_not_how_old_the_job_is(run: Run, folder: Path) -> None:
    with an_emulator() as (_, service):
        swapped = run("swap", *PAIR, "--out", "a.png", "--json", **service)
        fields = json.loads(swapped.stdout)
        fields["job"]["submitted_at"] = "2026-01-01T00:00:00Z"
        (folder / "old.json").write_text(json.dumps(fields), encoding="utf-16")
        done = run("wait", "old.json", "--out", "b.png", **service)
        assert done.exit_code == 0, done.stderr
        assert re.fullmatch(r"saved b\.png  \(waited \d+\.\d s; waiting is free\)\n", done.stdout)
        late = json.loads(run("wait", "old.json", "--out", "c.png", "--json", **service).stdout)
    assert late["seconds"] > 10_000, "since the acceptance until somebody asked"
    assert late["least_seconds"] == 0.0, "no poll found the job running: it may have been done at once"


def test_what_is_no_job_is_a_usage_error_and_json_with_json(run: Run) -> None:
    done = run("wait", "gone.json", "--out", "b.png", "--json", SEGMIND_API_KEY="k")
    assert (done.exit_code, json.loads(done.stdout)["error"]) == (2, "ConfigurationError")
    assert "there is no file 'gone.json'" in done.stderr


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_its_help_under_both_names(run: Run, option: str) -> None:
    assert "Commands:" in run(option).stdout
    for command in ("swap", "wait", "batch", "status", "resolve", "credits", "upload", "emulator", "demo"):
        assert run(command, option).stdout.startswith("Usage:")


def test_the_version_is_that_of_the_package(run: Run) -> None:
    import segmind_swap

    done = run("--version")
    assert (done.exit_code, done.stdout.split()[:2]) == (0, ["segmind-swap", f"{segmind_swap.__version__},"])
