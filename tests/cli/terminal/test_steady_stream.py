"""Streams whose terminal, pipe or disk goes away."""

import errno
import io
import os
from pathlib import Path

import pytest

from segmind_swap.cli._terminal.steady_stream import SteadyStream

from ..processes import COMMAND, PAIR, a_held_emulator, an_emulator, read_until, running, segmind_swap


class Gone(io.StringIO):
    """A stream whose writes fail."""

    def __init__(self, number: int, descriptor: int) -> None:
        super().__init__()
        self._number = number
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        raise OSError(self._number, os.strerror(self._number))

    def flush(self) -> None:
        raise OSError(self._number, os.strerror(self._number))

    def fileno(self) -> int:
        return self._descriptor


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC])
def test_a_stream_that_is_gone_says_nothing(tmp_path: Path, number: int) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        steady = SteadyStream(Gone(number, file.fileno()))
        assert steady.write("text") == 4
        steady.flush()
        file.write(b"buffered")
    assert (tmp_path / "file").read_bytes() == b""


def test_only_the_errors_that_are_named_are_silent(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        only = frozenset({errno.EIO})
        assert SteadyStream(Gone(errno.EIO, file.fileno()), only=only).write("text") == 4
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            SteadyStream(Gone(errno.ENOSPC, file.fileno()), only=only).write("text")


def test_a_stream_that_works_is_as_before() -> None:
    stream = io.StringIO()
    steady = SteadyStream(stream)
    assert (steady.write("text"), steady.isatty(), steady.writable()) == (4, False, True)
    steady.flush()
    assert stream.getvalue() == "text"


@pytest.mark.parametrize("words", ["submitting", "accepted as"])
def test_a_reader_of_the_progress_that_goes_away_ends_no_paid_swap(folder: Path, words: str) -> None:
    with (
        a_held_emulator() as (emulator, service, release),
        running("swap", *PAIR, "--out", "out.png", cwd=folder, **service) as process,
    ):
        read_until(process, words)
        assert process.stderr is not None
        process.stderr.close()
        release.set()
        assert process.wait() == 0
    assert (folder / "out.png").exists()
    assert len(emulator.ledger) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
def test_a_result_that_cannot_be_written_is_an_error(folder: Path) -> None:
    with an_emulator() as (_, service):
        shell = ["sh", "-c", 'exec "$0" "$@" >/dev/full']
        done = segmind_swap("credits", cwd=folder, command=[*shell, *COMMAND], **service)
    assert done.returncode != 0
