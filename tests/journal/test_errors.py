"""An error about a journal names its path, in the sentence and as an attribute."""

import pickle
from pathlib import Path

from segmind_swap import JournalError
from segmind_swap._journal.errors import journal_error


def test_an_error_has_the_path_as_text_and_survives_pickling() -> None:
    error = journal_error(Path("out") / "run.db", "is in use")
    assert isinstance(error, JournalError)
    assert str(error) == f"the journal {Path('out') / 'run.db'} is in use"
    assert error.path == str(Path("out") / "run.db")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path) == (str(error), error.path)
