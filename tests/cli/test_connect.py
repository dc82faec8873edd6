"""The service that a command uses."""

import os
import urllib.request
from pathlib import Path

import pytest
import typer

from segmind_swap.cli._connect import client_settings, new_emulator, parse_faults, parse_switches
from segmind_swap.cli._terminal.exit_codes import ExitCode

from .processes import PAIR, segmind_swap


def test_without_a_key_it_says_where_to_get_one_and_what_needs_none(folder: Path) -> None:
    for command in (["swap", *PAIR, "--out", "o.png"], ["credits"], ["upload", "hero.png"]):
        done = segmind_swap(*command, cwd=folder)
        assert done.returncode == 2
        for word in ("SEGMIND_API_KEY", "console", "--emulator", "demo"):
            assert word in done.stderr


def test_a_key_in_the_environment_needs_no_other_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "k")
    with client_settings(emulator=False) as settings:
        assert settings == {}


def test_a_command_that_sends_nothing_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    with client_settings(emulator=False, needs_key=False) as settings:
        assert settings == {"api_key": "none"}


def test_http_is_allowed_while_the_settings_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "k")
    for before in (None, "0"):
        if before is not None:
            monkeypatch.setenv("SEGMIND_ALLOW_HTTP", before)
        with client_settings(allow_http=True) as settings:
            assert (settings, os.environ["SEGMIND_ALLOW_HTTP"]) == ({}, "1")
        assert os.environ.get("SEGMIND_ALLOW_HTTP") == before


def test_an_emulator_runs_while_its_settings_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "the key of the account")
    with client_settings(emulator=True) as settings:
        assert settings["api_key"] != "the key of the account"
        assert settings["base_url"].startswith("http://127.0.0.1:")
        page = urllib.request.urlopen(settings["base_url"]).read()
        assert b"Segmind emulator" in page
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(settings["base_url"])


def test_a_fault_that_cannot_be_parsed_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        parse_faults(["poll:502", "nonsense"])
    assert caught.value.exit_code == ExitCode.USAGE
    assert "nonsense" in capsys.readouterr().err
    assert len(parse_faults(["poll:502", "submit:#3:cut"])) == 2


def test_the_emulator_has_the_switches_that_were_given() -> None:
    switches = parse_switches(["output=url", "count_polls=yes", "record_lifetime=5"])
    assert switches == {"output": "url", "count_polls": True, "record_lifetime": 5.0}
    emulator = new_emulator(speed=1, switches=switches)
    contract = emulator._controls.account.api.contract
    assert (contract.output, contract.count_polls, contract.record_lifetime) == ("url", True, 5.0)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["output=xml"], "output is json-list, list, "),
        (["output=url", "nothing=1"], "there is no 'nothing'; there are auth, acceptance, "),
        (["output=url", "output=list"], "'output=list': output is given a second time"),
    ],
)
def test_a_switch_that_cannot_be_used_is_a_usage_error(
    lines: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught:
        parse_switches(lines)
    assert caught.value.exit_code == ExitCode.USAGE
    assert words in capsys.readouterr().err
