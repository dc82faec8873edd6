"""Commands in this process, against an emulator whose ledger is the witness."""

import json
from pathlib import Path
from typing import Any

import pytest

from segmind_swap.emulator import Emulator

from ..processes import in_this_process


class Shell:
    """Runs commands in a folder, in this process, against an emulator."""

    def __init__(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = emulator
        self._monkeypatch = monkeypatch

    def run(self, *arguments: str, cwd: Path) -> Any:
        return in_this_process(*arguments, cwd=cwd, monkeypatch=self._monkeypatch)

    def json(self, *arguments: str, cwd: Path) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.run(*arguments, "--json", cwd=cwd).stdout)
        return fields

    @property
    def paid(self) -> int:
        return len(self.emulator.ledger)
