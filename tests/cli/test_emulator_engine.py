"""The choice of what draws the emulator's pictures."""

import sys

import pytest

from segmind_swap.cli import _emulator_engine
from segmind_swap.cli._emulator_engine import LEADS, PREVIEWS_AT_MOST, Engine, best_engine, engine_for
from segmind_swap.emulator import Emulator


@pytest.mark.parametrize("engine", [Engine.SHEET, Engine.NONE])
def test_the_emulator_takes_every_engine_that_needs_no_extra(engine: Engine) -> None:
    Emulator(engine=engine.value)


def test_without_the_packages_of_the_preview_the_best_engine_is_the_sheet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "segmind_swap.emulator.preview", None)
    assert best_engine() is Engine.SHEET


def test_a_batch_of_many_inputs_gets_sheets_unless_it_asks_for_previews(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_emulator_engine, "best_engine", lambda: Engine.PREVIEW)
    assert engine_for(1, None) is Engine.PREVIEW
    assert engine_for(PREVIEWS_AT_MOST, None) is Engine.PREVIEW
    assert engine_for(PREVIEWS_AT_MOST + 1, None) is Engine.SHEET
    for asked in Engine:
        assert engine_for(1, asked) is engine_for(300, asked) is asked


def test_every_engine_has_its_words_for_the_report() -> None:
    assert set(LEADS) == set(Engine)
