"""The options of `review`: the commands that are printed are those of the same batch."""

from pathlib import Path

import pytest

from segmind_swap import ConfigurationError, Verdict
from segmind_swap.cli._review.options import Exported, Listed, ReviewOptions


def test_a_printed_command_names_the_journal_if_the_user_did() -> None:
    assert ReviewOptions(out=Path("out")).words("--serve") == ["segmind-swap", "review", "out", "--serve"]
    words = ReviewOptions(out=Path("out"), journal=Path("j.db")).words()
    assert words == ["segmind-swap", "review", "out", "--journal", "j.db"]


def test_every_decision_can_be_listed_and_a_discarded_picture_is_never_exported() -> None:
    assert {*Listed} == {*map(str, Verdict), "flagged"}
    assert {exported.verdict for exported in Exported} == {*Verdict} - {Verdict.DISCARD}


def test_a_batch_must_have_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        ReviewOptions(out=tmp_path / "out").review()
