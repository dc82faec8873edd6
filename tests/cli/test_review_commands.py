"""The names that `review` and `export` take; what the commands do is tested in `tests/cli/review`."""

import pytest
import typer

from segmind_swap.cli._review.options import Listed
from segmind_swap.cli._review_commands import _chosen


def test_a_name_is_one_of_the_known_ones_or_the_message_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert _chosen("--list", "redo", Listed) is Listed.REDO
    with pytest.raises(typer.Exit):
        _chosen("--list", "Redo", Listed)
    assert "--list 'Redo' is none of these: keep, discard, redo" in capsys.readouterr().err
