"""The wall clock, in a test's hands."""

import random
import sys
import time
from datetime import UTC, datetime, tzinfo
from typing import Self

import pytest


class Wall:
    """The wall clock, which a test may set, and which stands still otherwise: the loop's clock is another."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.jumps = 0
        self._dice = random.Random(7)
        self._noon = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()

    def time(self) -> float:
        return self._noon + self.ahead

    def jump(self) -> None:
        """Hours forward or back."""
        self.jumps += 1
        self.ahead = self._dice.uniform(-12 * 3600.0, 12 * 3600.0)


def wall_clock(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The clock of every module of the package that looks at one, and `time.time`."""
    wall = Wall()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(wall.time(), tz)

    names = [name for name in sys.modules if name.startswith("segmind_swap.") and "emulator" not in name]
    patched = [name for name in names if getattr(sys.modules[name], "datetime", None) is datetime]
    assert {"segmind_swap._swap.polling", "segmind_swap._http.client", "segmind_swap._models"} <= set(patched)
    for name in patched:
        monkeypatch.setattr(sys.modules[name], "datetime", Clock)
    monkeypatch.setattr(time, "time", wall.time)
    return wall
