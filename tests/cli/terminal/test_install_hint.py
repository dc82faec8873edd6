"""The command that installs an extra: true of today, from wherever the package came."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from segmind_swap.cli._terminal import install_hint

IN_A_CHECKOUT = "pip install '.[cli]'  (in a checkout of segmind-swap)"


class Installed:
    """The metadata of an installed package."""

    def __init__(self, direct_url: str | None) -> None:
        self._direct_url = direct_url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._direct_url


def told(monkeypatch: pytest.MonkeyPatch, direct_url: Any) -> str:
    text = direct_url if direct_url is None or isinstance(direct_url, str) else json.dumps(direct_url)
    monkeypatch.setattr(install_hint, "distribution", lambda name: Installed(text))
    return install_hint.install_command("cli")


def test_the_command_names_where_the_package_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my checkout"
    folder.mkdir()
    url = folder.as_uri()
    wheel = tmp_path / "segmind_swap-0.1.0-py3-none-any.whl"
    wheel.touch()
    vcs = {"url": "https://git.example/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}
    for direct_url, command in (
        ({"url": url, "dir_info": {}}, f"pip install '{folder}[cli]'"),
        ({"url": url, "dir_info": {"editable": True}}, f"pip install -e '{folder}[cli]'"),
        ({"url": wheel.as_uri(), "archive_info": {}}, f"pip install '{wheel}[cli]'"),
        (vcs, "pip install 'segmind-swap[cli] @ git+https://git.example/x.git'"),
        ({"url": "https://x.example/s.whl"}, "pip install 'segmind-swap[cli] @ https://x.example/s.whl'"),
        # From a package index, where the name is known.
        (None, "pip install 'segmind-swap[cli]'"),
    ):
        assert told(monkeypatch, direct_url) == command


def test_a_source_that_is_gone_or_unknown_names_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, {"url": "file:///no/such/folder", "dir_info": {}}) == IN_A_CHECKOUT
    assert told(monkeypatch, "{") == IN_A_CHECKOUT

    def never_installed(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(install_hint, "distribution", never_installed)
    assert install_hint.install_command("cli") == IN_A_CHECKOUT


def test_the_hint_names_what_needs_the_extra() -> None:
    hint = install_hint.install_hint("the demo", "demo")
    assert hint.startswith("the demo needs the extra demo of segmind-swap, which is not installed:\n  pip")
    assert "[demo]" in hint
