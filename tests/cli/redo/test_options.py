"""The options of a redo are those of a batch, with the swaps and the consent."""

from pathlib import Path

from segmind_swap.cli._redo.options import RedoOptions

from ..batch.test_options import options


def test_the_journal_is_that_of_the_batch_in_its_folder() -> None:
    redo = RedoOptions(swaps=["a", "b:2"], pay_again=False, batch=options(out=Path("out")))
    assert redo.batch.journal_path == Path("out/journal.db")
    assert (redo.swaps, redo.pay_again) == (["a", "b:2"], False)
