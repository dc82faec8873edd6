"""The choice of what draws the emulator's pictures."""

import sys

import pytest

from segmind_swap.cli._emulator_engine import Engine, best_engine
from segmind_swap.emulator import Emulator


@pytest.mark.parametrize("engine", [Engine.SHEET, Engine.NONE])
def test_the_emulator_takes_every_engine_that_needs_no_extra(engine: Engine) -> None:
    Emulator(engine=engine.value)


def test_without_the_packages_of_the_preview_the_best_engine_is_the_sheet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "segmind_swap.emulator.preview", None)
    assert best_engine() is Engine.SHEET
